// Text from a peer, made fit for one line of a log.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pgweir::session {

// Control characters become '?', and what is longer than 500 bytes is cut. Bytes from 0x80 on stay: they may be UTF-8.
[[nodiscard]] std::string printable(std::string_view text);

// As the value of a log line's key: in quotes, with quotes and backslashes escaped by backslashes, so that no name can look
// like another key. What is no UTF-8, control characters and those that turn the direction of writing become '?'; what is
// longer than `limit` bytes is cut.
[[nodiscard]] std::string log_value(std::string_view text, std::size_t limit = 500);

}  // namespace pgweir::session
