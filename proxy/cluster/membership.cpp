// Servers that join and leave: each has a slot, which another server gets only when nobody refers to it any more.
#include <algorithm>
#include <utility>

#include "proxy/cluster/identity.hpp"
#include "proxy/cluster/state.hpp"

namespace pgweir::cluster {

std::optional<HostIndex> ClusterState::join(const Member& server, std::uint64_t member, TimePoint now) {
    auto slot = std::find_if(hosts_.begin(), hosts_.end(), [](const Host& host) { return host.free; });
    if (slot == hosts_.end()) {
        if (hosts_.size() >= kMaxServers) return std::nullopt;
        slot = hosts_.emplace(hosts_.end());
    }
    // A session that has read on the slot's last server must not take this one for it.
    const std::uint32_t incarnation = slot->view.incarnation + 1;
    *slot = Host();
    slot->view.incarnation = incarnation;
    slot->view.member = member;
    slot->view.name = server.name;
    slot->view.identity = identity_of(server.name);
    slot->health = HealthGate(options_.health);
    slot->breaker = Breaker(options_.breaker);
    slot->start = SlowStart(options_.slow_start, options_.interval);
    const auto index = static_cast<HostIndex>(slot - hosts_.begin());
    update(index, server, now);
    return index;
}

void ClusterState::update(HostIndex index, const Member& server, TimePoint now) {
    ServerView& view = at(index).view;
    view.host = server.host;
    view.port = server.port;
    view.weight = server.weight;
    view.addresses = server.addresses;
    view.zone = server.zone;
    view.local = !options_.zone.empty() && server.zone == options_.zone;
    refresh(now);
}

void ClusterState::leave(HostIndex index, TimePoint now) {
    Host& host = at(index);
    host.view.left_as_primary = primary_ == index;
    if (primary_ == index) depose("it is not a member of the cluster any more");
    if (contested_ == index) contested_.reset();
    ServerView& view = host.view;
    view.gone = true;
    view.role = Role::unknown;
    view.reachable = false;
    view.last_error.clear();
    ++view.incarnation;
    forget_lag(host);
    host.breaker.reset();
    host.tried = true;  // nothing is known of it, and nobody waits for that
    host.left_behind = false;
    host.cause = "it is not a member of the cluster any more";
    refresh(now);
}

void ClusterState::release(HostIndex index) {
    Host& host = at(index);
    if (host.view.gone) host.free = true;
}

void ClusterState::set_options(StateOptions options, TimePoint now) {
    if (options_.limits.time != options.limits.time || options_.interval != options.interval) {
        log_.set_window(window_for(options));
    }
    options_ = std::move(options);
    for (Host& host : hosts_) {
        host.health.set_limits(options_.health);
        host.breaker.set_options(options_.breaker);
        host.start.set_length(options_.slow_start, options_.interval);
        host.view.local = !options_.zone.empty() && host.view.zone == options_.zone;
    }
    refresh(now);
}

}  // namespace pgweir::cluster
