// Annotations in comments before a statement's first keyword: /* pgweir: primary */, /* pgweir: replica */.
#pragma once

#include <string_view>

#include "proxy/sql/statement.hpp"

namespace pgweir::sql {

// `comments`: text from the first /* to the last */ as the lexer skipped it, perhaps with -- comments between, which
// never hold an annotation. Comments that do not begin with "pgweir:" are others' business. Unknown or contradicting:
// invalid.
[[nodiscard]] Hint find_hint(std::string_view comments) noexcept;

// What two places say together.
[[nodiscard]] Hint combine(Hint a, Hint b) noexcept;

}  // namespace pgweir::sql
