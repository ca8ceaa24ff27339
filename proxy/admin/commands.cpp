#include "proxy/admin/commands.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/admin/ask_workers.hpp"
#include "proxy/admin/pause.hpp"
#include "proxy/admin/show.hpp"

namespace pgweir::admin {

namespace {

constexpr std::chrono::seconds kWorkersLimit{5};

// A handler for a table that the control thread can make by itself.
template <Table (*Show)(const Call&)>
void at_once(const Call& call, Reply reply) {
    reply(Show(call));
}

// A handler for a table that needs the workers' rows.
template <Table (*Show)(const Call&, const net::Inspection&)>
void from_workers(const Call& call, Reply reply) {
    inspect_within(call.io, call.sources, kWorkersLimit,
                   [call, reply = std::move(reply)](const std::optional<net::Inspection>& rows) {
                       if (rows) {
                           reply(Show(call, *rows));
                       } else {
                           reply(Failure{"57014", "the workers did not answer in time"});
                       }
                   });
}

void reload(const Call& call, Reply reply) {
    if (!call.sources.reload) return reply(Failure{"0A000", "the configuration cannot be reloaded here"});
    call.sources.reload([reply = std::move(reply)](const ReloadResult& result) {
        if (!result.error.empty()) return reply(Failure{"F0000", as_utf8(result.error)});
        Done done{"RELOAD"};
        for (const std::string& key : result.needs_restart) {
            done.warnings.push_back(as_utf8(key) + " has changed, and only a restart brings it into force");
        }
        reply(std::move(done));
    });
}

// Other people's addresses and the configuration are the administrator's.
constexpr auto kCommands = std::to_array<Command>({
    {"PAUSE", Right::admin, &pause, "holds clients until RESUME, and returns when all server connections are closed", true},
    {"RELOAD", Right::admin, &reload, "read the configuration's file again; what needs a restart is named"},
    {"RESUME", Right::admin, &resume, "lets held clients go on", true},
    {"SHOW CATALOG", Right::user, &at_once<&show_catalog>, "what is known of each database's functions, views and the like"},
    {"SHOW CLIENTS", Right::admin, &from_workers<&show_clients>, "clients, their state and the server they hold"},
    {"SHOW CONFIG", Right::admin, &at_once<&show_config>, "every setting in force; passwords are hidden"},
    {"SHOW DATABASES", Right::user, &from_workers<&show_databases>, "the databases that clients may name"},
    {"SHOW HELP", Right::user, &at_once<&show_help>, "these commands"},
    {"SHOW LEARNED", Right::admin, &from_workers<&show_learned>, "statements that a replica has refused, without literals"},
    {"SHOW LISTS", Right::user, &from_workers<&show_lists>, "how many there are of each thing"},
    {"SHOW POOLS", Right::user, &from_workers<&show_pools>, "clients and server connections of each pool"},
    {"SHOW REPLICATION", Right::user, &at_once<&show_replication>, "servers with role, rotation state and lag"},
    {"SHOW SERVERS", Right::admin, &from_workers<&show_servers>, "server connections and the client they serve"},
    {"SHOW SHADOW", Right::user, &at_once<&show_shadow>, "where statements of databases in shadow mode would have gone"},
    {"SHOW STATE", Right::user, &at_once<&show_state>, "whether the proxy takes clients"},
    {"SHOW STATS", Right::user, &at_once<&show_stats>, "totals since the start, averages of the last minute"},
    {"SHOW USERS", Right::admin, &from_workers<&show_users>, "users of the configuration and their connections"},
    {"SHOW VERSION", Right::user, &at_once<&show_version>, "the program's version"},
});

}  // namespace

std::span<const Command> commands() { return kCommands; }

const Command* find_command(const std::vector<std::string>& words) {
    std::string name;
    for (const std::string& word : words) name += name.empty() ? word : " " + word;
    const auto it = std::ranges::find(kCommands, name, &Command::name);
    if (it != kCommands.end()) return &*it;
    const auto named = std::ranges::find_if(
        kCommands, [&](const Command& command) { return command.takes_name && command.name == words.front(); });
    return named == kCommands.end() ? nullptr : &*named;
}

}  // namespace pgweir::admin
