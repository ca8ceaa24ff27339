// Random numbers that are good enough for jitter and for choosing between equals: xorshift, no more than a word of state.
#pragma once

#include <cstdint>

namespace pgweir::cluster {

class Chance {
  public:
    explicit Chance(std::uint64_t seed = 0x9e3779b97f4a7c15) noexcept : state_(seed | 1) {}

    // In [0,1).
    [[nodiscard]] double next() noexcept {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return static_cast<double>(state_ >> 11) * 0x1.0p-53;
    }

  private:
    std::uint64_t state_;
};

}  // namespace pgweir::cluster
