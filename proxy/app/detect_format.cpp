#include <algorithm>
#include <array>
#include <sstream>

#include "proxy/app/csv.hpp"
#include "proxy/app/statement_source.hpp"
#include "proxy/sql/text.hpp"

namespace pgweir::app {

namespace {

constexpr std::array<std::string_view, 13> kSeverities{"DEBUG1", "DEBUG2", "DEBUG3", "DEBUG4", "DEBUG5", "INFO", "NOTICE",
                                                       "WARNING", "ERROR", "LOG", "FATAL", "PANIC", "DEBUG"};

[[nodiscard]] bool is_column_name(const std::string& field) {
    return !field.empty() && std::ranges::all_of(field, [](char c) { return sql::is(c, sql::kTagCont); });
}

// A header with "query", or a record of csvlog.
[[nodiscard]] bool looks_like_csv(std::string_view first) {
    std::istringstream text{std::string(first)};
    Input input(text);
    std::vector<std::string> fields;
    if (!CsvReader(input).next(fields)) return false;
    if (std::ranges::all_of(fields, is_column_name)) {
        return std::ranges::any_of(fields, [](const std::string& field) { return sql::equals_folded(field, "query"); });
    }
    return fields.size() > 20 && std::ranges::find(kSeverities, fields[11]) != kSeverities.end();
}

// A line "…LOG:  …" whose beginning is a prefix, not SQL.
[[nodiscard]] bool looks_like_log(std::string_view first) {
    for (std::size_t at = first.find("LOG:  "); at != std::string_view::npos; at = first.find("LOG:  ", at + 1)) {
        const std::size_t line = at == 0 ? 0 : first.rfind('\n', at - 1) + 1;  // npos + 1: the first line
        const std::string_view prefix = first.substr(line, at - line);
        if (prefix.find_first_of("'\";-") == std::string_view::npos || sql::is(first[line], sql::kDigit)) return true;
    }
    return false;
}

}  // namespace

SourceFormat detect_format(std::string_view first) {
    if (looks_like_csv(first)) return SourceFormat::csv;
    return looks_like_log(first) ? SourceFormat::log : SourceFormat::sql;
}

}  // namespace pgweir::app
