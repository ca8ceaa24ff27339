#include "proxy/session/promotion.hpp"

#include <algorithm>
#include <utility>

namespace pgweir::session {

namespace {

// One of so many is run without, until there are enough of those and then.
constexpr std::uint32_t kSampleAtFirst = 8;
constexpr std::uint32_t kSample = 64;
constexpr std::uint32_t kEnough = 32;        // pairs
constexpr std::uint32_t kRemembered = 128;   // pairs, before the older half is forgotten
constexpr std::uint32_t kForgiven = 1024;    // good pairs, after which the next rest is as short as the first
constexpr double kSigmas = 4;               // by chance alone it is not dearer

}  // namespace

void Promotion::Mean::add(double value) noexcept {
    if (count_ == kRemembered) {
        count_ /= 2;
        squares_ /= 2;
    }
    ++count_;
    const double away = value - value_;
    value_ += static_cast<float>(away / count_);
    squares_ += static_cast<float>(away * (value - value_));
}

double Promotion::Mean::variance() const noexcept { return squares_ / (static_cast<double>(count_) * count_); }

bool Promotion::next() noexcept {
    if (uses_++ == 0) return false;
    if (rest_ > 0) {
        --rest_;
        return false;
    }
    return uses_ % (plain_.count() < kEnough ? kSampleAtFirst : kSample) != 0;
}

bool Promotion::is_dearer() const noexcept {
    if (plain_.count() < kEnough) return false;
    const double more = promoted_.value() - plain_.value();
    const double chance = plain_.variance() + promoted_.variance();
    return promoted_.value() > kDearer * plain_.value() && more * more > kSigmas * kSigmas * chance;
}

bool Promotion::took(bool promoted, std::chrono::microseconds time) noexcept {
    if (promoted) {
        since_ += static_cast<float>(time.count());
        ++since_count_;
    }
    if (promoted || since_count_ == 0) return false;
    plain_.add(static_cast<double>(time.count()));
    promoted_.add(static_cast<double>(std::exchange(since_, 0.0F)) / std::exchange(since_count_, 0));
    if (++good_ >= kForgiven) next_rest_ = kFirstRest;
    if (!is_dearer()) return false;
    plain_ = promoted_ = {};
    good_ = 0;
    rest_ = std::exchange(next_rest_, std::min(next_rest_ * 2, kLongestRest));
    return true;
}

}  // namespace pgweir::session
