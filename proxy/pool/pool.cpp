#include "proxy/pool/pool.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace pgweir::pool {

namespace {

constexpr Duration kNone{};

TimePoint after(TimePoint time, Duration timeout) noexcept {
    return timeout == kNone ? TimePoint::max() : time + timeout;
}

}  // namespace

PoolLimits::PoolLimits(const config::Pool& pool, std::uint32_t min_size) noexcept
    : min_pool_size(min_size),
      max_waiters(pool.max_waiters),
      query_wait_timeout(pool.query_wait_timeout),
      server_idle_timeout(pool.server_idle_timeout),
      server_lifetime(pool.server_lifetime),
      server_connect_timeout(pool.server_connect_timeout),
      server_login_retry(pool.server_login_retry) {}

ServerSlot::~ServerSlot() {
    if (pool_ != nullptr) pool_->closed(*this);
}

Waiter::~Waiter() {
    if (pool_ != nullptr) pool_->cancel_wait(*this);
}

Pool::Pool(const PoolLimits& limits, std::shared_ptr<Budget> budget, WorkerId worker) noexcept
    : limits_(limits), budget_(std::move(budget)), worker_(worker) {
    assert(index_of(worker) < kMaxWorkers);
}

Pool::~Pool() {
    while (Waiter* waiter = waiters_.front()) unlink(*waiter);
    publish();
    for (Slots* slots : {&login_, &idle_, &active_, &canceling_, &closing_}) {
        while (ServerSlot* slot = slots->front()) closed(*slot);
    }
    for (; pending_ > 0; --pending_) budget_->give_back();
}

// --- Clients

Acquired Pool::acquire(Waiter& waiter, TimePoint now) {
    assert(!waiter.waiting());
    if (waiters_.empty()) {
        if (ServerSlot* slot = best_idle(now)) {
            slot->used_ = now;
            move(*slot, SlotState::active);
            return {Acquired::Outcome::leased, slot};
        }
    }
    if (waiters_.size() >= limits_.max_waiters) return {Acquired::Outcome::refused, nullptr};
    waiter.pool_ = this;
    waiter.queued_ = now;
    waiters_.push_back(waiter);
    if (waiters_.size() == 1) publish();
    return {Acquired::Outcome::queued, nullptr};
}

void Pool::unlink(Waiter& waiter) noexcept {
    waiters_.remove(waiter);
    waiter.pool_ = nullptr;
}

void Pool::cancel_wait(Waiter& waiter) noexcept {
    if (waiter.pool_ != this) return;
    const bool was_oldest = waiters_.front() == &waiter;
    unlink(waiter);
    if (was_oldest) publish();
}

std::vector<Waiter*> Pool::take_waiters() {
    std::vector<Waiter*> taken;
    taken.reserve(waiters_.size());
    while (Waiter* waiter = waiters_.front()) {
        taken.push_back(waiter);
        unlink(*waiter);
    }
    publish();
    return taken;
}

std::optional<TimePoint> Pool::oldest() const noexcept {
    return waiters_.empty() ? std::nullopt : std::optional(waiters_.front()->queued_);
}

void Pool::publish() noexcept {
    const auto since = oldest();
    // The board has one entry for the worker: a pool that nobody waits for does not hide that somebody waits for its successor.
    if (!since && !published_) return;
    published_ = since.has_value();
    const bool unseen = budget_->publish_hunger(worker_, since);
    if (since && unseen) ask_ = true;
    if (!since) ask_ = false;
}

// --- New connections

// Whether one more login would be started if the back-off and the budget allow.
bool Pool::wants_login() const noexcept {
    // While the server refuses us, one attempt at a time finds out whether it still does.
    if (backoff_.failures() > 0 && logins_coming() > 0) return false;
    return waiters_.size() > logins_coming() || budget_->taken() < least();
}

unsigned Pool::connects_wanted(TimePoint now) {
    unsigned wanted = 0;
    while (backoff_.allows(now) && wants_login()) {
        if (!budget_->try_take()) break;
        ++pending_;
        ++wanted;
    }
    return wanted;
}

TimePoint Pool::expiry(TimePoint created) noexcept {
    if (limits_.server_lifetime == kNone) return TimePoint::max();
    // Multiples of the golden ratio spread evenly over ±10 %, however many there are. Each worker begins elsewhere, by
    // a ratio of its own: whole steps of the same one would meet the neighbour's.
    constexpr double kGolden = 0.6180339887498949;
    constexpr double kBetweenWorkers = 0.7548776662466927;  // no multiple of kGolden
    const double turns = kGolden * made_++ + kBetweenWorkers * static_cast<double>(index_of(worker_));
    const double spread = std::fmod(turns, 1.0);
    const double lifetime = static_cast<double>(limits_.server_lifetime.count()) * (0.9 + 0.2 * spread);
    return created + Duration(static_cast<Duration::rep>(lifetime));
}

