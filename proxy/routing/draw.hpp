// Which of a sequence of things are among a given share of them.
#pragma once

#include <cstdint>

namespace pgweir::routing {

// Whether the thing of this number is drawn. Multiples of the golden ratio spread evenly: among any run of numbers, and any
// with equal steps between them, close to `percent` of a hundred are, and the same number always falls out the same.
[[nodiscard]] constexpr bool drawn(std::uint64_t number, std::uint32_t percent) noexcept {
    constexpr std::uint64_t kGolden = 0x9e37'79b9'7f4a'7c15;  // 2^64 divided by the golden ratio
    constexpr std::uint64_t kHundred = 100;
    return ((number * kGolden) >> 32) * kHundred < std::uint64_t{percent} << 32;
}

}  // namespace pgweir::routing
