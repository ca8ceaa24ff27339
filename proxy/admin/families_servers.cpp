#include "proxy/admin/cluster_names.hpp"
#include "proxy/admin/families.hpp"
#include "proxy/admin/family_builder.hpp"
#include "proxy/cluster/event.hpp"

namespace pgweir::admin {

namespace {

using prometheus::MetricFamily;

struct ServerFamilies {
    MetricFamily up = gauge_family("pgweir_server_up", "1 while the server answers its probes in time");
    MetricFamily in_rotation = gauge_family("pgweir_server_in_rotation", "1 while the server is given reads");
    MetricFamily is_primary = gauge_family("pgweir_server_is_primary", "1 for the primary that writes are sent to");
    MetricFamily lag_seconds = gauge_family("pgweir_server_lag_seconds", "Replay lag in time; absent while unknown");
    MetricFamily lag_bytes =
        gauge_family("pgweir_server_lag_bytes", "Replay lag in bytes of WAL; absent while unknown");
    MetricFamily replay_paused = gauge_family("pgweir_server_replay_paused", "1 while the replica's replay is paused");
    MetricFamily timeline = gauge_family("pgweir_server_timeline", "Timeline; absent while unknown");
    MetricFamily fenced = gauge_family("pgweir_server_fenced", "1 while the server says that it is the primary and is not accepted as one");
    MetricFamily weight = gauge_family("pgweir_server_weight", "Configured share of reads");
    MetricFamily effective_weight = gauge_family("pgweir_server_effective_weight", "Share of reads now, less while it grows");
    MetricFamily breaker = gauge_family("pgweir_server_breaker", "1 for the state that the circuit breaker is in");
    MetricFamily transitions = counter_family("pgweir_server_transitions_total", "Events of the log about the server");
};

void add_server(ServerFamilies& families, const std::string& cluster, const cluster::ServerView& server,
                bool is_primary) {
    const Labels who = {label("cluster", cluster), label("server", server.name)};
    Labels state = who;
    state.push_back(label("role", name_of(server.role)));
    state.push_back(label("state", name_of(server.rotation)));
    add_sample(families.up, server.reachable ? 1 : 0, who);
    add_sample(families.in_rotation, server.rotation == cluster::Rotation::in ? 1 : 0, std::move(state));
    add_sample(families.is_primary, is_primary ? 1 : 0, who);
    if (server.lag_time) {
        add_sample(families.lag_seconds, static_cast<double>(server.lag_time->count()) * kMicrosecond, who);
    }
    if (server.lag_bytes) add_sample(families.lag_bytes, static_cast<double>(*server.lag_bytes), who);
    add_sample(families.replay_paused, server.replay_paused ? 1 : 0, who);
    if (server.timeline != 0) add_sample(families.timeline, server.timeline, who);
    add_sample(families.fenced, server.rotation == cluster::Rotation::fenced ? 1 : 0, who);
    add_sample(families.weight, server.weight, who);
    add_sample(families.effective_weight, static_cast<double>(server.share()) / cluster::SlowStart::kWhole, who);
    const auto with = [&](std::string_view name, std::string_view value) {
        Labels labels = who;
        labels.push_back(label(name, value));
        return labels;
    };
    for (const auto breaker : {cluster::BreakerState::closed, cluster::BreakerState::open, cluster::BreakerState::half_open}) {
        add_sample(families.breaker, server.breaker == breaker ? 1 : 0, with("state", to_text(breaker)));
    }
    for (std::size_t kind = 0; kind < cluster::kEventKindCount; ++kind) {
        add_sample(families.transitions, static_cast<double>(server.transitions[kind]),
                   with("event", to_text(static_cast<cluster::EventKind>(kind))));
    }
}

}  // namespace

void add_servers(Families& out, const std::vector<std::shared_ptr<const cluster::Snapshot>>& snapshots) {
    ServerFamilies families;
    MetricFamily& changes = out.emplace_back(
        counter_family("pgweir_primary_changes_total", "How often a server became the primary, the first one included"));
    for (const auto& snapshot : snapshots) {
        add_sample(changes, static_cast<double>(snapshot->primary_changes), {label("cluster", snapshot->cluster)});
        for (std::size_t i = 0; i < snapshot->servers.size(); ++i) {
            if (snapshot->servers[i].gone) continue;
            const bool is_primary = snapshot->primary && cluster::index_of(*snapshot->primary) == i;
            add_server(families, snapshot->cluster, snapshot->servers[i], is_primary);
        }
    }
    for (MetricFamily* family : {&families.up, &families.in_rotation, &families.is_primary, &families.lag_seconds,
                                 &families.lag_bytes, &families.replay_paused, &families.timeline, &families.fenced, &families.weight,
                                 &families.effective_weight, &families.breaker, &families.transitions}) {
        out.push_back(std::move(*family));
    }
}

}  // namespace pgweir::admin
