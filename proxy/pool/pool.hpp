// The server connections of one (server, database, user) on one worker, and the clients that wait for them.
// No sockets, no clock; single-threaded: only the Budget is shared. How the workers' pools work together: budget.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "config/config.hpp"
#include "proxy/pool/backoff.hpp"
#include "proxy/pool/budget.hpp"
#include "proxy/pool/server_slot.hpp"
#include "proxy/pool/waiter.hpp"

namespace pgweir::pool {

// The size's limit is the Budget's. Of the durations, 0 means none (no timeout), except for server_login_retry.
struct PoolLimits {
    std::uint32_t min_pool_size = 0;  // all workers together
    std::uint32_t max_waiters = 10'000;
    Duration query_wait_timeout{};
    Duration server_idle_timeout{};
    Duration server_lifetime{};
    Duration server_connect_timeout{};
    Duration server_login_retry = std::chrono::seconds(15);

    PoolLimits() = default;
    PoolLimits(const config::Pool& pool, std::uint32_t min_size) noexcept;
};

struct Acquired {
    enum class Outcome : std::uint8_t {
        leased,   // `slot` is active and the client's
        queued,   // the waiter stands in the queue: call connects_wanted() and take_ask()
        refused,  // max_waiters reached: 53300
    };
    Outcome outcome = Outcome::refused;
    ServerSlot* slot = nullptr;
};

// Where a connection that became free has gone. After hand_over or close, waiters may be left without prospect:
// connects_wanted() and take_ask().
struct Released {
    enum class Next : std::uint8_t {
        to_waiter,  // active, and `waiter`'s, who has left the queue
        idle,
        hand_over,  // detached, with its unit of budget: hand it over to `worker`
        close,      // closing: close it, then closed()
    };
    Next next = Next::idle;
    Waiter* waiter = nullptr;
    WorkerId worker{};
};

// What a sweep found. Rarely anything, so vectors.
struct Sweep {
    std::vector<ServerSlot*> close;  // closing: close them, then closed()
    std::vector<ServerSlot*> late;   // still in login after server_connect_timeout: login_failed()
    std::vector<Waiter*> timed_out;  // waited for query_wait_timeout, and have left the queue
};

struct PoolCounts {
    std::size_t active = 0, idle = 0, login = 0, canceling = 0, closing = 0, waiting = 0;
    Duration oldest_wait{};
};

class Pool {
  public:
    Pool(const PoolLimits& limits, std::shared_ptr<Budget> budget, WorkerId worker) noexcept;
    // Detaches what is still here: slots as by closed(), waiters as by cancel_wait().
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // --- Clients. A waiter is in at most one queue.
    // An idle connection, the one used last, if nobody waits before; else a place at the end of the queue.
    [[nodiscard]] Acquired acquire(Waiter& waiter, TimePoint now);
    // Leaves the queue; nothing happens if it is in none.
    void cancel_wait(Waiter& waiter) noexcept;
    // Empties the queue, the oldest first: the server has left the rotation.
    [[nodiscard]] std::vector<Waiter*> take_waiters();

    // --- New connections.
    // How many logins the caller must start now, for waiters without one and for min_pool_size: as many as the back-off
    // and the budget allow. A unit of budget is taken for each; each must be followed by login_started(), or by
    // login_failed(nullptr, …) if it comes to nothing before there is a slot. After failures one at a time.
    [[nodiscard]] unsigned connects_wanted(TimePoint now);
    void login_started(ServerSlot& slot, TimePoint now);
    [[nodiscard]] Released login_succeeded(ServerSlot& slot, TimePoint now);
    // Detaches the slot, frees its budget and backs off; the waiters stay. `jitter` in [0,1). Then as after closed().
    void login_failed(ServerSlot* slot, TimePoint now, double jitter);
    // Somebody else has seen it let people in: the next login need not wait for the back-off.
    void server_is_back() noexcept { backoff_.succeeded(); }
    // Earliest time of the next login; in the past when there is no back-off.
    [[nodiscard]] TimePoint next_connect_time() const noexcept { return backoff_.next(); }
    // Failed waves of logins since the last success: 0 means the server lets us in.
    [[nodiscard]] std::uint32_t login_failures() const noexcept { return backoff_.failures(); }

    // --- Leased connections.
    // Of an active slot whose session is clean (the release predicate of semantics.md C).
    [[nodiscard]] Released release(ServerSlot& slot, TimePoint now);
    // A cancel for an active slot begins; it must not be released until every cancel was cleared.
    void set_canceling(ServerSlot& slot) noexcept;
    void clear_canceling(ServerSlot& slot) noexcept;
    // The caller closes it, whatever its state, and calls closed() when its end was seen. Nothing if detached.
    void closing(ServerSlot& slot) noexcept;
    // The connection is gone (in any state; nothing happens if detached): detaches it and frees its budget. The server
    // counts a backend until that has exited: to hold the limit there too, call this after the connection's end was
    // seen. Afterwards: connects_wanted(), then post to hungry_elsewhere().
    void closed(ServerSlot& slot) noexcept;
    // Every connection is to be closed instead of used again: idle ones at the next sweep, others when released.
    void retire_all() noexcept;
    // Nobody is to come here any more: a connection that no waiter of this pool wants is closed instead of kept, whatever
    // min_pool_size says.
    void drain() noexcept;

