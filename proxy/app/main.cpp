// pgweir: the command line.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "config/load.hpp"
#include "proxy/app/logging.hpp"
#include "proxy/app/proxy.hpp"
#include "proxy/app/route_command.hpp"
#include "proxy/monitor/catalog_reader.hpp"
#include "proxy/sql/catalog_builder.hpp"

namespace {

int serve(const std::string& file) {
    pgweir::config::Config config = pgweir::config::load_file(file);
    pgweir::app::set_up_logging(config.log);
    pgweir::app::Proxy proxy(file, std::move(config));
    return proxy.run();
}

int check(const std::string& file) {
    const pgweir::config::Config config = pgweir::config::load_file(file);
    std::cout << file << ": good: " << config.servers.size() << " servers, " << config.databases.size() << " databases, "
              << config.users.size() + config.file_users.size() << " users\n";
    return 0;
}

struct RouteArguments {
    std::string config;
    std::string catalog;  // a connection string; empty: none is read
    pgweir::app::RouteOptions options;
};

void add_route_options(CLI::App& command, RouteArguments& route) {
    using pgweir::app::SourceFormat;
    static const std::map<std::string, SourceFormat> kFormats{{"sql", SourceFormat::sql}, {"csv", SourceFormat::csv}, {"log", SourceFormat::log}};
    CLI::Option* nul = command.add_flag("-0", route.options.nul_separated, "statements end with a NUL instead of a ';' at a line's end");
    command
        .add_option("--format", route.options.format,
                    "sql; csv: pg_stat_statements with a header that has the column query, and perhaps calls and total_exec_time, or "
                    "a csvlog; log: the server's log. Without it: as the input looks")
        ->transform(CLI::CheckedTransformer(kFormats).description("sql|csv|log"))
        ->excludes(nul);
    command.add_flag("--summary", route.options.summary,
                     "print how much replicas can take, each reason's share, and the reads that stay on the primary");
    command.add_option("--top", route.options.top, "how many such reads the summary shows of each reason")->capture_default_str();
    command.add_option("--config", route.config, "take the function lists of this configuration");
    command.add_option("--catalog", route.catalog, "judge with the functions, views and the like of the database at this connection string");
}

int route(const RouteArguments& arguments) {
    pgweir::sql::Allowlist functions;
    if (!arguments.config.empty()) {
        const pgweir::config::Config config = pgweir::config::load_file(arguments.config);
        functions = pgweir::sql::Allowlist(config.routing.safe_functions, config.routing.unsafe_functions);
    }
    std::optional<pgweir::sql::Catalog> catalog;
    if (!arguments.catalog.empty()) {
        catalog = pgweir::sql::CatalogBuilder::build(pgweir::monitor::read_catalog(arguments.catalog), functions);
    }
    std::ios::sync_with_stdio(false);
    return pgweir::app::run_route(std::cin, std::cout, arguments.options, {functions, catalog ? &*catalog : nullptr});
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"pgweir: a read/write-splitting proxy for PostgreSQL", "pgweir"};
    app.set_version_flag("--version", "pgweir " PGWEIR_VERSION);
    app.footer("pgweir FILE serves with this configuration. See docs/ and config/example.toml.");
    std::string file;
    std::string check_file;
    RouteArguments route_options;
    app.add_option("FILE", file, "the configuration (TOML) to serve with");
    CLI::App* check_command = app.add_subcommand("check", "check a configuration file and say all that is wrong with it");
    check_command->add_option("FILE", check_file, "the configuration (TOML)")->required();
    CLI::App* route_command =
        app.add_subcommand("route", "read SQL, an export of pg_stat_statements or a server's log on standard input and print where each statement would go, one JSON line each");
    add_route_options(*route_command, route_options);
    CLI11_PARSE(app, argc, argv);
    try {
        if (*check_command) return check(check_file);
        if (*route_command) return route(route_options);
        if (file.empty()) {
            std::cerr << app.help();
            return 2;
        }
        return serve(file);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "pgweir: %s\n", error.what());
        return 1;
    }
}
