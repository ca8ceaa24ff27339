// Where `pgweir route` has its statements from, and how it reads them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "proxy/app/input.hpp"

namespace pgweir::app {

struct Sample {
    std::string_view text;    // valid during the call that it is given to
    std::uint64_t calls = 1;
    std::optional<double> total_ms{};  // of all its calls, if it is known
};

using TakeSample = std::function<void(const Sample&)>;

enum class SourceFormat : std::uint8_t {
    detect,
    sql,  // statements that end with a `;` at a line's end
    csv,  // pg_stat_statements as \copy … csv header makes it, or a csvlog
    log,  // the server's log, log_destination = stderr
};

// By what comes first; sql when nothing speaks for another.
[[nodiscard]] SourceFormat detect_format(std::string_view first);

// Each gives all statements of the input in order. A CSV that is neither of the two throws std::runtime_error.
void read_sql(Input& in, const TakeSample& take);
void read_nul_separated(Input& in, const TakeSample& take);  // byte by byte what stands before each NUL
void read_csv(Input& in, const TakeSample& take);
void read_log(Input& in, const TakeSample& take);

// The statement that one message of a server's log is about, without prefix and severity: "statement: …", "execute x: …", with
// or without a duration before it. None: it is about something else, as the parsing of a statement, or has no text.
[[nodiscard]] std::optional<Sample> read_log_message(std::string_view message);

}  // namespace pgweir::app
