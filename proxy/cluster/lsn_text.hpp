// The rule that makes a primary's WAL position comparable with a replica's (semantics.md E).
#pragma once

#include <cstdint>

#include "protocol/lsn.hpp"

namespace pgweir::cluster {

inline constexpr std::uint32_t kDefaultWalSegmentSize = 16U << 20;
inline constexpr std::uint64_t kWalPage = 8192;  // XLOG_BLCKSZ

// A primary's insert position stands behind the header of a page in which nothing has been written yet, where no
// replica can ever arrive: it is taken back to the page's beginning. No record lies between the two. Source:
// semantics.md E, liveness trap.
[[nodiscard]] Lsn normalise(Lsn inserted, std::uint32_t wal_segment_size = kDefaultWalSegmentSize) noexcept;

}  // namespace pgweir::cluster
