// Hysteresis of one replica's place in the rotation (semantics.md F.5): out at one sample over the limit, in again
// after three in a row under half of it.
#pragma once

#include <chrono>
#include <cstdint>

#include "proxy/cluster/lag_ring.hpp"

namespace pgweir::cluster {

struct LagLimits {
    std::chrono::microseconds time{0};  // 0: no limit
    std::uint64_t bytes = 0;            // 0: no limit
};

// How one measurement stands to the limits. `undetermined`: the samples do not reach back far enough to say.
enum class LagVerdict : std::uint8_t { undetermined, under_half, within, over };

// `covered` is how far back the samples reach: lag that none of them bounds is over the limit only if they reach beyond
// it. Zero bytes behind is under half of every limit, however old the newest sample is.
[[nodiscard]] LagVerdict judge_lag(const Lag& lag, std::chrono::microseconds covered, const LagLimits& limits) noexcept;

class LagGate {
  public:
    enum class State : std::uint8_t { unproven, open, lagging };
    static constexpr unsigned kReturnAfter = 3;

    // One measurement. `frozen`: without a reachable primary nobody is sent away for lag and nobody lagging comes back
    // (semantics.md F.6).
    void update(LagVerdict verdict, bool frozen) noexcept;
    // The server was lost, or changed its timeline: it must prove its position again. A lagging one stays lagging.
    void lose() noexcept;

    [[nodiscard]] State state() const noexcept { return state_; }

  private:
    State state_ = State::unproven;
    unsigned streak_ = 0;
};

}  // namespace pgweir::cluster
