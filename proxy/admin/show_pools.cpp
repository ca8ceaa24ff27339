#include <array>

#include "config/names.hpp"
#include "proxy/admin/merge_pools.hpp"
#include "proxy/admin/show.hpp"

namespace pgweir::admin {

namespace {

using enum ColumnType;

constexpr auto kPools = std::to_array<Column>({
    {"database", text},
    {"user", text},
    {"cl_active", int8},
    {"cl_waiting", int8},
    {"cl_active_cancel_req", int8},
    {"cl_waiting_cancel_req", int8},
    {"sv_active", int8},
    {"sv_active_cancel", int8},
    {"sv_being_canceled", int8},
    {"sv_idle", int8},
    {"sv_used", int8},
    {"sv_tested", int8},
    {"sv_login", int8},
    {"maxwait", int8},
    {"maxwait_us", int8},
    {"pool_mode", text},
    {"load_balance_hosts", text},
    {"server", text},
    {"pool_size", int8},
});

constexpr auto kLists = std::to_array<Column>({{"list", text}, {"items", int8}});

}  // namespace

Table show_pools(const Call& /*call*/, const net::Inspection& rows) {
    Table table{kPools, {}};
    for (const net::PoolRow& pool : merge_pools(rows.pools)) {
        // sv_active_cancel, sv_used and sv_tested are states that a connection of ours never has.
        table.rows.push_back({cell(pool.database), cell(pool.user), cell(pool.cl_active), cell(pool.cl_waiting),
                              cell(pool.cl_active_cancel_req), cell(pool.cl_waiting_cancel_req), cell(pool.sv_active),
                              cell(0), cell(pool.sv_being_canceled), cell(pool.sv_idle), cell(0), cell(0),
                              cell(pool.sv_login), cell(pool.maxwait.count() / 1'000'000),
                              cell(pool.maxwait.count() % 1'000'000), cell(config::name_of(pool.pool_mode)), kNull,
                              cell(pool.server), cell(pool.pool_size)});
    }
    return table;
}

Table show_lists(const Call& call, const net::Inspection& rows) {
    const config::Config& config = call.sources.config;
    const std::size_t workers = call.sources.stats ? call.sources.stats().size() : 0;
    Table table{kLists, {}};
    const auto add = [&](std::string_view name, std::size_t items) { table.rows.push_back({cell(name), cell(items)}); };
    add("databases", config.databases.size());
    add("users", config.users.size() + config.file_users.size());
    add("pools", merge_pools(rows.pools).size());
    add("free_clients", 0);
    add("used_clients", rows.clients.size());
    add("free_servers", 0);
    add("used_servers", rows.servers.size());
    add("workers", workers);
    return table;
}

}  // namespace pgweir::admin
