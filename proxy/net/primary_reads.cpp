#include "proxy/net/primary_reads.hpp"

#include <algorithm>

#include "proxy/net/client.hpp"

namespace pgweir::net {

// Whoever waits already comes first. Its hunger is published before the budget is asked: a place that is given back in
// between is seen by one of the two.
PrimaryReads::Place PrimaryReads::take(const std::shared_ptr<Reader>& reader) {
    const bool first = waiting_.empty() || waking_;
    if (first && budget_.try_take()) return begin();
    waking_ ? waiting_.push_front(reader) : waiting_.push_back(reader);
    publish();
    if (!first || !budget_.try_take()) return Place();
    leave(*reader);
    return begin();
}

PrimaryReads::Place PrimaryReads::begin() noexcept {
    worker_.counters().primary_reads.add(1);
    return Place(*this);
}

void PrimaryReads::leave(const Reader& reader) noexcept {
    if (std::erase_if(waiting_, [&](const auto& other) { return other.get() == &reader; }) > 0) publish();
}

void PrimaryReads::publish() noexcept {
    const auto oldest = waiting_.empty() ? std::nullopt : std::optional(waiting_.front()->queued_since());
    (void)budget_.publish_hunger(worker_.id(), oldest);
}

void PrimaryReads::wake_one() {
    bool done = false;
    while (!done && !waiting_.empty()) {
        const std::shared_ptr<Reader> reader = std::move(waiting_.front());
        waiting_.pop_front();
        publish();
        waking_ = true;
        reader->look_for_place();
        waking_ = false;
        // One that needs no place any more, or waits for something else, leaves it to the next.
        const bool back = !waiting_.empty() && waiting_.front() == reader;
        done = back || reader->has_place();
    }
}

void PrimaryReads::wake_all() {
    for (std::size_t left = waiting_.size(); left > 0 && !waiting_.empty(); --left) {
        const std::size_t before = waiting_.size();
        wake_one();
        if (waiting_.size() >= before) return;  // it is back at the front: no place for the others either
    }
}

// Later, not from within what has just ended.
void PrimaryReads::over() noexcept {
    budget_.give_back();
    worker_.counters().primary_reads.add(-1);
    if (worker_.stopped()) return;  // the others may be gone
    if (!waiting_.empty()) return worker_.post([this] { wake_one(); });
    pool::WorkerSet others = budget_.hungry(worker_.id());
    while (const auto other = others.take()) worker_.wake_primary_reads(*other, cluster_);
}

// --- The client's part.

namespace {

// Not what its session wrote keeps the read from a replica, but that there is none.
bool for_want_of_replicas(sql::Reason reason) noexcept {
    return reason == sql::Reason::no_replica || reason == sql::Reason::replica_lost || reason == sql::Reason::replicas_lag;
}

}  // namespace

// False: it waits. `wanted`: before it was found that there is no replica.
bool Client::may_go_to_primary(const routing::Route& wanted) {
    const bool spilled = wanted.target == routing::Target::replica && route_.target == routing::Target::primary &&
                         for_want_of_replicas(route_.reason);
    const bool capped = worker_.config().routing.max_primary_reads > 0 && worker_.snapshot(group_->cluster)->few_healthy;
    if (!spilled || !capped) return true;
    place_on_primary_ = worker_.primary_reads(group_->cluster).take(self());
    if (place_on_primary_.held()) return true;
    worker_.counters().primary_read_waits.add();
    route_ = wanted;
    homeless_ = waits_for_place_ = true;
    return false;
}

void Client::look_for_place() {
    if (std::exchange(waits_for_place_, false)) place_again();
}

void Client::give_up_place() noexcept {
    if (std::exchange(waits_for_place_, false)) worker_.primary_reads(group_->cluster).leave(*this);
    place_on_primary_.give_back();
}

// --- The worker's part.

void Worker::wake_primary_reads(pool::WorkerId who, std::size_t cluster) {
    Worker& other = *shared_.workers[pool::index_of(who)];
    other.post([&other, cluster] { other.primary_reads_[cluster].wake_one(); });
}

}  // namespace pgweir::net
