#include "proxy/sql/reason.hpp"

#include <array>

namespace pgweir::sql {

namespace {

constexpr std::array<std::string_view, kReasonCount> kNames = {
    "read",
    "empty",
    "not_a_read",
    "write",
    "row_lock",
    "select_into",
    "ddl",
    "maintenance",
    "multiple_statements",
    "function_not_allowed",
    "node_local",
    "sequence_row",
    "unsafe_relation",
    "unsafe_operator",
    "unsafe_cast",
    "copy_in",
    "copy_to_file",
    "show",
    "set",
    "discard",
    "cursor",
    "prepare",
    "lock",
    "listen",
    "do_or_call",
    "load",
    "two_phase",
    "transaction_end",
    "transaction_control",
    "temporary",
    "explain_analyze",
    "explain_other",
    "nonstandard_strings",
    "unsafe_encoding",
    "syntax",
    "nul_byte",
    "too_long",
    "local",
    "read_only_transaction",
    "transaction",
    "read_write_transaction",
    "serializable",
    "pinned",
    "hint_primary",
    "hint_replica",
    "hint_invalid",
    "read_preference",
    "split_off",
    "shadow",
    "split_percent",
    "read_only_database",
    "no_replica",
    "replica_lost",
    "replicas_lag",
    "replica_refused",
    "replica_conflict",
    "replica_schema",
    "learned",
    "awaiting_sample",
    "replica_behind",
    "max_lag",
    "session_state",
    "flushed_segment",
    "fast_path",
    "no_statement",
    "refused",
    "replication",
};
static_assert(!kNames.back().empty(), "a reason without a name");

}  // namespace

std::string_view name(Reason reason) noexcept {
    const auto index = static_cast<std::size_t>(reason);
    return index < kNames.size() ? kNames[index] : std::string_view{"unknown"};
}

}  // namespace pgweir::sql
