// When the next login may be tried after failed ones.
#pragma once

#include <cstdint>

#include "proxy/pool/types.hpp"

namespace pgweir::pool {

class Backoff {
  public:
    static constexpr Duration kFirst = std::chrono::milliseconds(100);

    // A login failed. The delay doubles from kFirst up to `longest`, and is then shortened by up to a half by `jitter`
    // in [0,1). Failures of logins that were under way together count once.
    void failed(TimePoint now, Duration longest, double jitter) noexcept;
    void succeeded() noexcept { *this = {}; }

    [[nodiscard]] bool allows(TimePoint now) const noexcept { return now >= next_; }
    // Earliest time of the next login; TimePoint::min() when nothing failed since the last success.
    [[nodiscard]] TimePoint next() const noexcept { return next_; }
    // Failed waves since the last success.
    [[nodiscard]] std::uint32_t failures() const noexcept { return failures_; }

  private:
    TimePoint next_ = TimePoint::min();
    std::uint32_t failures_ = 0;
};

}  // namespace pgweir::pool
