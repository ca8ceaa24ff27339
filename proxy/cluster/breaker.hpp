// The circuit breaker of one replica: what its traffic meets decides whether it gets more, whatever its probes answer.
// One for all workers, owned by the control thread; what they share of it are the trials. No clock: time and chance are
// passed in.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "proxy/cluster/lag_ring.hpp"

namespace pgweir::cluster {

// The reads that one half-open period lets through, over all workers. Thread-safe.
class Trials {
  public:
    explicit Trials(std::uint32_t count) noexcept : left_(count) {}

    [[nodiscard]] bool left() const noexcept { return left_.load(std::memory_order_relaxed) > 0; }
    // Strict: no more are taken than there were.
    [[nodiscard]] bool take() noexcept {
        std::uint32_t left = left_.load(std::memory_order_relaxed);
        while (left > 0) {
            if (left_.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) return true;
        }
        return false;
    }

  private:
    std::atomic<std::uint32_t> left_;
};

struct BreakerOptions {
    std::uint32_t failures = 5;  // in a row; 0: it never opens
    std::chrono::milliseconds cooldown{1'000};
    std::chrono::milliseconds max_cooldown{30'000};
    std::uint32_t trial_requests = 3;
};

enum class BreakerState : std::uint8_t { closed, open, half_open };

class Breaker {
  public:
    explicit Breaker(BreakerOptions options = {}) noexcept : options_(options) {}

    // The traffic met a failure of the server's. `jitter` in [0,1) shortens the cool-down by up to a quarter. True: it has
    // opened.
    [[nodiscard]] bool failed(TimePoint now, double jitter) noexcept;
    // A read was answered. True: it has closed. Says nothing while it is open: that read began before.
    [[nodiscard]] bool succeeded() noexcept;
    // True: the cool-down is over, and it is half open now. Renews trials of which nothing was heard for a cool-down.
    [[nodiscard]] bool tick(TimePoint now);
    void reset() noexcept { *this = Breaker(options_); }
    // A period that has begun ends as it was to end; one that can never open closes.
    void set_options(const BreakerOptions& options) noexcept {
        options_ = options;
        if (options_.failures == 0) reset();
    }

    [[nodiscard]] BreakerState state() const noexcept { return state_; }
    [[nodiscard]] std::uint32_t failures() const noexcept { return failures_; }
    // A success would change something, and is to be told.
    [[nodiscard]] bool awaits_success() const noexcept {
        return state_ == BreakerState::half_open || (state_ == BreakerState::closed && failures_ > 0);
    }
    // Null, unless it is half open.
    [[nodiscard]] const std::shared_ptr<Trials>& trials() const noexcept { return trials_; }
    // Of the period that it is open, or was last.
    [[nodiscard]] std::chrono::milliseconds cooldown() const noexcept { return cooldown_; }
    [[nodiscard]] const BreakerOptions& options() const noexcept { return options_; }

  private:
    void open(TimePoint now, double jitter) noexcept;

    BreakerOptions options_;
    BreakerState state_ = BreakerState::closed;
    std::uint32_t failures_ = 0;  // without a success since
    std::uint32_t openings_ = 0;  // since it was closed
    std::uint32_t missing_ = 0;   // half open: successes that are still to come
    std::chrono::milliseconds cooldown_{0};
    TimePoint until_;  // open: its end; half open: when the trials are renewed
    std::shared_ptr<Trials> trials_;
};

[[nodiscard]] std::string_view to_text(BreakerState state) noexcept;

}  // namespace pgweir::cluster
