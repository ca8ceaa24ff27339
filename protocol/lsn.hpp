// A position in PostgreSQL's write-ahead log.
#pragma once

#include <compare>
#include <cstdint>

namespace pgweir {

// Bytes since the beginning of the log; printed by PostgreSQL as 'X/Y', two hexadecimal halves.
struct Lsn {
    std::uint64_t value = 0;
    friend constexpr auto operator<=>(Lsn, Lsn) = default;
};

}  // namespace pgweir
