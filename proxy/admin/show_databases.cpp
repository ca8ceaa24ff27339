#include <algorithm>
#include <array>

#include "config/names.hpp"
#include "proxy/admin/merge_pools.hpp"
#include "proxy/admin/show.hpp"

namespace pgweir::admin {

namespace {

using enum ColumnType;

constexpr auto kDatabases = std::to_array<Column>({
    {"name", text},
    {"host", text},
    {"port", int8},
    {"database", text},
    {"force_user", text},
    {"pool_size", int8},
    {"min_pool_size", int8},
    {"reserve_pool_size", int8},
    {"server_lifetime", int8},
    {"pool_mode", text},
    {"load_balance_hosts", text},
    {"max_connections", int8},
    {"current_connections", int8},
    {"max_client_connections", int8},
    {"current_client_connections", int8},
    {"paused", int8},
    {"disabled", int8},
    {"cluster", text},
    {"split", text},
});

constexpr auto kUsers = std::to_array<Column>({
    {"name", text},
    {"pool_size", text},
    {"reserve_pool_size", text},
    {"pool_mode", text},
    {"max_user_connections", int8},
    {"current_connections", int8},
    {"max_user_client_connections", int8},
    {"current_client_connections", int8},
    {"admin", text},
});

bool has_own_entry(const config::Config& config, std::string_view name) {
    return std::ranges::find(config.databases, name, &config::Database::name) != config.databases.end();
}

// Does a connection to `name` count for this entry? "*" takes what no other entry names.
bool covers(const config::Config& config, const config::Database& database, std::string_view name) {
    return database.name == name || (database.name == "*" && !has_own_entry(config, name));
}

// The cluster's hosts as PgBouncer writes several, and their port when it is one.
struct Place {
    std::string hosts;
    Cell port;
};

Place place_of(const Sources& sources, std::string_view cluster) {
    Place place;
    bool first = true;
    if (!sources.snapshots) return place;
    for (const auto& snapshot : sources.snapshots()) {
        if (snapshot->cluster != cluster) continue;
        for (const cluster::ServerView& server : snapshot->servers) {
            if (server.gone) continue;
            place.hosts += (first ? "" : ",") + server.host;
            const Cell port = cell(server.port);
            place.port = first || place.port == port ? port : Cell{kNull};
            first = false;
        }
    }
    return place;
}

template <class T>
Cell named(const std::optional<T>& value) {
    return value ? cell(config::name_of(*value)) : Cell{};
}

Cell non_empty(std::string_view text) { return text.empty() ? Cell{} : cell(text); }

std::vector<Cell> row_of(const Sources& sources, const config::Database& database, const net::Inspection& rows) {
    const config::Config& config = sources.config;
    std::size_t servers = 0;
    for (const net::PoolRow& pool : rows.pools) {
        if (covers(config, database, pool.database)) servers += server_connections(pool);
    }
    const auto clients = std::ranges::count_if(
        rows.clients, [&](const net::ClientRow& client) { return covers(config, database, client.database); });
    const Place place = place_of(sources, database.cluster);
    return {cell(database.name),
            non_empty(place.hosts),
            place.port,
            cell(database.dbname.empty() ? database.name : database.dbname),
            non_empty(database.user),
            cell(database.pool_size.value_or(config.pool.default_pool_size)),
            cell(database.min_pool_size.value_or(config.pool.min_pool_size)),
            cell(0),
            cell(std::chrono::duration_cast<std::chrono::seconds>(config.pool.server_lifetime).count()),
            named(database.pool_mode),
            kNull,
            cell(0),
            cell(servers),
            cell(0),
            cell(clients),
            cell(sources.paused && sources.paused(database.name) ? 1 : 0),
            cell(0),
            cell(database.cluster),
            cell(config::name_of(database.split.value_or(config.routing.split)))};
}

}  // namespace

Table show_databases(const Call& call, const net::Inspection& rows) {
    Table table{kDatabases, {}};
    for (const config::Database& database : call.sources.config.databases) {
        table.rows.push_back(row_of(call.sources, database, rows));
    }
    return table;
}

Table show_users(const Call& call, const net::Inspection& rows) {
    Table table{kUsers, {}};
    std::vector<config::User> users = call.sources.config.users;
    users.insert(users.end(), call.sources.config.file_users.begin(), call.sources.config.file_users.end());
    for (const config::User& user : users) {
        const auto servers = std::ranges::count(rows.servers, user.name, &net::ServerRow::user);
        const auto clients = std::ranges::count(rows.clients, user.name, &net::ClientRow::user);
        table.rows.push_back({cell(user.name), kNull, kNull, kNull, cell(0), cell(servers), cell(0), cell(clients),
                              cell(user.admin ? "yes" : "no")});
    }
    return table;
}

}  // namespace pgweir::admin
