#include <array>

#include "proxy/admin/show.hpp"
#include "proxy/routing/route.hpp"

namespace pgweir::admin {

namespace {

using enum ColumnType;

constexpr auto kShadow = std::to_array<Column>({{"what", text}, {"target", text}, {"reason", text}, {"count", int8}});

// In the order in which WorkerStats counts them.
constexpr std::array kTargets = {routing::Target::primary, routing::Target::replica};

template <class Read>
[[nodiscard]] std::uint64_t sum(const std::vector<const net::WorkerStats*>& workers, const Read& read) {
    std::uint64_t all = 0;
    for (const net::WorkerStats* worker : workers) all += read(*worker).get();
    return all;
}

// What never happened has no row.
void add_routed(Table& table, const std::vector<const net::WorkerStats*>& workers) {
    for (std::size_t target = 0; target < kTargets.size(); ++target) {
        for (std::size_t reason = 0; reason < sql::kReasonCount; ++reason) {
            const std::uint64_t count =
                sum(workers, [&](const net::WorkerStats& stats) -> auto& { return stats.shadow_routed[target][reason]; });
            if (count == 0) continue;
            table.rows.push_back({cell("routed"), cell(name(kTargets[target])), cell(name(static_cast<sql::Reason>(reason))), cell(count)});
        }
    }
}

// All there is, with zeros: that nothing is different is what one wants to see. Of what was skipped, what was.
void add_verified(Table& table, const std::vector<const net::WorkerStats*>& workers) {
    for (std::size_t i = 0; i < net::kVerdicts.size(); ++i) {
        const auto count = sum(workers, [i](const net::WorkerStats& stats) -> auto& { return stats.shadow_verified[i]; });
        table.rows.push_back({cell("verified"), cell(name(routing::Target::replica)), cell(net::kVerdicts[i]), cell(count)});
    }
    for (std::size_t i = 0; i < net::kSkips.size(); ++i) {
        const auto count = sum(workers, [i](const net::WorkerStats& stats) -> auto& { return stats.shadow_skipped[i]; });
        if (count > 0) table.rows.push_back({cell("skipped"), cell(name(routing::Target::replica)), cell(net::kSkips[i]), cell(count)});
    }
}

}  // namespace

Table show_shadow(const Call& call) {
    Table table{kShadow, {}};
    if (!call.sources.stats) return table;
    const std::vector<const net::WorkerStats*> workers = call.sources.stats();
    add_routed(table, workers);
    add_verified(table, workers);
    return table;
}

}  // namespace pgweir::admin