    // --- Other workers: see the protocol in budget.hpp.
    // True once after a waiter was queued (or stayed) without a login to serve it: post `hungry` to all other workers.
    [[nodiscard]] bool take_ask() noexcept;
    // Takes an idle connection out for `worker`, detached, with its unit of budget; null if there is none or nobody
    // waits there.
    [[nodiscard]] ServerSlot* give_idle(WorkerId worker) noexcept;
    // A connection, detached, that another worker handed over: takes it and its unit of budget into this pool. `slot`
    // may be a new object; `history` is the old one's.
    [[nodiscard]] Released adopt(ServerSlot& slot, const SlotHistory& history, TimePoint now);
    // A connection that was handed over cannot be used and was closed: frees its unit of budget. Then as after
    // closed().
    void adoption_failed() noexcept;
    // Workers to wake after budget became free, or while there are idle connections: empty unless there is something
    // for them.
    [[nodiscard]] WorkerSet hungry_elsewhere() const noexcept;

    // --- Time.
    // What is due now. Publishes the hunger again. Call at next_deadline() and at least every few seconds, and
    // connects_wanted() after it (min_pool_size).
    [[nodiscard]] Sweep sweep(TimePoint now);
    // When sweep() or connects_wanted() has something to do next; TimePoint::max(): nothing. May be early, never late.
    [[nodiscard]] TimePoint next_deadline() const noexcept;

    [[nodiscard]] PoolCounts counts(TimePoint now) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return idle_.empty() && at_rest(); }  // no slot and no waiter
    [[nodiscard]] bool at_rest() const noexcept;  // no slot but idle ones, and no waiter
    // How many would stand in the way of one more client: those who wait, and one if nothing is idle or can be opened.
    [[nodiscard]] std::size_t crowd() const noexcept {
        return waiters_.size() + (idle_.empty() && budget_->taken() >= budget_->limit() ? 1 : 0);
    }
    [[nodiscard]] const PoolLimits& limits() const noexcept { return limits_; }
    // They count at once, for the connections that are here, too.
    void set_limits(const PoolLimits& limits) noexcept;
    [[nodiscard]] Budget& budget() const noexcept { return *budget_; }
    [[nodiscard]] std::shared_ptr<Budget> shared_budget() const noexcept { return budget_; }
    [[nodiscard]] WorkerId worker() const noexcept { return worker_; }

  private:
    using Slots = IntrusiveList<ServerSlot, ServerSlot::Access>;

    [[nodiscard]] Slots& list_of(SlotState state) noexcept;
    void move(ServerSlot& slot, SlotState state) noexcept;
    [[nodiscard]] Released place(ServerSlot& slot, TimePoint now);
    [[nodiscard]] ServerSlot* best_idle(TimePoint now) const noexcept;
    [[nodiscard]] std::size_t over_limit() const noexcept;
    [[nodiscard]] bool worn_out(const ServerSlot& slot, TimePoint now) const noexcept;
    [[nodiscard]] TimePoint expiry(TimePoint created) noexcept;
    void unlink(Waiter& waiter) noexcept;
    void publish() noexcept;
    [[nodiscard]] std::optional<TimePoint> oldest() const noexcept;
    [[nodiscard]] std::size_t logins_coming() const noexcept { return login_.size() + pending_; }
    // Connections that are kept ready.
    [[nodiscard]] std::size_t least() const noexcept { return draining_ ? 0 : limits_.min_pool_size; }
    [[nodiscard]] bool wants_login() const noexcept;
    void sweep_idle(TimePoint now, Sweep& out);

    PoolLimits limits_;
    std::shared_ptr<Budget> budget_;
    WorkerId worker_;
    bool draining_ = false;
    bool ask_ = false;           // our hunger was published while nobody saw one: the others are to be asked
    bool published_ = false;     // the hunger on the board is this pool's, or was
    std::uint32_t pending_ = 0;  // logins promised by connects_wanted() that have no slot yet
    std::uint32_t made_ = 0;     // spreads the lifetimes
    Backoff backoff_;
    TimePoint idle_expiry_ = TimePoint::max();  // no idle slot expires earlier
    Slots login_;                               // the oldest first
    Slots idle_;                                // the one used last first
    Slots active_;
    Slots canceling_;
    Slots closing_;
    IntrusiveList<Waiter, Waiter::Access> waiters_;  // the oldest first
};

}  // namespace pgweir::pool
