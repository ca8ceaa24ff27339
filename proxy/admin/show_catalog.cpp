#include <array>

#include "proxy/admin/show.hpp"

namespace pgweir::admin {

namespace {

using enum ColumnType;

constexpr auto kCatalog = std::to_array<Column>({
    {"cluster", text},
    {"database", text},
    {"loaded_at", text},
    {"age_ms", int8},
    {"functions", int8},
    {"safe_functions", int8},
    {"unsafe_views", int8},
    {"unsafe_relations", int8},
    {"unsafe_operators", int8},
    {"unsafe_casts", int8},
    {"in_use", text},
    {"last_error", text},
});

std::vector<Cell> row_of(const monitor::CatalogStatus& one) {
    const bool loaded = one.loaded_at != std::chrono::system_clock::time_point{};
    return {cell(one.cluster),
            cell(one.dbname),
            time_cell(one.loaded_at),
            loaded ? cell(one.age.count()) : kNull,
            cell(one.counts.functions),
            cell(one.counts.safe_functions),
            cell(one.counts.views),
            cell(one.counts.relations),
            cell(one.counts.operators),
            cell(one.counts.casts),
            cell(one.in_use ? "yes" : "no"),
            cell(one.error)};
}

}  // namespace

Table show_catalog(const Call& call) {
    Table table{kCatalog, {}};
    if (!call.sources.catalogs) return table;
    for (const monitor::CatalogStatus& one : call.sources.catalogs().databases) table.rows.push_back(row_of(one));
    return table;
}

}  // namespace pgweir::admin
