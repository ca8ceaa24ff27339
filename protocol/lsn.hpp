// A position in PostgreSQL's write-ahead log, and its text.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgweir {

// Bytes since the beginning of the log; printed by PostgreSQL as 'X/Y', two hexadecimal halves.
struct Lsn {
    std::uint64_t value = 0;
    friend constexpr auto operator<=>(Lsn, Lsn) = default;
};

// 'X/Y' with 1 to 8 hexadecimal digits in each half, nothing around it; none otherwise.
[[nodiscard]] std::optional<Lsn> parse_lsn(std::string_view text) noexcept;

// As PostgreSQL prints it: upper-case hexadecimal halves without leading zeros.
[[nodiscard]] std::string format_lsn(Lsn lsn);

}  // namespace pgweir
