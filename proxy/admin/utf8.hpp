// Names and messages come from clients and servers as bytes; what is shown must be UTF-8, or one bad name spoils a
// scrape.
#pragma once

#include <string>
#include <string_view>

namespace pgweir::admin {

// The text with every byte that is not part of a well-formed UTF-8 sequence (RFC 3629), and every NUL, replaced by '?'.
[[nodiscard]] std::string as_utf8(std::string_view text);

}  // namespace pgweir::admin
