// Where a client's segment runs: by its route, its read preference and what is known of the servers.
#include <algorithm>
#include <utility>

#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/cluster/nearest.hpp"
#include "proxy/net/client.hpp"
#include "proxy/net/server.hpp"

namespace pgweir::net {

namespace {

using config::ReadPreference;
using routing::Target;

// What a read with read_preference = replica is told.
[[nodiscard]] const char* refusal_of(sql::Reason why) noexcept {
    switch (why) {
        case sql::Reason::replicas_lag: return "every replica lags too much, and read_preference is replica";
        case sql::Reason::max_lag: return "no replica is within max_lag, and read_preference is replica";
        case sql::Reason::awaiting_sample:
        case sql::Reason::replica_behind:
            return "no replica has replayed what this session must see, and read_preference is replica";
        default: return "no replica is available, and read_preference is replica";
    }
}

}  // namespace

void Client::acquire(routing::Route route) {
    give_up_place();
    route_ = route;
    if (!std::exchange(rerouted_, false)) queued_ = worker_.now();
    place();
}

// If refusal_ is set then, the caller answers the segment with it.
void Client::place() {
    refusal_ = nullptr;
    if (worker_.paused(*group_)) return hold(HoldCause::pause);
    const routing::Route wanted = route_;
    HostPool* pool = choose();
    if (pool == nullptr && !fresh_.waiting && avoid_) {  // then rather the one that has just cancelled it
        avoid_.reset();
        route_ = wanted;
        refusal_ = nullptr;
        pool = choose();
    }
    if (pool != nullptr && !may_go_to_primary(wanted)) return;
    if (pool != nullptr) return acquire_from(*pool);
    if (fresh_.waiting) return;
    if (refusal_ != nullptr) {
        end_hold();
        worker_.counters().reads_refused.add();
        if (state_ != State::session || machine_->moving()) fail(protocol::sqlstate::kCannotConnectNow, refusal_);
        return;
    }
    hold(HoldCause::failover);
}

// It waited, and there may be something for it.
void Client::place_again() {
    homeless_ = false;
    const auto keep_alive = shared_from_this();
    place();
    if (refusal_ == nullptr || state_ != State::session) return;
    in_.drop_front(refuse_segment(in_.bytes(), protocol::sqlstate::kCannotConnectNow, std::exchange(refusal_, nullptr)));
    resume();
}

HostPool* Client::choose() {
    if (route_.target == Target::primary) return worker_.primary_pool(*group_);
    const bool prefers_primary = route_.read_preference == ReadPreference::primary_preferred && !group_->read_only;
    if (prefers_primary && worker_.primary_answers(*group_)) {
        end_freshness_wait();
        return chosen(*worker_.snapshot(group_->cluster)->primary, sql::Reason::read_preference);
    }
    if (machine_ && (reads_causally() || route_.max_lag != 0)) return choose_fresh();
    sql::Reason why{};
    const auto host = worker_.pick(*group_, route_, address_identity_, {}, avoid_, why);
    return host ? chosen(*host, why) : without_replica(why);
}

HostPool* Client::chosen(cluster::HostIndex host, sql::Reason why) {
    if (why == sql::Reason::replicas_lag && route_.reason != sql::Reason::replica_conflict) route_.reason = why;
    if (worker_.snapshot(group_->cluster)->primary == host && !group_->read_only) {
        route_.target = Target::primary;
        route_.reason = sql::Reason::read_preference;
    }
    return &worker_.host_pool(*group_, host);
}

// No replica will do for the read: the primary, unless it insists.
HostPool* Client::without_replica(sql::Reason why) {
    const cluster::Snapshot& snapshot = *worker_.snapshot(group_->cluster);
    if (route_.read_preference == ReadPreference::replica && !group_->read_only) {
        refusal_ = refusal_of(why);
    } else if (why == sql::Reason::replicas_lag && worker_.config().routing.when_all_lag == config::WhenAllLag::error) {
        refusal_ = "every replica lags too much, and when_all_lag is error";
    } else if (!snapshot.primary && cluster::all_broken(snapshot)) {
        refusal_ = "no primary is known, and the replicas' circuit breakers are open";
    }
    if (refusal_ != nullptr) return nullptr;
    route_.target = Target::primary;
    if (route_.reason != sql::Reason::replica_conflict) route_.reason = why;
    return worker_.primary_pool(*group_);
}

// The segment at the front will not be run: its answer is this error. Its bytes, which are done with.
std::size_t Client::refuse_segment(Bytes in, std::string_view code, std::string_view message) {
    const auto skipped = machine_->skip_segment(in);
    std::string out;
    protocol::append_error(out, "ERROR", code, message);
    if (skipped.ended) protocol::append_ready_for_query(out, 'I');
    send(as_bytes(out));
    return skipped.bytes;
}

void Client::move_transaction() {
    const routing::Route route = machine_->move();
    (void)machine_->take_touch();
    Server* left = std::exchange(server_, nullptr);
    left->abandon();
    acquire(route);
}

// --- The worker's part.

HostPool* Worker::primary_pool(PoolGroup& group) {
    const auto primary = snapshots_[group.cluster]->serving_primary();
    return primary ? &host_pool(group, *primary) : nullptr;
}

bool Worker::primary_answers(const PoolGroup& group) const noexcept {
    const cluster::Snapshot& snapshot = *snapshots_[group.cluster];
    if (!snapshot.primary) return false;
    const std::size_t host = cluster::index_of(*snapshot.primary);
    return snapshot.servers[host].reachable && suspect_until_[group.cluster][host] <= now();
}

bool Worker::schema_settled(std::size_t cluster, cluster::HostIndex host) {
    if (const std::uint64_t epoch = session::StatementCache::schema_epoch(); epoch != schema_epoch_) {
        schema_epoch_ = epoch;
        schema_changed_ = std::chrono::steady_clock::now();  // no earlier than the change: now() may be
    }
    if (schema_changed_ == TimePoint{} || snapshots_[cluster]->primary == host) return true;
    const auto& current = snapshots_[cluster]->servers[cluster::index_of(host)].current_at;
    return current && *current >= schema_changed_;
}

std::uint32_t Worker::crowd(const PoolGroup& group, std::size_t host) noexcept {
    const bool used = host < group.hosts.size() && group.hosts[host];
    return used ? static_cast<std::uint32_t>(group.hosts[host]->pool.crowd()) : 0;
}

std::optional<cluster::HostIndex> Worker::pick(const PoolGroup& group, const routing::Route& route, std::uint64_t client,
                                               const cluster::Bound& bound, std::optional<cluster::HostIndex> avoid,
                                               sql::Reason& why) {
    const cluster::Snapshot& snapshot = *snapshots_[group.cluster];
    const std::vector<TimePoint>& suspects = suspect_until_[group.cluster];
    const TimePoint time = now();
    const bool nearest = route.read_preference == ReadPreference::nearest && !group.read_only;
    if (const auto home = cluster::sole_choice(snapshot, bound); home && !nearest && home != avoid) {
        if (suspects[cluster::index_of(*home)] <= time) return home;
    }
    std::array<bool, cluster::kMaxServers> excluded{};
    const std::size_t count = std::min(snapshot.servers.size(), excluded.size());
    bool any = false;
    bool left = false;
    for (std::size_t i = 0; i < count; ++i) {
        const std::shared_ptr<cluster::Trials>& trials = snapshot.servers[i].trials;
        excluded[i] = suspects[i] > time || avoid == static_cast<cluster::HostIndex>(i) || (trials && !trials->left());
        any |= excluded[i];
        left |= !excluded[i] && snapshot.servers[i].rotation == cluster::Rotation::in;
    }
    if (nearest) {
        const auto share = cluster::keep_nearest(snapshot, std::span(excluded).first(count), bound, primary_answers(group));
        if (share > 0 && jitter() < share) return snapshot.primary;
    }
    const std::span<const bool> out = any || nearest ? std::span<const bool>(excluded.data(), count) : std::span<const bool>{};
    cluster::Balancer& balancer = balancers_[group.cluster];
    const auto host = balancer.pick(snapshot, in_use_[group.cluster], out, bound, {client, time});
    if (host && (crowd(group, cluster::index_of(*host)) == 0 || snapshot.servers[cluster::index_of(*host)].trials)) return host;
    if (host) {  // one queue for each server is fair as long as they are equally long, and no server is idle beside one
        std::array<std::uint32_t, cluster::kMaxServers> crowds{};
        for (std::size_t i = 0; i < count; ++i) crowds[i] = crowd(group, i);
        return balancer.pick(snapshot, std::span(crowds).first(count), out, bound, {client, time, true});
    }
    if (cluster::all_lag(snapshot)) {
        why = sql::Reason::replicas_lag;
        const bool may = config().routing.when_all_lag == config::WhenAllLag::least_lagged;
        return may ? cluster::least_lagged(snapshot, out, bound) : std::nullopt;
    }
    if (!left) why = any ? sql::Reason::replica_lost : sql::Reason::no_replica;
    else if (!bound.floor) why = sql::Reason::awaiting_sample;
    else why = bound.oldest != TimePoint{} ? sql::Reason::max_lag : sql::Reason::replica_behind;
    return std::nullopt;
}

void Worker::read_answered(std::size_t cluster, cluster::HostIndex host, std::chrono::microseconds took) {
    balancers_[cluster].answered(host, took, now());
    if (snapshots_[cluster]->servers[cluster::index_of(host)].awaits_success) shared_.report_success(cluster, host);
}

}  // namespace pgweir::net
