#include <array>

#include "proxy/admin/show.hpp"

namespace pgweir::admin {

namespace {

using enum ColumnType;

constexpr auto kLearned = std::to_array<Column>(
    {{"database", text}, {"user", text}, {"query", text}, {"refusals", int8}, {"uses", int8}, {"worker", int8}});

}  // namespace

Table show_learned(const Call& /*call*/, const net::Inspection& rows) {
    Table table{kLearned, {}};
    for (const net::LearnedRow& learned : rows.learned) {
        table.rows.push_back({cell(learned.database), cell(learned.user), cell(learned.text), cell(learned.refusals),
                              cell(learned.uses), cell(learned.worker)});
    }
    return table;
}

}  // namespace pgweir::admin
