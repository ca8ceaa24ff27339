// Why a statement went where it went: one code for each decision, counted and shown (docs/routing.md lists them all).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pgweir::sql {

// The first group is read off the text alone, the second needs the session or the cluster.
enum class Reason : std::uint8_t {
    // Of the text.
    read,                  // a plain read: may run on a replica
    empty,                 // no statement at all
    not_a_read,            // begins with a verb that is not known to read
    write,                 // INSERT, UPDATE, DELETE, MERGE, TRUNCATE, also inside WITH
    row_lock,              // FOR UPDATE, NO KEY UPDATE, SHARE, KEY SHARE
    select_into,           // SELECT … INTO
    ddl,                   // CREATE, ALTER, DROP, GRANT, COMMENT, REFRESH …
    maintenance,           // VACUUM, ANALYZE, CLUSTER, REINDEX, CHECKPOINT
    multiple_statements,   // more than one statement in one text
    function_not_allowed,  // calls a function that is not on the allowlist
    node_local,            // names a view about one server, as pg_stat_activity: a replica would answer for itself
    sequence_row,          // reads a sequence's own row, which is ahead on a replica
    unsafe_relation,       // reads a view that is no plain read, or a sequence or unlogged table
    unsafe_operator,       // an operator whose function is not allowed
    unsafe_cast,           // a cast, or a type's input, whose function is not allowed
    copy_in,               // COPY … FROM
    copy_to_file,          // COPY … TO a file or PROGRAM of the server's host
    show,                  // SHOW: a replica would answer for itself
    set,                   // SET, RESET
    discard,               // DISCARD
    cursor,                // DECLARE, FETCH, MOVE, CLOSE
    prepare,               // SQL PREPARE, EXECUTE, DEALLOCATE
    lock,                  // LOCK
    listen,                // LISTEN, UNLISTEN, NOTIFY
    do_or_call,            // DO, CALL
    load,                  // LOAD
    two_phase,             // PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED
    transaction_end,       // COMMIT, ROLLBACK
    transaction_control,   // SAVEPOINT, RELEASE, ROLLBACK TO, SET TRANSACTION, SET CONSTRAINTS
    temporary,             // makes or names a temporary object
    explain_analyze,       // EXPLAIN with an ANALYZE token of a statement that is not a plain read
    explain_other,         // EXPLAIN of a statement that is not a plain read
    nonstandard_strings,   // standard_conforming_strings is off
    unsafe_encoding,       // a client_encoding with ASCII trail bytes, and a byte ≥ 0x80
    syntax,                // not understood, or the server would refuse it
    nul_byte,              // a NUL inside the text
    too_long,              // the text is longer than what is judged
    local,                 // SET, RESET, SHOW of pgweir's own settings: answered by the proxy
    // Of the session and the cluster.
    read_only_transaction,   // a transaction declared READ ONLY
    transaction,             // an explicit transaction: the primary
    read_write_transaction,  // BEGIN READ WRITE
    serializable,            // SERIALIZABLE does not exist on a standby
    pinned,                  // the session holds its server connection
    hint_primary,            // pgweir: primary
    hint_replica,            // pgweir: replica
    hint_invalid,            // an annotation that is not understood
    read_preference,         // SET pgweir.read_preference = 'primary'
    split_off,               // splitting is off for the database
    shadow,                  // split = "shadow": the primary has everything, and what would have been is counted
    split_percent,           // the session is not among the split_percent whose reads go to replicas
    read_only_database,      // a database with read_only = true: always a replica
    no_replica,              // wanted a replica, none is in rotation
    replica_lost,            // the chosen replica could not be reached, or went away before it answered
    replicas_lag,            // every replica that is well lags too much (when_all_lag)
    replica_refused,         // a replica refused it: it is no read after all
    replica_conflict,        // recovery cancelled it on a replica
    replica_schema,          // a replica does not have something that it names, perhaps not yet
    learned,                 // a replica has refused such a statement before
    awaiting_sample,         // where the log stood when the session wrote or read last is not known yet
    replica_behind,          // no replica is known to have replayed what the session must see
    max_lag,                 // no replica is known to be within the bound that the read was given
    session_state,           // the session's state, as a temporary table, keeps all reads on the primary
    flushed_segment,         // an extended segment cut by Flush, or larger than what is buffered
    fast_path,               // FunctionCall
    no_statement,            // a segment without a statement, or with one that is not known
    refused,                 // a function off the list in a read-only transaction on a replica
    replication,             // a replication connection
};

inline constexpr std::size_t kReasonCount = static_cast<std::size_t>(Reason::replication) + 1;

// The enumerator's own spelling, which is the metric's label. Never empty for a declared enumerator.
[[nodiscard]] std::string_view name(Reason reason) noexcept;

}  // namespace pgweir::sql
