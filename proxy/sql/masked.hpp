// A statement without what is its user's: its literals (semantics.md B, "is remembered").
#pragma once

#include <string>
#include <string_view>

namespace pgweir::sql {

// The text's tokens with one space where there was white space or a comment, and every string and number as "?". Two statements
// that differ in literals alone give the same; and none of a literal's characters is in it, also when the text is cut.
[[nodiscard]] std::string masked(std::string_view text, bool standard_strings = true);

}  // namespace pgweir::sql
