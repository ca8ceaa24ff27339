// What one SQL text may do, judged from the text alone (semantics.md A and B).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "config/read_preference.hpp"
#include "proxy/sql/reason.hpp"

namespace pgweir::sql {

// What a statement does to the transaction it stands in, read from its first words.
enum class Transaction : std::uint8_t {
    none,
    begin,               // BEGIN, START TRANSACTION, without a mode that matters
    begin_read_only,     // … READ ONLY at read committed or repeatable read: may run on a replica
    begin_read_write,    // … READ WRITE: the primary, whatever the session's default
    begin_serializable,  // … ISOLATION LEVEL SERIALIZABLE, also READ ONLY DEFERRABLE: the primary
    end,                 // COMMIT, END, ROLLBACK, ABORT; also AND CHAIN (see semantics.md A: 'T' follows)
    control,             // SAVEPOINT, RELEASE, ROLLBACK TO, SET TRANSACTION, SET CONSTRAINTS
};

// What a statement may leave behind in the session (semantics.md D). A set of flags.
enum class Effect : std::uint32_t {
    none = 0,
    set_reported = 1U << 0,    // SET of a setting that the server reports (ParameterStatus): tracked, no pin
    set_other = 1U << 1,       // SET of any other setting, or set_config(): pins
    set_role = 1U << 2,        // SET ROLE, SET SESSION AUTHORIZATION: pins
    reset = 1U << 3,           // RESET name, RESET ALL: back to the session's start
    discard_all = 1U << 4,     // DISCARD ALL
    deallocate_all = 1U << 5,  // DEALLOCATE [PREPARE] ALL
    deallocate_one = 1U << 6,  // DEALLOCATE name
    temporary = 1U << 7,       // CREATE TEMP …, SELECT INTO TEMP, anything of pg_temp: pins, all reads on the primary
    listen = 1U << 8,          // LISTEN: pins
    unlisten = 1U << 9,
    hold_cursor = 1U << 10,      // DECLARE … WITH HOLD: pins
    sql_prepare = 1U << 11,      // SQL PREPARE: pins
    advisory_lock = 1U << 12,    // session-level pg_advisory_lock and the like: pins
    sequence = 1U << 13,         // nextval, setval: currval and lastval remember it: pins only if those are used later
    load = 1U << 14,             // LOAD, setseed: pins
    taint = 1U << 15,            // DO, CALL, EXECUTE, an unknown function: may have done any of these
    copy_from_stdin = 1U << 16,  // COPY … FROM STDIN
    set_local = 1U << 17,        // SET LOCAL, SET TRANSACTION: ends with the transaction
    currval = 1U << 18,          // currval, lastval
    serializable =
        1U << 19,  // SET of default_transaction_isolation, or SESSION CHARACTERISTICS with an isolation level
    lets_go = 1U << 20,  // may take away what a session holds: DROP, UNLISTEN, CLOSE, DEALLOCATE, DISCARD, an unlock, RESET ROLE
};

[[nodiscard]] constexpr Effect operator|(Effect a, Effect b) noexcept {
    return static_cast<Effect>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
[[nodiscard]] constexpr Effect operator&(Effect a, Effect b) noexcept {
    return static_cast<Effect>(static_cast<std::uint32_t>(a) & static_cast<std::uint32_t>(b));
}
constexpr Effect& operator|=(Effect& a, Effect b) noexcept { return a = a | b; }
[[nodiscard]] constexpr bool has(Effect set, Effect flag) noexcept { return (set & flag) != Effect::none; }

// An annotation in a comment before the first keyword (hint.hpp).
struct Hint {
    enum class Kind : std::uint8_t {
        none,
        primary,
        replica,  // by this word: it vouches for functions that are not known
        options,  // read_preference=, max_lag=
        invalid,
    };
    Kind kind = Kind::none;
    std::optional<config::ReadPreference> read_preference{};
    std::optional<std::uint32_t> max_lag{};  // milliseconds; 0: no bound

    friend bool operator==(const Hint&, const Hint&) = default;
};

// A statement of pgweir's own settings (pgweir.something), answered by the proxy and never sent to a server.
enum class Local : std::uint8_t { none, set, set_local, reset, reset_local, show };

struct Statement {
    bool reads_only = false;  // may run on a replica
    bool empty = false;       // no token at all
    bool multiple = false;    // more than one statement
    Reason reason = Reason::not_a_read;
    Transaction transaction = Transaction::none;
    Effect effects = Effect::none;
    Hint hint{};
    Local local = Local::none;
    bool asks_position = false;  // SHOW pgweir.lsn: the primary answers it
    // Slices of the text that was classified, for `local` (name after "pgweir.", unquoted value), for set_reported and
    // reset (the setting's name as written; empty for RESET ALL) and for deallocate_one (the statement's name as
    // written).
    std::string_view name;
    std::string_view value;

    friend bool operator==(const Statement&, const Statement&) = default;

    // One read that does nothing else: not to its transaction, nor to the session.
    [[nodiscard]] bool is_plain_read() const noexcept {
        return reads_only && reason == Reason::read && effects == Effect::none && transaction == Transaction::none && !multiple &&
               local == Local::none && !asks_position && hint.kind != Hint::Kind::invalid;
    }
};

}  // namespace pgweir::sql
