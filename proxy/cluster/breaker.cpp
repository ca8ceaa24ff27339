#include "proxy/cluster/breaker.hpp"

#include <algorithm>

namespace pgweir::cluster {

using std::chrono::milliseconds;

void Breaker::open(TimePoint now, double jitter) noexcept {
    constexpr std::uint32_t kMostDoublings = 20;
    const milliseconds doubled = options_.cooldown * (std::int64_t{1} << std::min(openings_, kMostDoublings));
    const auto whole = static_cast<double>(std::min(doubled, options_.max_cooldown).count());
    cooldown_ = milliseconds(static_cast<milliseconds::rep>(whole * (1.0 - std::clamp(jitter, 0.0, 1.0) / 4)));
    ++openings_;
    state_ = BreakerState::open;
    until_ = now + cooldown_;
    trials_.reset();
}

bool Breaker::failed(TimePoint now, double jitter) noexcept {
    if (options_.failures == 0 || state_ == BreakerState::open) return false;  // of what began before
    ++failures_;
    if (state_ == BreakerState::closed && failures_ < options_.failures) return false;
    open(now, jitter);
    return true;
}

bool Breaker::succeeded() noexcept {
    switch (state_) {
        case BreakerState::open:
            return false;
        case BreakerState::closed:
            failures_ = 0;
            return false;
        case BreakerState::half_open:
            if (--missing_ > 0) return false;
            reset();
            return true;
    }
    return false;
}

bool Breaker::tick(TimePoint now) {
    if (state_ == BreakerState::closed || now < until_) return false;
    const bool opens = state_ == BreakerState::open;
    if (opens) missing_ = options_.trial_requests;
    if (!opens && trials_->left()) return false;  // nobody has asked for them
    state_ = BreakerState::half_open;
    until_ = now + cooldown_;
    trials_ = std::make_shared<Trials>(missing_);
    return opens;
}

std::string_view to_text(BreakerState state) noexcept {
    switch (state) {
        case BreakerState::closed:
            return "closed";
        case BreakerState::open:
            return "open";
        case BreakerState::half_open:
            return "half_open";
    }
    return "unknown";
}

}  // namespace pgweir::cluster
