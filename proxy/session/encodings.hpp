// What is known of client encodings by their names.
#pragma once

#include <string_view>

namespace pgweir::session {

// Client encodings whose characters may hold ASCII bytes (semantics.md B), by any of their names.
[[nodiscard]] bool has_ascii_trail_bytes(std::string_view client_encoding);
// By any of its names: the server does not tell the right one where it is in force already.
[[nodiscard]] bool is_utf8(std::string_view client_encoding);

}  // namespace pgweir::session
