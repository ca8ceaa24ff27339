#include "proxy/cluster/lsn_text.hpp"

namespace pgweir::cluster {

namespace {

constexpr std::uint64_t kShortHeader = 24;  // of a page
constexpr std::uint64_t kLongHeader = 40;   // of a segment's first page

}  // namespace

Lsn normalise(Lsn inserted, std::uint32_t wal_segment_size) noexcept {
    if (wal_segment_size != 0 && inserted.value % wal_segment_size == kLongHeader) {
        return Lsn{inserted.value - kLongHeader};
    }
    if (inserted.value % kWalPage == kShortHeader) return Lsn{inserted.value - kShortHeader};
    return inserted;
}

}  // namespace pgweir::cluster
