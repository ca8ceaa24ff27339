// How much of its weight a replica has that comes into rotation: caches are cold, and all would turn to it at once
// (semantics.md F.5).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "proxy/cluster/lag_ring.hpp"

namespace pgweir::cluster {

class SlowStart {
  public:
    static constexpr std::uint32_t kWhole = 1'000;
    static constexpr std::uint32_t kFirst = kWhole / 10;

    // `length` 0: there is none. One that was away for less than `blink` goes on as it was.
    SlowStart(std::chrono::milliseconds length, std::chrono::milliseconds blink) noexcept : length_(length), blink_(blink) {}

    void set_length(std::chrono::milliseconds length, std::chrono::milliseconds blink) noexcept {
        length_ = length;
        blink_ = blink;
    }

    // `settled`: others serve already, so that it comes late even if it has never been in.
    void came_in(TimePoint now, bool settled) noexcept {
        const bool returns = left_.has_value();
        if (returns && now - *left_ < blink_) return;
        began_ = length_.count() > 0 && (returns || settled) ? std::optional(now) : std::nullopt;
    }
    void went_out(TimePoint now) noexcept { left_ = now; }

    // In thousandths of the weight.
    [[nodiscard]] std::uint32_t share(TimePoint now) const noexcept {
        if (!began_) return kWhole;
        const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - *began_);
        if (passed >= length_) return kWhole;
        const auto grown = static_cast<std::uint32_t>(passed.count() * (kWhole - kFirst) / length_.count());
        return kFirst + grown;
    }
    // True once, when the whole weight is reached.
    [[nodiscard]] bool over(TimePoint now) noexcept {
        if (!began_ || share(now) < kWhole) return false;
        began_.reset();
        return true;
    }
    [[nodiscard]] bool under_way() const noexcept { return began_.has_value(); }

  private:
    std::chrono::milliseconds length_, blink_;
    std::optional<TimePoint> began_, left_;
};

}  // namespace pgweir::cluster
