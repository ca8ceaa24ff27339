// The process-wide limit of server connections for one (server, database, user), shared by all workers, and the board
// on which workers show each other that their clients wait.
//
// Protocol between the workers. Each has a Pool of its own for the key; the Pool does the steps marked P, its owner the
// rest. A unit of the budget is held by every connection, from the decision to open it until it is gone, also while it
// travels between workers.
//   A client has to wait at W:
//     1. P publishes W's hunger, *then* 2. P tries to take budget (Pool::connects_wanted). If a waiter is left that no
//     login will serve, 3. Pool::take_ask() is true once: post `hungry(W)` to every other worker.
//   `hungry(W)` arrives at R: 4. while (slot = Pool::give_idle(W)) hand that connection over to W.
//   A connection becomes free at R (release, login_succeeded, adopt): 5. P serves its own oldest waiter, unless another
//     worker's has waited longer by kFairnessMargin; then the answer is hand_over(W). Without own waiters the hungriest
//     gets it.
//   A unit of budget becomes free at R (closed, login_failed, adoption_failed): 6. call connects_wanted for R's own
//     waiters, *then* 7. post `retry` to each of Pool::hungry_elsewhere(); there connects_wanted (and take_ask) is
//     called again.
//   A connection arrives at W: 8. Pool::adopt(), or Pool::adoption_failed() when it cannot be used; then
//   connects_wanted
//     and take_ask as in 2 and 3.
// The owner may simply do {connects_wanted, take_ask, hungry_elsewhere} after every call that can change something.
// A hand-over claims the hunger (compare-and-swap to "nobody"), so that one waiter draws one connection; W publishes
// again in step 8. No wake-up is lost, because all of it is sequentially consistent: W publishes before it looks at the
// budget and before it posts; R frees (budget, or an idle connection that `hungry` will find) before it looks at the
// board. Whoever comes second sees the other. Where W was claimed in between, step 8 is still to come, and asks again.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "proxy/pool/types.hpp"

namespace pgweir::pool {

// By how much longer another worker's client must have waited to be served before one's own.
inline constexpr std::chrono::milliseconds kFairnessMargin{2};

// Thread-safe, lock-free.
class Budget {
  public:
    explicit Budget(std::uint32_t limit) noexcept : limit_(limit) {}
    Budget(const Budget&) = delete;
    Budget& operator=(const Budget&) = delete;

    // Takes one unit, unless the limit is reached. Strict: taken() never exceeds the limit that was in force.
    [[nodiscard]] bool try_take() noexcept;
    // Returns one unit that was taken.
    void give_back() noexcept { taken_.fetch_sub(1); }

    [[nodiscard]] std::uint32_t limit() const noexcept { return limit_.load(); }
    [[nodiscard]] std::uint32_t taken() const noexcept { return taken_.load(); }
    // A reload's new limit. What is taken above it drains as connections close.
    void set_limit(std::uint32_t limit) noexcept { limit_.store(limit); }

    // Since when the worker's oldest client waits; none: nobody waits. True when others saw nobody before: the worker
    // has not been hungry, or its hunger was claimed.
    bool publish_hunger(WorkerId worker, std::optional<TimePoint> oldest) noexcept;
    // Another worker to which a free connection should go: the one whose client has waited longest, if that is more
    // than kFairnessMargin longer than `own_oldest`; any hungry one when nobody waits here. Its hunger is claimed: the
    // caller must hand a connection over to it.
    [[nodiscard]] std::optional<WorkerId> claim_hungriest(WorkerId self, std::optional<TimePoint> own_oldest) noexcept;
    // Claims this worker's hunger. False when nobody waits there (any more).
    [[nodiscard]] bool claim(WorkerId worker) noexcept;
    // As claim_hungriest, without claiming.
    [[nodiscard]] std::optional<WorkerId> hungriest(WorkerId self, std::optional<TimePoint> own_oldest) const noexcept;
    // All other workers whose clients wait.
    [[nodiscard]] WorkerSet hungry(WorkerId self) const noexcept;

  private:
    struct Found;
    [[nodiscard]] std::optional<Found> find_hungriest(WorkerId self,
                                                      std::optional<TimePoint> own_oldest) const noexcept;

    std::atomic<std::uint32_t> limit_;
    std::atomic<std::uint32_t> taken_{0};
    // Which entries of hunger_ need a look; bits are set before the first publication and never cleared.
    std::atomic<std::uint64_t> ever_hungry_{0};
    // Nanoseconds of the steady clock; 0: nobody waits.
    std::array<std::atomic<std::int64_t>, kMaxWorkers> hunger_{};
};

}  // namespace pgweir::pool
