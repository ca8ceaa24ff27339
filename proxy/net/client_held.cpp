// Clients that are held: the primary that they need is away, or their database is paused (semantics.md G). They do not read
// further meanwhile, so that they cost what had come. The worker's part of fencing and PAUSE is here, too.
#include <algorithm>
#include <utility>

#include "protocol/sqlstate.hpp"
#include "proxy/net/client.hpp"
#include "proxy/net/client_replicating.hpp"
#include "proxy/net/client_starting.hpp"
#include "proxy/net/listen_hub.hpp"
#include "proxy/net/server.hpp"

namespace pgweir::net {

namespace sqlstate = protocol::sqlstate;

void Client::hold(HoldCause cause) {
    homeless_ = true;
    if (hold_cause_ == cause) return;  // it goes on, with the time that it has
    end_hold();
    hold_cause_ = cause;
    hold_since_ = worker_.now();
    WorkerStats& stats = worker_.counters();
    stats.holds[static_cast<std::size_t>(cause)].add();
    stats.clients_held.add(1);
    if (cause == HoldCause::pause) return;
    Shared& shared = worker_.shared();
    const std::uint32_t others = shared.held.fetch_add(1, std::memory_order_relaxed);
    const bool refused = others >= worker_.config().pool.failover_max_waiters;
    if (!refused && worker_.config().pool.failover_wait.count() > 0) return;
    // Not from here: the segment may be just being worked on.
    worker_.post([weak = std::weak_ptr(self()), refused] {
        const std::shared_ptr<Client> client = weak.lock();
        if (client && client->held() && client->hold_cause_ == HoldCause::failover) client->hold_is_over(refused);
    });
}

std::size_t Client::cluster() const noexcept {
    return replicating_ ? replicating_->target.cluster : group_->cluster;
}

// It has got what it waited for, or has given up.
void Client::end_hold() {
    const std::optional<HoldCause> cause = std::exchange(hold_cause_, std::nullopt);
    if (!cause) return;
    if (*cause == HoldCause::failover) worker_.shared().held.fetch_sub(1, std::memory_order_relaxed);
    WorkerStats& stats = worker_.counters();
    stats.clients_held.add(-1);
    const auto held_for = std::chrono::duration_cast<std::chrono::microseconds>(worker_.now() - hold_since_);
    stats.hold_us.add(static_cast<std::uint64_t>(std::max<std::int64_t>(held_for.count(), 0)));
}

void Client::hold_is_over(bool refused) {
    WorkerStats& stats = worker_.counters();
    (refused ? stats.hold_refusals : stats.hold_timeouts).add();
    const bool known = worker_.snapshot(group_->cluster)->primary.has_value();
    const std::string why = std::string(known ? "the primary does not answer" : "no primary is known") +
                            (refused ? " (failover_max_waiters)" : " (failover_wait)");
    // In a transaction, an error would not be the whole truth: the transaction is not to be had, either.
    if (state_ != State::session || machine_->moving()) return fail(sqlstate::kCannotConnectNow, why);
    refuse_waiting(sqlstate::kCannotConnectNow, "canceling statement: " + why);
}

// The segment at the front has not been sent anywhere, and gets an error; the session lives on.
void Client::refuse_waiting(std::string_view code, std::string_view message) {
    if (waiting()) pool()->cancel_wait(*this);
    homeless_ = false;
    end_freshness_wait();
    give_up_place();
    end_hold();
    if (state_ != State::session) return;
    in_.drop_front(refuse_segment(in_.bytes(), code, message));
    resume();
}

// --- The worker's part.

// Of a server that has been the primary and is not now, or that must not be used at all, no connection stays.
void Worker::leave_fenced(std::size_t cluster, const cluster::Snapshot& before) {
    const cluster::Snapshot& snapshot = *snapshots_[cluster];
    for (std::size_t i = 0; i < snapshot.servers.size(); ++i) {
        const auto host = static_cast<cluster::HostIndex>(i);
        const bool was_primary = before.primary == host && snapshot.primary != host;
        // Taken away: what is under way is finished there, but not beside another primary.
        const bool followed = snapshot.servers[i].left_as_primary && snapshot.primary && snapshot.primary != before.primary;
        const bool fenced = snapshot.servers[i].gone ? followed : was_primary;
        if (fenced || snapshot.barred(host)) fence(cluster, host);
    }
}

void Worker::fence(std::size_t cluster, cluster::HostIndex host) {
    std::vector<std::shared_ptr<Backend>> there(servers_.begin(), servers_.end());
    there.insert(there.end(), backends_.begin(), backends_.end());
    std::erase_if(there, [&](const auto& backend) { return !backend->is_at(cluster, host); });
    for (const auto& backend : there) backend->fence();
}

// The primary, or a replica, has come: whoever is held looks for a server again.
void Worker::wake_held(std::size_t cluster) {
    const std::vector<std::shared_ptr<Client>> clients = clients_;
    for (const auto& client : clients) {
        if (client && client->held() && client->cluster() == cluster) client->reroute();
    }
}

bool Worker::may_connect(const HostPool& pool) const {
    return !paused(pool.group) && !snapshots_[pool.group.cluster]->barred(pool.host);
}

void Worker::pause(std::string database, std::function<void()> done) {
    post([this, database = std::move(database), done = std::move(done)]() mutable {
        pauses_.pause(database);
        std::vector<HostPool*> pools;
        for_each_pool([&](HostPool& pool) { pools.push_back(&pool); });
        for (HostPool* pool : pools) {
            if (!paused(pool->group)) continue;
            pool->pool.retire_all();
            reroute_waiters(*pool);
            sweep(*pool, now());
        }
        for (std::size_t i = 0; i < snapshots_.size(); ++i) wake_held(i);  // a pause has no failover_wait
        pausing_.emplace_back(std::move(database), std::move(done));
        finish_pauses();
    });
}

void Worker::resume(std::string database) {
    post([this, database = std::move(database)] {
        pauses_.resume(database);
        for (std::size_t i = 0; i < snapshots_.size(); ++i) wake_held(i);
        finish_pauses();
    });
}

void Worker::finish_pauses() {
    std::erase_if(pausing_, [this](const std::pair<std::string, std::function<void()>>& pausing) {
        bool busy = false;
        for_each_pool([&](HostPool& pool) {
            const bool concerned = pausing.first.empty() || pool.group.database == pausing.first;
            busy |= concerned && paused(pool.group) && (!pool.pool.empty() || pool.group.comparisons > 0);
        });
        if (!busy) pausing.second();
        return !busy;
    });
}

}  // namespace pgweir::net
