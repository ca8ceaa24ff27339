// Statements that mean the same whether they are parsed now or were parsed before (promote_unnamed).
#pragma once

#include <string_view>

namespace pgweir::sql {

// Whether it saves something to parse it once, and may be done: it begins as a query, INSERT, UPDATE, DELETE or MERGE does, and
// holds no literal that parsing turns into a constant of its moment: 'now', 'today', 'tomorrow', 'yesterday' in whatever string,
// an object's name by a reg type, a time of day with the time zone of today. Its functions are not looked at: what
// PostgreSQL believes to be immutable is.
[[nodiscard]] bool is_promotable(std::string_view text, bool standard_strings) noexcept;

}  // namespace pgweir::sql
