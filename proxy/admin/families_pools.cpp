#include <array>

#include "proxy/admin/families.hpp"
#include "proxy/admin/family_builder.hpp"
#include "proxy/admin/merge_pools.hpp"

namespace pgweir::admin {

namespace {

using net::PoolRow;

struct PoolGauge {
    std::string_view name, help;
    double (*value)(const PoolRow&);
};

template <std::uint32_t PoolRow::*Field>
double field(const PoolRow& pool) {
    return pool.*Field;
}

double maxwait_seconds(const PoolRow& pool) { return static_cast<double>(pool.maxwait.count()) * kMicrosecond; }

constexpr auto kGauges = std::to_array<PoolGauge>({
    {"pgweir_pools_client_active_connections", "Clients linked to a server connection or idle",
     &field<&PoolRow::cl_active>},
    {"pgweir_pools_client_waiting_connections", "Clients waiting for a server connection",
     &field<&PoolRow::cl_waiting>},
    {"pgweir_pools_client_active_cancel_connections", "Cancel requests sent on and not yet answered",
     &field<&PoolRow::cl_active_cancel_req>},
    {"pgweir_pools_client_waiting_cancel_connections", "Cancel requests not yet sent on",
     &field<&PoolRow::cl_waiting_cancel_req>},
    {"pgweir_pools_server_active_connections", "Server connections linked to a client", &field<&PoolRow::sv_active>},
    {"pgweir_pools_server_being_canceled_connections", "Server connections held until a cancel request has ended",
     &field<&PoolRow::sv_being_canceled>},
    {"pgweir_pools_server_idle_connections", "Server connections ready for a client", &field<&PoolRow::sv_idle>},
    {"pgweir_pools_server_login_connections", "Server connections being made", &field<&PoolRow::sv_login>},
    {"pgweir_pools_client_maxwait_seconds", "How long the oldest waiting client has waited", &maxwait_seconds},
    {"pgweir_pools_size", "Most server connections of the pool, all workers together", &field<&PoolRow::pool_size>},
});

}  // namespace

void add_pools(Families& out, const std::vector<net::PoolRow>& rows) {
    const std::vector<PoolRow> pools = merge_pools(rows);
    for (const PoolGauge& gauge : kGauges) {
        prometheus::MetricFamily& family = out.emplace_back(gauge_family(gauge.name, gauge.help));
        for (const PoolRow& pool : pools) {
            add_sample(family, gauge.value(pool),
                       {label("database", pool.database), label("user", pool.user), label("server", pool.server)});
        }
    }
}

}  // namespace pgweir::admin
