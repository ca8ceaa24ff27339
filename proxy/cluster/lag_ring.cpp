#include "proxy/cluster/lag_ring.hpp"

#include <algorithm>

namespace pgweir::cluster {

namespace {

std::chrono::microseconds micros(std::chrono::steady_clock::duration duration) noexcept {
    return std::chrono::duration_cast<std::chrono::microseconds>(duration);
}

}  // namespace

void LagRing::add(TimePoint before, Lsn position) {
    if (!samples_.empty() && position < samples_.back().position) samples_.clear();
    if (!samples_.empty() && before < samples_.back().time) return;  // overtaken by a later question
    if (!samples_.empty() && position == samples_.back().position) {
        samples_.back().time = before;
        return prune(before);
    }
    // Thinned: a sample close to its predecessor only moves that one's position on, which never makes lag look smaller.
    const auto spacing = std::max<std::chrono::microseconds>(window_ / kMostSamples, std::chrono::microseconds(1));
    if (samples_.size() > 1 && micros(before - samples_[samples_.size() - 2].time) < spacing) {
        samples_.back() = {before, before, position};
    } else {
        samples_.push_back({before, before, position});
    }
    prune(before);
}

// Keeps one sample older than the window, so that the window is covered.
void LagRing::prune(TimePoint now) {
    while (samples_.size() > 1 && micros(now - samples_[1].time) > window_) samples_.pop_front();
    if (!samples_.empty() && micros(now - samples_.front().since) > window_ &&
        samples_.front().since < samples_.front().time) {
        samples_.front().since = std::min(samples_.front().time, now - window_);
    }
}

Lag LagRing::measure(Lsn replayed, TimePoint now) const noexcept {
    Lag lag;
    if (samples_.empty()) return lag;
    const std::uint64_t newest = samples_.back().position.value;
    lag.bytes = newest > replayed.value ? newest - replayed.value : 0;
    const auto behind = std::upper_bound(samples_.begin(), samples_.end(), replayed,
                                         [](Lsn position, const Sample& sample) { return position < sample.position; });
    if (behind == samples_.begin()) return lag;
    lag.time = std::max(micros(now - std::prev(behind)->time), std::chrono::microseconds(0));
    return lag;
}

}  // namespace pgweir::cluster
