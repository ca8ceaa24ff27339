// How long a server's answers take, as a decaying average that is quick to see the worse (peak EWMA).
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>

#include "proxy/cluster/lag_ring.hpp"

namespace pgweir::cluster {

class Latency {
  public:
    // After so long without news, a time has lost two thirds of its weight: a server that was slow is tried again.
    static constexpr std::chrono::seconds kMemory{5};
    // What one answer can make of it at most: statements differ more than servers do.
    static constexpr double kPeak = 4;

    void answered(std::chrono::microseconds took, TimePoint now) noexcept {
        const auto us = static_cast<double>(std::max<std::chrono::microseconds::rep>(took.count(), 1));
        if (average_ == 0) {
            average_ = us;
        } else if (us > average_) {
            average_ = std::min(us, average_ * kPeak);
        } else {
            const double kept = decay(now);
            average_ = average_ * kept + us * (1 - kept);
        }
        at_ = now;
    }
    // Microseconds; 0: not known.
    [[nodiscard]] double now(TimePoint now) const noexcept { return average_ * decay(now); }

  private:
    [[nodiscard]] double decay(TimePoint now) const noexcept {
        return now <= at_ ? 1.0 : std::exp(-std::chrono::duration<double>(now - at_) / std::chrono::duration<double>(kMemory));
    }

    double average_ = 0;
    TimePoint at_;
};

}  // namespace pgweir::cluster
