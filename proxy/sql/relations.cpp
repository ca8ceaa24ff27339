#include "proxy/sql/relations.hpp"

#include <algorithm>
#include <array>

#include "proxy/sql/text.hpp"

namespace pgweir::sql {

namespace {

// pg_stats and pg_stats_ext are the planner's statistics, which a replica shares.
constexpr std::array<std::string_view, 19> kNodeLocal = {
    "pg_aios",
    "pg_available_extension_versions",
    "pg_available_extensions",
    "pg_backend_memory_contexts",
    "pg_config",
    "pg_cursors",
    "pg_dsm_registry_allocations",
    "pg_file_settings",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_locks",
    "pg_prepared_statements",
    "pg_prepared_xacts",
    "pg_replication_origin_status",
    "pg_replication_slots",
    "pg_sequences",
    "pg_settings",
    "pg_shmem_allocations",
    "pg_shmem_allocations_numa",
};

constexpr std::array<std::string_view, 3> kSequenceColumns = {"last_value", "is_called", "log_cnt"};

constexpr std::string_view kTemporary = "pg_temp";

static_assert(std::ranges::all_of(kNodeLocal, [](std::string_view name) { return name.size() >= kShortestTelling; }));
static_assert(std::ranges::all_of(kSequenceColumns, [](std::string_view name) { return name.size() >= kShortestTelling; }));
static_assert(kTemporary.size() >= kShortestTelling);

}  // namespace

bool is_node_local(std::string_view name) noexcept {
    if (!starts_folded(name, "pg_")) return false;
    if (starts_folded(name, "pg_stat_") || starts_folded(name, "pg_statio_")) return true;
    for (const std::string_view view : kNodeLocal) {
        if (equals_folded(name, view)) return true;
    }
    return false;
}

bool is_temporary_schema(std::string_view name) noexcept {
    return equals_folded(name, kTemporary) || starts_folded(name, "pg_temp_");
}

bool is_sequence_column(std::string_view name) noexcept {
    return std::ranges::any_of(kSequenceColumns, [name](std::string_view column) { return equals_folded(name, column); });
}

}  // namespace pgweir::sql
