#include "proxy/session/attempt.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "protocol/sqlstate.hpp"

namespace pgweir::session {

namespace {

namespace sqlstate = protocol::sqlstate;

// What a standby refuses, by the functions of PostgreSQL's source that raise it; run_again_test meets one of each list.
constexpr std::array<std::string_view, 6> kNotSupportedInRecovery{
    "get_relation_info", "CheckLogicalDecodingRequirements", "GetSerializableTransactionSnapshot", "check_transaction_isolation",
    "check_XactIsoLevel", "pg_replication_slot_advance"};
constexpr std::array<std::string_view, 6> kImpossibleInRecovery{"GetNewTransactionId", "AssignTransactionId", "GetNewMultiXactId",
                                                                "GetNewObjectId",      "GetNewOidWithIndex",  "XLogBeginInsert"};
constexpr std::array<std::string_view, 12> kNotInRecovery{
    "pg_switch_wal",       "pg_create_restore_point", "pg_current_wal_lsn",   "pg_current_wal_insert_lsn",
    "pg_walfile_name",     "pg_walfile_name_offset",  "brin_summarize_range", "pg_current_wal_flush_lsn",
    "gin_clean_pending_list", "brin_desummarize_range", "pg_log_standby_snapshot", "PreventCommandDuringRecovery"};
// A relation, a column, a function, a type, a schema: perhaps the replica has not replayed its making.
constexpr std::array<std::string_view, 5> kMissing{sqlstate::kUndefinedTable, sqlstate::kUndefinedColumn, sqlstate::kUndefinedFunction,
                                                    sqlstate::kUndefinedObject, sqlstate::kInvalidSchemaName};

template <std::size_t N>
[[nodiscard]] bool has(const std::array<std::string_view, N>& names, std::string_view name) noexcept {
    return std::ranges::find(names, name) != names.end();
}

}  // namespace

Refusal refusal_of(const protocol::ErrorFields& error) noexcept {
    if (error.code == sqlstate::kReadOnlyTransaction) return Refusal::read_only;
    // Outside a transaction that waits for nobody, only recovery can be in conflict with a read.
    if (error.code == sqlstate::kSerializationFailure || error.code == sqlstate::kDeadlockDetected) return Refusal::conflict;
    if (has(kMissing, error.code)) return Refusal::schema;
    const bool refused = (error.code == sqlstate::kFeatureNotSupported && has(kNotSupportedInRecovery, error.routine)) ||
                         (error.code == sqlstate::kInternalError && has(kImpossibleInRecovery, error.routine)) ||
                         (error.code == sqlstate::kObjectNotInPrerequisiteState && has(kNotInRecovery, error.routine));
    if (refused) return Refusal::read_only;
    const bool lost = error.code == sqlstate::kAdminShutdown || error.code == sqlstate::kCrashShutdown ||
                      error.code == sqlstate::kCannotConnectNow || error.code == sqlstate::kDatabaseDropped ||
                      error.code.starts_with("08");
    return error.is_fatal() && lost ? Refusal::lost : Refusal::none;
}

}  // namespace pgweir::session
