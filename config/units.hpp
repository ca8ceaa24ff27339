// Durations and sizes with units, PostgreSQL's spelling.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgweir::config {

// A whole number and its unit: ms, s, min, h, d ("15s", "2 min"). Milliseconds; the largest value when it does not fit.
// nullopt when the text is something else.
[[nodiscard]] std::optional<std::uint64_t> parse_duration(std::string_view text);

// A whole number and its unit: B, kB, MB, GB, TB (steps of 1024). Bytes; the largest value when it does not fit.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

// In the largest unit that divides it: 90000 → "90s", 120000 → "2min", 0 → "0s".
[[nodiscard]] std::string format_duration(std::uint64_t milliseconds);

// In the largest unit that divides it: 16777216 → "16MB", 0 → "0B".
[[nodiscard]] std::string format_size(std::uint64_t bytes);

}  // namespace pgweir::config
