// split = "shadow": everything goes to the primary, and what would have gone where is counted (docs/routing.md, "Rolling out").
#include "proxy/net/client_shadow.hpp"

#include <utility>

#include "proxy/net/server.hpp"

namespace pgweir::net {

// Where splitting would send the segment at the front, with the replicas as they are now. What its session has seen so far is
// taken to have come from where it would have (reads_on): its writes hold its reads back as they would, and its reads do not.
// It does not wait: causal_wait counts as 0.
void Client::judge_shadow(const routing::Route& judged) {
    shadow_->route = judged;
    shadow_->host.reset();
    if (judged.target == routing::Target::primary) return;
    route_ = judged;  // what bound_now() goes by; acquire() comes next
    queued_ = worker_.now();
    sql::Reason why = sql::Reason::read_preference;
    shadow_->host = shadow_replica(why);
    if (!shadow_->host) shadow_->route = {.target = routing::Target::primary, .reason = why};
}

// As choose() would, but that it waits for nothing and refuses nothing. None: the primary, and `why`.
std::optional<cluster::HostIndex> Client::shadow_replica(sql::Reason& why) {
    const cluster::Snapshot& snapshot = *worker_.snapshot(group_->cluster);
    const bool prefers_primary = route_.read_preference == config::ReadPreference::primary_preferred;
    if (prefers_primary && worker_.primary_answers(*group_)) return std::nullopt;
    const cluster::Bound bound = bound_now();
    const bool global = std::exchange(fresh_.arrived, 0) != 0;
    const auto host = worker_.pick(*group_, route_, bound, {}, why);
    if (!host && is_stale(why) && !global) worker_.want_fresh(group_->cluster, why);
    if (!host || host == snapshot.primary) return std::nullopt;
    incarnation_ = snapshot.servers[cluster::index_of(*host)].incarnation;
    return host;
}

void Client::count_shadow() {
    const routing::Route route = machine_->route(shadow_->route);
    worker_.counters().shadow_routed[static_cast<std::size_t>(route.target)][static_cast<std::size_t>(route.reason)].add();
}

// The replica that the segments since the link are on, or would be.
std::optional<cluster::HostIndex> Client::reads_on() const noexcept {
    if (shadow_) return shadow_->host;
    if (route_.target == routing::Target::replica) return server_->host_pool().host;
    return std::nullopt;
}

}  // namespace pgweir::net
