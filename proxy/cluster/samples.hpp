// Numbered samples of the primary's position: a write is known to be covered by the first one that starts after it
// (semantics.md E).
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "protocol/lsn.hpp"

namespace pgweir::cluster {

// What the control thread and the workers share of one cluster.
struct alignas(64) SampleClock {
    // Numbers given so far: one to each question that a server is asked, just before it is sent. What has ended before a
    // number was given is covered by the position that comes with that number.
    std::atomic<std::uint64_t> started{0};
    // Somebody waits for a newer sample, or for newer positions of the replicas; taken back when the question is sent.
    std::atomic<bool> sample_wanted{false}, replay_wanted{false};

    // The first number that has not been given.
    [[nodiscard]] std::uint64_t next() const noexcept { return started.load(std::memory_order_acquire) + 1; }
};

// The newest completed samples of one epoch, by value in every snapshot.
class SampleRing {
  public:
    static constexpr std::size_t kSize = 32;

    // Numbers and positions ascend. Samples of one position are one entry, that of the last: it answers for all.
    void add(std::uint64_t number, Lsn position) noexcept {
        if (count_ > 0 && samples_[count_ - 1].position == position) {
            samples_[count_ - 1].number = number;
            return;
        }
        if (count_ == kSize) {
            std::shift_left(samples_.begin(), samples_.end(), 1);
            --count_;
        }
        samples_[count_++] = {number, position};
    }
    void clear() noexcept { count_ = 0; }
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return count_; }
    // Only when not empty.
    [[nodiscard]] Lsn newest() const noexcept { return samples_[count_ - 1].position; }

    // The position of the oldest kept sample that is `number` or a later one; none when no such sample has completed.
    // Where `number` itself has been dropped, a later position stands in: more is asked than had to be, never less.
    [[nodiscard]] std::optional<Lsn> at_or_after(std::uint64_t number) const noexcept {
        const auto end = samples_.begin() + static_cast<std::ptrdiff_t>(count_);
        const auto found = std::partition_point(samples_.begin(), end, [&](const Sample& s) { return s.number < number; });
        return found == end ? std::nullopt : std::optional(found->position);
    }

  private:
    struct Sample {
        std::uint64_t number = 0;
        Lsn position;
    };
    std::array<Sample, kSize> samples_{};
    std::size_t count_ = 0;
};

}  // namespace pgweir::cluster
