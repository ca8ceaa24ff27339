// `pgweir route`: where would these statements go? Judged by the data path's own code, without a server.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include "proxy/sql/judge.hpp"

namespace pgweir::app {

// Reads statements from `in` and prints one JSON line each: {"target": …, "reason": …, "sql": …}. They end with a `;`
// that is the last thing on its line and outside strings and comments, which is not part of "sql"; or, `nul_separated`,
// with a NUL, and are then taken byte by byte. The result is the process's exit status: 0, or 1 when `in` or `out`
// failed.
[[nodiscard]] int run_route(std::istream& in, std::ostream& out, bool nul_separated, sql::Judge judge);

// `text` as a JSON string with its quotes. What is not UTF-8 becomes U+FFFD.
[[nodiscard]] std::string json_quoted(std::string_view text);

}  // namespace pgweir::app
