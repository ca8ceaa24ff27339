// What a cluster's state must not forget over a restart, or it could take an old primary for the primary (semantics.md G).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgweir::cluster {

struct Memory {
    std::uint64_t system_identifier = 0;  // 0: not known yet
    std::uint32_t timeline = 0;           // the highest of an accepted primary; a lower one is never accepted again

    friend bool operator==(const Memory&, const Memory&) = default;
};

// Lines of `key = value`, and a first one that says what the file is.
[[nodiscard]] std::string format_memory(const Memory& memory, std::string_view cluster);

struct MemoryError {
    std::size_t line = 0;  // from 1
    std::string message;
};

// None: `error` says why. A number or a line's end that is missing is an error, too: half a file must not pass for one that
// knows less.
[[nodiscard]] std::optional<Memory> parse_memory(std::string_view text, MemoryError& error);

}  // namespace pgweir::cluster
