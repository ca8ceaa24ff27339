#include <array>

#include "proxy/admin/show.hpp"

namespace pgweir::admin {

namespace {

using enum ColumnType;

// Columns and fields in one order.
struct Stat {
    std::string_view total, average;
    std::uint64_t Totals::*field;
};

constexpr auto kFields = std::to_array<Stat>({
    {"total_server_assignment_count", "avg_server_assignment_count", &Totals::server_assignments},
    {"total_xact_count", "avg_xact_count", &Totals::transactions},
    {"total_query_count", "avg_query_count", &Totals::queries},
    {"total_received", "avg_recv", &Totals::received},
    {"total_sent", "avg_sent", &Totals::sent},
    {"total_xact_time", "avg_xact_time", &Totals::transaction_us},
    {"total_query_time", "avg_query_time", &Totals::query_us},
    {"total_wait_time", "avg_wait_time", &Totals::wait_us},
    {"total_client_parse_count", "avg_client_parse_count", &Totals::client_parses},
    {"total_server_parse_count", "avg_server_parse_count", &Totals::server_parses},
    {"total_bind_count", "avg_bind_count", &Totals::binds},
});

constexpr auto kStats = [] {
    std::array<Column, 1 + 2 * kFields.size()> columns{};
    columns[0] = {"database", text};
    for (std::size_t i = 0; i < kFields.size(); ++i) {
        columns[1 + i] = {kFields[i].total, int8};
        columns[1 + kFields.size() + i] = {kFields[i].average, int8};
    }
    return columns;
}();

}  // namespace

Table show_stats(const Call& call) {
    const Totals totals = call.sources.stats ? sum_totals(call.sources.stats()) : Totals{};
    const Averages averages = call.period.averages(std::chrono::steady_clock::now(), totals);
    std::vector<Cell> row{cell("all")};
    for (const Stat& stat : kFields) row.push_back(cell(totals.*stat.field));
    for (const Stat& stat : kFields) row.push_back(cell(averages.*stat.field));
    return {kStats, {std::move(row)}};
}

}  // namespace pgweir::admin
