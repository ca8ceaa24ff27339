#include "config/units.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <system_error>

namespace pgweir::config {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// Largest first: the formatter takes the first that divides.
constexpr std::array<Unit, 5> kDurations{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"min", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 5> kSizes{
    {{"TB", 1ULL << 40}, {"GB", 1ULL << 30}, {"MB", 1ULL << 20}, {"kB", 1ULL << 10}, {"B", 1}}};

std::optional<std::uint64_t> parse(std::string_view text, std::span<const Unit> units) {
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::invalid_argument) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    while (text.starts_with(' ')) text.remove_prefix(1);
    for (const Unit& unit : units) {
        if (text != unit.name) continue;
        if (error == std::errc::result_out_of_range || number > kMax / unit.factor) return kMax;
        return number * unit.factor;
    }
    return std::nullopt;
}

std::string format(std::uint64_t number, std::span<const Unit> units, std::string_view unit_of_zero) {
    if (number == 0) return '0' + std::string(unit_of_zero);
    for (const Unit& unit : units) {
        if (number % unit.factor == 0) return std::to_string(number / unit.factor) + std::string(unit.name);
    }
    return std::to_string(number);  // not reached: the last factor is 1
}

}  // namespace

std::optional<std::uint64_t> parse_duration(std::string_view text) { return parse(text, kDurations); }

std::optional<std::uint64_t> parse_size(std::string_view text) { return parse(text, kSizes); }

std::string format_duration(std::uint64_t milliseconds) { return format(milliseconds, kDurations, "s"); }

std::string format_size(std::uint64_t bytes) { return format(bytes, kSizes, "B"); }

}  // namespace pgweir::config
