// Annotations in comments before a statement's first keyword:
//   /* pgweir: primary */   /* pgweir: replica */   /* pgweir: read_preference=nearest, max_lag=500ms */
#pragma once

#include <string_view>

#include "proxy/sql/statement.hpp"

namespace pgweir::sql {

// `comments`: text from the first /* to the last */ as the lexer skipped it, perhaps with -- comments between, which
// never hold an annotation. Comments that do not begin with "pgweir:" are others' business. Unknown or contradicting:
// invalid.
[[nodiscard]] Hint find_hint(std::string_view comments) noexcept;

// What two places say together.
[[nodiscard]] Hint combine(const Hint& a, const Hint& b) noexcept;

// The annotations of a statement as they are written, from the first to the last; empty: there is none.
[[nodiscard]] std::string_view written_hint(std::string_view text) noexcept;

// Milliseconds of "500ms", "2s", "1 min" or "0"; none: something else, or too long to count.
[[nodiscard]] std::optional<std::uint32_t> parse_max_lag(std::string_view text) noexcept;

}  // namespace pgweir::sql
