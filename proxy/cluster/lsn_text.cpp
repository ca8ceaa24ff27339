#include "proxy/cluster/lsn_text.hpp"

#include <charconv>
#include <cstdio>

namespace pgweir::cluster {

namespace {

// XLOG_BLCKSZ of every stock build, and the sizes of the two kinds of page header (xlog_internal.h).
constexpr std::uint64_t kPageSize = 8192;
constexpr std::uint64_t kShortHeader = 24;
constexpr std::uint64_t kLongHeader = 40;  // of a segment's first page

std::optional<std::uint32_t> parse_half(std::string_view text) noexcept {
    if (text.empty() || text.size() > 8) return std::nullopt;
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::optional<Lsn> parse_lsn(std::string_view text) noexcept {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto high = parse_half(text.substr(0, slash));
    const auto low = parse_half(text.substr(slash + 1));
    if (!high || !low) return std::nullopt;
    return Lsn{(std::uint64_t{*high} << 32) | *low};
}

std::string format_lsn(Lsn lsn) {
    char text[24];
    const int size = std::snprintf(text, sizeof text, "%X/%X", static_cast<unsigned>(lsn.value >> 32),
                                   static_cast<unsigned>(lsn.value & 0xffff'ffffU));
    return {text, static_cast<std::size_t>(size)};
}

Lsn normalise(Lsn inserted, std::uint32_t wal_segment_size) noexcept {
    if (inserted.value % kPageSize == kShortHeader) return Lsn{inserted.value - kShortHeader};
    if (wal_segment_size != 0 && inserted.value % wal_segment_size == kLongHeader) return Lsn{inserted.value - kLongHeader};
    return inserted;
}

}  // namespace pgweir::cluster
