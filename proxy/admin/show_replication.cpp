#include <array>

#include "proxy/admin/cluster_names.hpp"
#include "proxy/admin/show.hpp"
#include "proxy/cluster/lsn_text.hpp"

namespace pgweir::admin {

namespace {

using enum ColumnType;

constexpr auto kReplication = std::to_array<Column>({
    {"cluster", text},
    {"server", text},
    {"host", text},
    {"port", int8},
    {"role", text},
    {"state", text},
    {"weight", int8},
    {"reachable", text},
    {"lag_us", int8},
    {"lag_bytes", int8},
    {"position", text},
    {"timeline", int8},
    {"epoch", int8},
    {"system_identifier", text},
    {"server_version", int8},
    {"last_error", text},
    {"zone", text},
    {"weight_percent", int8},
    {"breaker", text},
    {"replay_paused", text},
});

std::vector<Cell> row_of(const cluster::Snapshot& snapshot, const cluster::ServerView& server) {
    const auto known = [](auto value) { return value == 0 ? Cell{} : cell(value); };
    return {cell(snapshot.cluster),
            cell(server.name),
            cell(server.host),
            cell(server.port),
            cell(name_of(server.role)),
            cell(name_of(server.rotation)),
            cell(server.weight),
            cell(server.reachable ? "yes" : "no"),
            server.lag_time ? cell(server.lag_time->count()) : kNull,
            cell(server.lag_bytes),
            server.position.value == 0 ? kNull : cell(format_lsn(server.position)),
            known(server.timeline),
            known(snapshot.epoch),
            known(server.system_identifier),
            known(server.server_version),
            cell(server.last_error),
            cell(server.zone),
            cell(server.ramp * 100 / cluster::SlowStart::kWhole),
            cell(to_text(server.breaker)),
            cell(server.replay_paused ? "yes" : "no")};
}

}  // namespace

Table show_replication(const Call& call) {
    Table table{kReplication, {}};
    if (!call.sources.snapshots) return table;
    for (const auto& snapshot : call.sources.snapshots()) {
        for (const cluster::ServerView& server : snapshot->servers) {
            if (!server.gone) table.rows.push_back(row_of(*snapshot, server));
        }
    }
    return table;
}

}  // namespace pgweir::admin
