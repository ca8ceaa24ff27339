#include "proxy/pool/backoff.hpp"

#include <algorithm>

namespace pgweir::pool {

void Backoff::failed(TimePoint now, Duration longest, double jitter) noexcept {
    if (!allows(now)) return;  // of a wave that was counted
    constexpr Duration kShortest = std::chrono::milliseconds(10);
    constexpr std::uint32_t kMostDoublings = 20;
    const Duration doubled = kFirst * (std::int64_t{1} << std::min(failures_, kMostDoublings));
    const Duration delay = std::min(doubled, std::max(longest, kShortest));
    ++failures_;
    const double shortened = static_cast<double>(delay.count()) * (1.0 - std::clamp(jitter, 0.0, 1.0) / 2);
    next_ = now + Duration(static_cast<Duration::rep>(shortened));
}

}  // namespace pgweir::pool
