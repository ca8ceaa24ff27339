// `pgweir route`: where would these statements go? Judged by the data path's own code, without a server.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>

#include "proxy/app/statement_source.hpp"
#include "proxy/sql/judge.hpp"

namespace pgweir::app {

struct RouteOptions {
    SourceFormat format = SourceFormat::detect;
    bool nul_separated = false;  // SQL, each statement byte by byte up to a NUL
    bool summary = false;        // a report at the end, instead of a line for each
    std::size_t top = 5;         // texts of each reason in it
};

// Reads statements from `in` and prints one JSON line each: {"target": …, "reason": …, "sql": …}, or the report. In SQL
// they end with a `;` that is the last thing on its line and outside strings and comments, which is not part of "sql". The
// result is the process's exit status: 0, or 1 when `in` or `out` failed. Throws std::runtime_error for an input that is not
// of its format.
[[nodiscard]] int run_route(std::istream& in, std::ostream& out, const RouteOptions& options, sql::Judge judge);

// `text` as a JSON string with its quotes. What is not UTF-8 becomes U+FFFD.
[[nodiscard]] std::string json_quoted(std::string_view text);

}  // namespace pgweir::app
