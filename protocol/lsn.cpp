#include "protocol/lsn.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace pgweir {

namespace {

std::optional<std::uint64_t> parse_half(std::string_view text) noexcept {
    if (text.empty() || text.size() > 8) return std::nullopt;
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::optional<Lsn> parse_lsn(std::string_view text) noexcept {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto high = parse_half(text.substr(0, slash));
    const auto low = parse_half(text.substr(slash + 1));
    if (!high || !low) return std::nullopt;
    return Lsn{*high << 32 | *low};
}

std::string format_lsn(Lsn lsn) {
    std::array<char, 24> text{};
    const int size = std::snprintf(text.data(), text.size(), "%X/%X", static_cast<unsigned>(lsn.value >> 32),
                                   static_cast<unsigned>(lsn.value & 0xffff'ffff));
    return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace pgweir
