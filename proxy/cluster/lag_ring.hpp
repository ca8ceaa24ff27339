// The primary's recent positions with the times at which they were asked for: the measure of every replica's lag
// (semantics.md F.1, F.3). No clock of any server and no heartbeat table takes part.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "protocol/lsn.hpp"

namespace pgweir::cluster {

using TimePoint = std::chrono::steady_clock::time_point;

struct Lag {
    // Age of the newest sample that the replica has replayed; none: it has replayed none of them.
    std::optional<std::chrono::microseconds> time;
    // Distance to the newest sample; none without any sample.
    std::optional<std::uint64_t> bytes;

    friend bool operator==(const Lag&, const Lag&) = default;
};

class LagRing {
  public:
    // Keeps samples for `window` at least (twice the largest max_lag), thinned so that memory stays bounded.
    explicit LagRing(std::chrono::microseconds window) noexcept : window_(window) {}

    // `before` is the time before the query was sent, `position` is normalised. A position behind the newest one is
    // another history (a restored server): the ring starts anew with it.
    void add(TimePoint before, Lsn position);
    void clear() noexcept { samples_.clear(); }
    void set_window(std::chrono::microseconds window) noexcept { window_ = window; }

    [[nodiscard]] bool empty() const noexcept { return samples_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return samples_.size(); }
    // Only when not empty: the newest sample, and since when there have been samples (no further back than the oldest
    // kept).
    [[nodiscard]] TimePoint newest() const noexcept { return samples_.back().time; }
    [[nodiscard]] Lsn newest_position() const noexcept { return samples_.back().position; }
    [[nodiscard]] TimePoint oldest() const noexcept { return samples_.front().since; }

    [[nodiscard]] Lag measure(Lsn replayed, TimePoint now) const noexcept;

  private:
    // Samples of one position are one entry: an idle primary costs one.
    struct Sample {
        TimePoint since;  // of the first
        TimePoint time;   // of the last
        Lsn position;
    };
    static constexpr std::chrono::microseconds::rep kMostSamples = 4096;

    void prune(TimePoint now);

    std::chrono::microseconds window_;
    std::deque<Sample> samples_;  // both columns ascend
};

}  // namespace pgweir::cluster