void Pool::login_started(ServerSlot& slot, TimePoint now) {
    assert(slot.state_ == SlotState::detached && pending_ > 0);
    if (pending_ > 0) --pending_;
    slot.pool_ = this;
    slot.history_ = {now, expiry(now), false};
    slot.used_ = now;
    move(slot, SlotState::login);
}

Released Pool::login_succeeded(ServerSlot& slot, TimePoint now) {
    assert(slot.pool_ == this && slot.state_ == SlotState::login);
    backoff_.succeeded();
    return place(slot, now);
}

void Pool::login_failed(ServerSlot* slot, TimePoint now, double jitter) {
    // No login starts before next(): one that did was under way with those that were counted.
    if (slot == nullptr || slot->created() >= backoff_.next()) {
        backoff_.failed(now, limits_.server_login_retry, jitter);
    }
    if (slot != nullptr) {
        closed(*slot);
    } else if (pending_ > 0) {
        --pending_;
        budget_->give_back();
    }
    // Waiters that counted on this login now depend on the others' connections.
    if (!waiters_.empty()) ask_ = true;
}

// --- Leased connections

Pool::Slots& Pool::list_of(SlotState state) noexcept {
    switch (state) {
        case SlotState::login:
            return login_;
        case SlotState::idle:
            return idle_;
        case SlotState::active:
            return active_;
        case SlotState::canceling:
            return canceling_;
        case SlotState::detached:
        case SlotState::closing:
            break;
    }
    return closing_;
}

// The one place where a state changes. Idle connections are a stack, the others in order of arrival.
void Pool::move(ServerSlot& slot, SlotState state) noexcept {
    if (slot.state_ != SlotState::detached) list_of(slot.state_).remove(slot);
    slot.state_ = state;
    if (state == SlotState::detached) {
        slot.pool_ = nullptr;
        slot.cancels_ = 0;
    } else if (state == SlotState::idle) {
        idle_.push_front(slot);
        idle_expiry_ = std::min(idle_expiry_, slot.history_.expires);
    } else {
        list_of(state).push_back(slot);
    }
}

bool Pool::worn_out(const ServerSlot& slot, TimePoint now) const noexcept {
    return slot.history_.retired || slot.history_.expires <= now;
}

// By how much a reload's lower limit is still exceeded, without what is about to close here.
std::size_t Pool::over_limit() const noexcept {
    const std::size_t taken = budget_->taken();
    const std::size_t staying = taken - std::min(taken, closing_.size());
    return staying - std::min<std::size_t>(staying, budget_->limit());
}

ServerSlot* Pool::best_idle(TimePoint now) const noexcept {
    ServerSlot* slot = idle_.front();
    while (slot != nullptr && worn_out(*slot, now)) slot = Slots::next(*slot);  // the next sweep closes those
    return slot;
}

// Where a connection goes that has just become free: away, to a worker that is hungrier, to our oldest waiter, or idle.
Released Pool::place(ServerSlot& slot, TimePoint now) {
    slot.used_ = now;
    if (worn_out(slot, now) || over_limit() > 0 || (draining_ && waiters_.empty())) {
        move(slot, SlotState::closing);
        return {Released::Next::close, nullptr, {}};
    }
    if (const auto worker = draining_ ? std::nullopt : budget_->claim_hungriest(worker_, oldest())) {
        move(slot, SlotState::detached);
        return {Released::Next::hand_over, nullptr, *worker};
    }
    if (Waiter* waiter = waiters_.front()) {
        unlink(*waiter);
        publish();
        move(slot, SlotState::active);
        return {Released::Next::to_waiter, waiter, {}};
    }
    move(slot, SlotState::idle);
    return {Released::Next::idle, nullptr, {}};
}

Released Pool::release(ServerSlot& slot, TimePoint now) {
    assert(slot.pool_ == this && slot.state_ == SlotState::active);
    return place(slot, now);
}

void Pool::set_canceling(ServerSlot& slot) noexcept {
    assert(slot.pool_ == this && (slot.state_ == SlotState::active || slot.state_ == SlotState::canceling));
    if (slot.cancels_++ == 0) move(slot, SlotState::canceling);
}

void Pool::clear_canceling(ServerSlot& slot) noexcept {
    if (slot.pool_ != this || slot.state_ != SlotState::canceling) return;
    if (--slot.cancels_ == 0) move(slot, SlotState::active);
}

void Pool::closing(ServerSlot& slot) noexcept {
    if (slot.pool_ == this && slot.state_ != SlotState::closing) move(slot, SlotState::closing);
}

void Pool::closed(ServerSlot& slot) noexcept {
    if (slot.pool_ != this) return;
    move(slot, SlotState::detached);
    budget_->give_back();
}

void Pool::retire_all() noexcept {
    for (Slots* slots : {&login_, &idle_, &active_, &canceling_}) {
        for (ServerSlot* slot = slots->front(); slot != nullptr; slot = Slots::next(*slot)) slot->retire();
    }
    idle_expiry_ = TimePoint::min();
}

void Pool::drain() noexcept {
    draining_ = true;
    idle_expiry_ = TimePoint::min();
}

