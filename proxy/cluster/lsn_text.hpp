// WAL positions as text, and the rule that makes a primary's position comparable with a replica's (semantics.md E).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/lsn.hpp"

namespace pgweir::cluster {

inline constexpr std::uint32_t kDefaultWalSegmentSize = 16U << 20;

// 'X/Y' with 1 to 8 hexadecimal digits in each half, nothing around it; none otherwise.
[[nodiscard]] std::optional<Lsn> parse_lsn(std::string_view text) noexcept;

// As PostgreSQL prints it: upper-case hexadecimal halves without leading zeros.
[[nodiscard]] std::string format_lsn(Lsn lsn);

// A primary's insert position stands behind the header of a page in which nothing has been written yet, where no
// replica can ever arrive: it is taken back to the page's beginning. No record lies between the two. Source:
// semantics.md E, liveness trap.
[[nodiscard]] Lsn normalise(Lsn inserted, std::uint32_t wal_segment_size = kDefaultWalSegmentSize) noexcept;

}  // namespace pgweir::cluster
