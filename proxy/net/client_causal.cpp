// A client's reads that must see what its session wrote or has seen: what a replica needs for them, and the wait for one that
// has it (semantics.md E).
#include <algorithm>
#include <utility>

#include "proxy/net/client.hpp"
#include "proxy/net/server.hpp"

namespace pgweir::net {

namespace {

using config::Consistency;
using std::chrono::milliseconds;

// All that a session wrote is on a replica; only what it has read elsewhere since may not be. Its next read waits this long,
// or a session that reads without a pause could never leave the primary, nor its replica: the proof always comes after the
// next read. If that was in vain, not again for a while.
constexpr milliseconds kHandover{10};
constexpr std::chrono::seconds kHandoverPause{1};

}  // namespace

// What newer positions may put right.
bool Client::is_stale(sql::Reason why) noexcept {
    return why == sql::Reason::awaiting_sample || why == sql::Reason::replica_behind || why == sql::Reason::max_lag;
}

bool Client::reads_causally() const noexcept {
    const session::LocalSettings& wanted = machine_->settings();
    return wanted.consistency != Consistency::eventual || wanted.read_after != Lsn{};
}

cluster::Bound Client::bound_now() {
    cluster::Bound bound = reads_causally() ? causal_bound() : cluster::Bound{};
    if (route_.max_lag != 0) bound.oldest = queued_ - milliseconds(route_.max_lag);
    return bound;
}

cluster::Bound Client::causal_bound() {
    const session::LocalSettings& wanted = machine_->settings();
    const cluster::Snapshot& snapshot = *worker_.snapshot(group_->cluster);
    const std::uint64_t next = worker_.next_sample(group_->cluster);
    if (wanted.read_after != token_) {
        token_ = wanted.read_after;
        causal_.read_after(snapshot, cluster::normalise(token_, snapshot.wal_segment_size), next);
    }
    // Where there may be no primary, nobody can ask it what has been committed.
    const bool global = wanted.consistency == Consistency::global && !group_->read_only;
    if (global && fresh_.arrived == 0) fresh_.arrived = next;
    return causal_.bound(snapshot, next, fresh_.arrived);
}

// The pool for the read at the front. Null: it waits (fresh_.waiting), it is refused, or no primary is known.
HostPool* Client::choose_fresh() {
    const cluster::Snapshot& snapshot = *worker_.snapshot(group_->cluster);
    const cluster::Bound bound = bound_now();
    sql::Reason why = sql::Reason::awaiting_sample;
    auto host = worker_.pick(*group_, route_, address_identity_, bound, avoid_, why);
    if (host && host == bound.home && causal_.should_move(snapshot)) fresh_.moving = true;
    const bool moving = fresh_.moving && host && cluster::Causal::held_at_home(snapshot, bound);
    if (moving && bound.floor) why = sql::Reason::replica_behind;
    const bool stale = is_stale(why);
    if ((!host || moving) && stale && wait_for_freshness(patience(moving), why)) return nullptr;
    // Without a primary to turn to, a read that asked for nothing itself takes what there is.
    const bool asked = token_ != Lsn{} || route_.max_lag != 0;
    if (!host && stale && group_->read_only && !asked) host = worker_.pick(*group_, route_, address_identity_, {}, avoid_, why);
    end_freshness_wait();
    if (!host) return without_replica(why);
    incarnation_ = snapshot.servers[cluster::index_of(*host)].incarnation;
    return chosen(*host, why);
}

// How long the read may wait for a replica, from its beginning.
milliseconds Client::patience(bool choosing_again) const {
    if (choosing_again) return kHandover;
    if (group_->read_only && token_ != Lsn{}) return milliseconds::max();  // until query_wait_timeout
    const milliseconds limit = worker_.config().routing.causal_wait;
    const bool handover = (fresh_.arrived == 0 && worker_.now() >= no_handover_before_ &&
                           causal_.lacks_only_sights(*worker_.snapshot(group_->cluster)));
    return handover ? std::max(limit, kHandover) : limit;
}

// False: the time is over, or there was none. Either way newer positions are asked for, for the next read.
bool Client::wait_for_freshness(milliseconds limit, sql::Reason why) {
    // Of no use to a read that must see what is committed now and does not wait.
    if (fresh_.arrived == 0 || limit.count() > 0) worker_.want_fresh(group_->cluster, why);
    const TimePoint now = worker_.now();
    if (fresh_.begun == TimePoint{}) {
        if (limit.count() == 0) return false;
        fresh_.begun = now;
        fresh_.deadline = limit == milliseconds::max() ? TimePoint::max() : now + limit;
        worker_.counters().freshness_waits.add();
    }
    if (now >= fresh_.deadline) {
        worker_.counters().freshness_timeouts.add();
        no_handover_before_ = now + kHandoverPause;
        return false;
    }
    fresh_.waiting = homeless_ = true;
    worker_.wait_for_freshness(*this, fresh_.deadline);
    fresh_.listed = true;
    return true;
}

void Client::end_freshness_wait() {
    if (fresh_.begun != TimePoint{}) {
        const auto waited = std::chrono::duration_cast<std::chrono::microseconds>(worker_.now() - fresh_.begun);
        worker_.counters().freshness_wait_us.add(static_cast<std::uint64_t>(std::max<std::int64_t>(waited.count(), 0)));
        queued_ = worker_.now();  // what comes now is the wait for a connection
    }
    fresh_ = {.begun = {}, .deadline = {}, .listed = fresh_.listed};
}

void Client::look_again() {
    fresh_.listed = false;
    if (!std::exchange(fresh_.waiting, false)) return;
    place_again();
}

// A segment is over: what it may have written or seen is what later reads must see.
void Client::note_touch() {
    if (!machine_) return;
    const session::Touch touch = machine_->take_touch();
    if (touch == session::Touch::nothing || server_ == nullptr) return;
    // Taken for a read by its text, and refused by a replica.
    const bool refused = route_.reason == sql::Reason::replica_refused || route_.reason == sql::Reason::learned;
    const cluster::Snapshot& snapshot = *worker_.snapshot(group_->cluster);
    const std::uint64_t next = worker_.next_sample(group_->cluster);
    if (const auto replica = reads_on()) {
        if (reads_causally()) causal_.saw_replica(snapshot, *replica, incarnation_, next);
    } else if (touch == session::Touch::wrote || refused) {
        causal_.wrote(snapshot, next);
    } else if (reads_causally()) {
        causal_.saw_primary(snapshot, next);
    }
}

// --- The worker's part.

void Worker::want_fresh(std::size_t cluster, sql::Reason why) {
    cluster::SampleClock& clock = *settings_->clusters[cluster].clock;
    const bool sample = why != sql::Reason::replica_behind && !clock.sample_wanted.exchange(true);
    const bool replay = why != sql::Reason::awaiting_sample && !clock.replay_wanted.exchange(true);
    if (sample || replay) shared_.freshen(cluster);
}

void Worker::wait_for_freshness(Client& client, TimePoint deadline) {
    if (!client.fresh_.listed) stale_.push_back(client.self());
    stale_deadline_ = std::min(stale_deadline_, deadline);
}

void Worker::look_again() {
    stale_deadline_ = TimePoint::max();
    for (const auto& client : std::exchange(stale_, {})) client->look_again();
}

}  // namespace pgweir::net
