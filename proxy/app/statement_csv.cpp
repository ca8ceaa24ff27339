// An export of pg_stat_statements as a source of statements, or the server's log as CSV (csvlog).
#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "proxy/app/csv.hpp"
#include "proxy/app/statement_source.hpp"
#include "proxy/sql/text.hpp"

namespace pgweir::app {

namespace {

using Fields = std::vector<std::string>;

// Columns of csvlog (PostgreSQL documentation, "Using CSV-Format Log Output").
constexpr std::size_t kSeverity = 11, kMessage = 13;

[[nodiscard]] std::optional<std::size_t> column(const Fields& header, std::string_view name) {
    const auto found = std::ranges::find_if(header, [&](const std::string& field) { return sql::equals_folded(field, name); });
    if (found == header.end()) return std::nullopt;
    return static_cast<std::size_t>(found - header.begin());
}

template <class Number>
[[nodiscard]] std::optional<Number> number(const Fields& fields, std::optional<std::size_t> column) {
    if (!column || *column >= fields.size()) return std::nullopt;
    const std::string& text = fields[*column];
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

void read_statistics(CsvReader& csv, const Fields& header, std::size_t query, const TakeSample& take) {
    const auto calls = column(header, "calls");
    auto time = column(header, "total_exec_time");
    if (!time) time = column(header, "total_time");  // until version 12
    for (Fields fields; csv.next(fields);) {
        if (query >= fields.size() || fields[query].empty()) continue;
        take({.text = fields[query],
              .calls = number<std::uint64_t>(fields, calls).value_or(1),
              .total_ms = number<double>(fields, time)});
    }
}

void read_csvlog(CsvReader& csv, Fields fields, const TakeSample& take) {
    do {
        if (fields.size() <= kMessage || fields[kSeverity] != "LOG") continue;
        if (const auto sample = read_log_message(fields[kMessage])) take(*sample);
    } while (csv.next(fields));
}

}  // namespace

void read_csv(Input& in, const TakeSample& take) {
    CsvReader csv(in);
    Fields first;
    if (!csv.next(first)) return;
    if (const auto query = column(first, "query")) return read_statistics(csv, first, *query, take);
    if (first.size() <= kMessage) throw std::runtime_error("the CSV has no header with a column \"query\"");
    read_csvlog(csv, std::move(first), take);
}

}  // namespace pgweir::app