void Pool::set_limits(const PoolLimits& limits) noexcept {
    const bool other_lifetime = limits.server_lifetime != limits_.server_lifetime;
    limits_ = limits;
    if (!other_lifetime) return;
    for (Slots* slots : {&login_, &idle_, &active_, &canceling_}) {
        for (ServerSlot* slot = slots->front(); slot != nullptr; slot = Slots::next(*slot)) {
            slot->history_.expires = expiry(slot->history_.created);
        }
    }
    idle_expiry_ = TimePoint::min();  // found out by the next sweep
}

// --- Other workers

bool Pool::take_ask() noexcept {
    if (!ask_ || waiters_.size() <= logins_coming()) return false;
    ask_ = false;
    return true;
}

ServerSlot* Pool::give_idle(WorkerId worker) noexcept {
    if (draining_) return nullptr;
    for (ServerSlot* slot = idle_.front(); slot != nullptr; slot = Slots::next(*slot)) {
        if (slot->retired()) continue;
        if (!budget_->claim(worker)) return nullptr;
        move(*slot, SlotState::detached);
        return slot;
    }
    return nullptr;
}

Released Pool::adopt(ServerSlot& slot, const SlotHistory& history, TimePoint now) {
    assert(slot.state_ == SlotState::detached);
    slot.pool_ = this;
    slot.history_ = history;
    move(slot, SlotState::idle);
    const Released released = place(slot, now);
    // The hand-over claimed our hunger: whoever still waits has to be seen again.
    if (!waiters_.empty()) publish();
    return released;
}

void Pool::adoption_failed() noexcept {
    budget_->give_back();
    publish();
}

WorkerSet Pool::hungry_elsewhere() const noexcept {
    if (idle_.empty() && budget_->taken() >= budget_->limit()) return {};
    return budget_->hungry(worker_);
}

// --- Time

void Pool::sweep_idle(TimePoint now, Sweep& out) {
    // Each one moved to closing_ will give its unit back; what is left must not fall below the least size.
    std::size_t spare = budget_->taken();
    spare -= std::min(spare, closing_.size() + least());
    std::size_t over = over_limit();
    idle_expiry_ = TimePoint::max();
    for (ServerSlot* slot = idle_.back(); slot != nullptr;) {
        ServerSlot* const next = Slots::previous(*slot);
        const bool unused = after(slot->used_, limits_.server_idle_timeout) <= now;
        if (worn_out(*slot, now) || (unused && spare > 0) || over > 0 || draining_) {
            move(*slot, SlotState::closing);
            out.close.push_back(slot);
            spare -= std::min<std::size_t>(spare, 1);
            over -= std::min<std::size_t>(over, 1);
        } else {
            idle_expiry_ = std::min(idle_expiry_, slot->history_.expires);
        }
        slot = next;
    }
}

Sweep Pool::sweep(TimePoint now) {
    Sweep out;
    sweep_idle(now, out);
    for (ServerSlot* slot = login_.front(); slot != nullptr; slot = Slots::next(*slot)) {
        if (after(slot->history_.created, limits_.server_connect_timeout) > now) break;
        out.late.push_back(slot);
    }
    while (Waiter* waiter = waiters_.front()) {
        if (after(waiter->queued_, limits_.query_wait_timeout) > now) break;
        unlink(*waiter);
        out.timed_out.push_back(waiter);
    }
    publish();
    return out;
}

TimePoint Pool::next_deadline() const noexcept {
    TimePoint next = TimePoint::max();
    if (const Waiter* waiter = waiters_.front()) {
        next = std::min(next, after(waiter->queued_, limits_.query_wait_timeout));
    }
    // Without budget there is nothing to try until some is given back, whatever the back-off says.
    if (wants_login() && budget_->taken() < budget_->limit()) next = std::min(next, backoff_.next());
    if (const ServerSlot* slot = login_.front()) {
        next = std::min(next, after(slot->history_.created, limits_.server_connect_timeout));
    }
    if (const ServerSlot* slot = idle_.back()) {
        next = over_limit() > 0 ? TimePoint::min() : std::min(next, idle_expiry_);
        // As sweep_idle() counts: what is closing already is not to spare.
        if (budget_->taken() > least() + closing_.size())
            next = std::min(next, after(slot->used_, limits_.server_idle_timeout));
    }
    return next;
}

PoolCounts Pool::counts(TimePoint now) const noexcept {
    PoolCounts counts;
    counts.active = active_.size();
    counts.idle = idle_.size();
    counts.login = login_.size();
    counts.canceling = canceling_.size();
    counts.closing = closing_.size();
    counts.waiting = waiters_.size();
    if (const Waiter* waiter = waiters_.front()) counts.oldest_wait = now - waiter->queued_;
    return counts;
}

bool Pool::at_rest() const noexcept {
    return waiters_.empty() && login_.empty() && active_.empty() && canceling_.empty() && closing_.empty() && pending_ == 0;
}

}  // namespace pgweir::pool
