#include "proxy/cluster/causal.hpp"

#include <algorithm>

namespace pgweir::cluster {

void Causal::Need::resolve(const SampleRing& samples) noexcept {
    if (sample == 0) return;
    const auto found = samples.at_or_after(sample);
    if (!found) return;
    position = std::max(position, *found);
    sample = 0;
}

// In another history all that was needed is whatever of it the new primary has: its next sample covers that.
void Causal::renew(const Snapshot& snapshot, std::uint64_t next) noexcept {
    if (epoch_ == snapshot.epoch) return;
    const auto carry = [&](Need& need) {
        const bool needed = need.sample != 0 || need.position != Lsn{};
        need = {};
        if (needed) need.await(next);
    };
    carry(written_);
    carry(seen_);
    if (token_ != Lsn{}) written_.await(next);
    token_ = {};
    home_.reset();
    epoch_ = snapshot.epoch;
}

void Causal::wrote(const Snapshot& snapshot, std::uint64_t next) noexcept {
    renew(snapshot, next);
    written_.await(next);
    seen_ = {};  // older than what was written now
    home_.reset();
}

void Causal::saw_primary(const Snapshot& snapshot, std::uint64_t next) noexcept {
    renew(snapshot, next);
    seen_.await(next);
    home_.reset();
}

void Causal::saw_replica(const Snapshot& snapshot, HostIndex host, std::uint32_t incarnation, std::uint64_t next) noexcept {
    renew(snapshot, next);
    seen_.await(next);
    if (home_ == host && incarnation_ == incarnation) return;
    home_ = host;
    incarnation_ = incarnation;
    arrivals_ = snapshot.arrivals;
}

void Causal::read_after(const Snapshot& snapshot, Lsn token, std::uint64_t next) noexcept {
    renew(snapshot, next);
    token_ = token;
}

void Causal::leave_home_if_lost(const Snapshot& snapshot) noexcept {
    if (!home_) return;
    const ServerView& server = snapshot.servers[index_of(*home_)];
    if (server.rotation != Rotation::in || server.incarnation != incarnation_) home_.reset();
}

Bound Causal::bound(const Snapshot& snapshot, std::uint64_t next, std::uint64_t arrived) noexcept {
    renew(snapshot, next);
    leave_home_if_lost(snapshot);
    written_.resolve(snapshot.samples);
    seen_.resolve(snapshot.samples);
    Bound bound;
    bound.home_floor = std::max(written_.position, token_);
    bound.floor = std::max(bound.home_floor, seen_.position);
    if (written_.sample != 0 || seen_.sample != 0) bound.floor.reset();
    if (arrived != 0) {  // covers whatever this session did before
        bound.floor = snapshot.samples.at_or_after(arrived);
        if (bound.floor) bound.floor = std::max(*bound.floor, bound.home_floor);
    } else if (written_.sample == 0) {
        bound.home = home_;
    }
    return bound;
}

bool Causal::lacks_only_sights(const Snapshot& snapshot) const noexcept {
    if (written_.sample != 0) return false;
    const Lsn floor = std::max(written_.position, token_);
    return std::any_of(snapshot.servers.begin(), snapshot.servers.end(), [&](const ServerView& server) {
        return server.rotation == Rotation::in && server.position >= floor;
    });
}

bool Causal::should_move(const Snapshot& snapshot) noexcept {
    if (!home_ || arrivals_ == snapshot.arrivals) return false;
    arrivals_ = snapshot.arrivals;
    return true;
}

bool Causal::held_at_home(const Snapshot& snapshot, const Bound& bound) noexcept {
    bool others = false;
    for (std::size_t i = 0; i < snapshot.servers.size(); ++i) {
        const ServerView& server = snapshot.servers[i];
        if (server.rotation != Rotation::in || !bound.home || index_of(*bound.home) == i) continue;
        if (bound.admits(i, server)) return false;
        others = true;
    }
    return others;
}

}  // namespace pgweir::cluster
