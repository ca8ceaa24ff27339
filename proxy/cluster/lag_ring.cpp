#include "proxy/cluster/lag_ring.hpp"

#include <algorithm>

namespace pgweir::cluster {

void LagRing::add(TimePoint before, Lsn position) {
    if (!samples_.empty()) {
        Sample& last = samples_.back();
        if (before < last.time) return;  // answered out of order: the newer one says more
        if (position < last.position) samples_.clear();
    }
    if (!samples_.empty()) {
        Sample& last = samples_.back();
        // Thinning keeps the later time with the later position: a replica's lag may then look longer, never shorter.
        const bool crowded = before - last.since < window_ / kMostSamples;
        if (last.position == position) {
            last.time = before;
            return;
        }
        if (crowded) {
            last = Sample{last.since, before, position};
            return;
        }
    }
    samples_.push_back({before, before, position});
    prune(before);
}

void LagRing::prune(TimePoint now) {
    // The entry before the window stays as long as its successor is inside: it bounds what lies between the two.
    while (samples_.size() > 1 && now - samples_[1].time > window_) samples_.pop_front();
}

Lag LagRing::measure(Lsn replayed, TimePoint now) const noexcept {
    if (samples_.empty()) return {};
    Lag lag;
    const Lsn newest = samples_.back().position;
    lag.bytes = newest > replayed ? newest.value - replayed.value : 0;
    const auto after = std::upper_bound(samples_.begin(), samples_.end(), replayed,
                                        [](Lsn value, const Sample& sample) { return value < sample.position; });
    if (after == samples_.begin()) return lag;
    const auto age = std::chrono::duration_cast<std::chrono::microseconds>(now - std::prev(after)->time);
    lag.time = std::max(age, std::chrono::microseconds{0});
    return lag;
}

}  // namespace pgweir::cluster
