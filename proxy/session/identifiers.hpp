// Identifiers as SQL writes them.
#pragma once

#include <string>
#include <string_view>

namespace pgweir::session {

// Folded to lower case as the server folds ASCII, or without its quotes.
[[nodiscard]] std::string folded_identifier(std::string_view written);

}  // namespace pgweir::session
