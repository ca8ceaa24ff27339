// pgweir's own settings (pgweir.something): answered by the proxy, never sent to a server.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/routing/route.hpp"
#include "proxy/sql/statement.hpp"

namespace pgweir::session {

// The wire answer (CommandComplete, rows or an error, no ReadyForQuery) to SET, RESET or SHOW of a setting of ours, which
// changes `preference`; `start` is what RESET goes back to. Errors: 42704 unknown setting, 22023 bad value.
[[nodiscard]] std::string answer_local_setting(const sql::Statement& judged, routing::ReadPreference& preference,
                                               routing::ReadPreference start);

// The wire's description of such a statement's result: RowDescription for SHOW, NoData otherwise.
[[nodiscard]] std::string describe_local_setting(const sql::Statement& judged);

[[nodiscard]] std::optional<routing::ReadPreference> parse_read_preference(std::string_view value) noexcept;

// An identifier as SQL writes it: folded to lower case, or without its quotes.
[[nodiscard]] std::string folded_identifier(std::string_view written);

// Client encodings whose characters may hold ASCII bytes (semantics.md B), by any of their names.
[[nodiscard]] bool has_ascii_trail_bytes(std::string_view client_encoding);
// By any of its names: the server does not tell the right one where it is in force already.
[[nodiscard]] bool is_utf8(std::string_view client_encoding);

}  // namespace pgweir::session
