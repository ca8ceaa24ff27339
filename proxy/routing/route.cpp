#include "proxy/routing/route.hpp"

namespace pgweir::routing {

namespace {

using Kind = sql::Hint::Kind;

constexpr Route primary(Reason reason) noexcept { return {.target = Target::primary, .reason = reason}; }

// Of a BEGIN: a transaction never moves, so its first statement settles it.
[[nodiscard]] Route begin_route(sql::Transaction transaction, bool default_read_only) noexcept {
    switch (transaction) {
        case sql::Transaction::begin_read_only:
            return {.target = Target::replica, .reason = Reason::read_only_transaction};
        case sql::Transaction::begin_read_write:
            return primary(Reason::read_write_transaction);
        case sql::Transaction::begin_serializable:
            return primary(Reason::serializable);
        case sql::Transaction::begin:
            if (default_read_only) return {.target = Target::replica, .reason = Reason::read_only_transaction};
            return primary(Reason::transaction);
        case sql::Transaction::end:
            return primary(Reason::transaction_end);
        case sql::Transaction::none:
        case sql::Transaction::control:
            break;
    }
    return primary(Reason::transaction_control);
}

// The word `replica` asks for one, whatever the session prefers.
[[nodiscard]] ReadPreference preference_of(const sql::Hint& hint, ReadPreference session) noexcept {
    if (hint.kind != Kind::replica) return hint.read_preference.value_or(session);
    return session == ReadPreference::replica ? session : ReadPreference::replica_preferred;
}

// As if all sessions were drawn.
[[nodiscard]] Route full_route(const sql::Statement& statement, const SessionFacts& facts) noexcept {
    if (statement.local != sql::Local::none) return primary(Reason::local);
    if (!facts.split) return primary(Reason::split_off);
    if (facts.pinned) return primary(Reason::pinned);
    if (facts.default_serializable) return primary(Reason::serializable);
    const bool begins = statement.transaction != sql::Transaction::none;
    const Route begin = begin_route(statement.transaction, facts.default_read_only);
    if (begins && begin.target == Target::primary) {
        // PREPARE TRANSACTION and SET transaction_… end or shape a transaction, and have names of their own.
        const bool plain =
            statement.transaction == sql::Transaction::end || statement.transaction == sql::Transaction::control;
        return plain ? primary(statement.reason) : begin;
    }
    if (statement.hint.kind == Kind::invalid) return primary(Reason::hint_invalid);
    if (statement.hint.kind == Kind::primary) return primary(Reason::hint_primary);
    if (!begins && !statement.reads_only) return primary(statement.reason);
    const ReadPreference preference = preference_of(statement.hint, facts.read_preference);
    if (preference == ReadPreference::primary) return primary(Reason::read_preference);
    const bool asked = statement.hint.kind == Kind::replica && !begins;
    return {.target = Target::replica,
            .reason = begins ? begin.reason : asked ? Reason::hint_replica : statement.reason,
            .read_preference = preference,
            .vouched = asked,
            .max_lag = statement.hint.max_lag.value_or(facts.max_lag)};
}

}  // namespace

Route choose_route(const sql::Statement& statement, const SessionFacts& facts) noexcept {
    const Route route = full_route(statement, facts);
    const bool annotated = statement.hint.kind == Kind::replica || statement.hint.read_preference;
    const bool stays = route.target == Target::primary || facts.drawn || annotated;
    return stays ? route : primary(Reason::split_percent);
}

Route worse(const Route& a, const Route& b) noexcept {
    if (a.target == Target::primary) return a;
    if (b.target == Target::primary) return b;
    Route both = a;
    for (const ReadPreference strict : {ReadPreference::primary_preferred, ReadPreference::replica}) {
        if (b.read_preference == strict && a.read_preference != ReadPreference::replica) both.read_preference = strict;
    }
    if (b.max_lag != 0 && (a.max_lag == 0 || b.max_lag < a.max_lag)) both.max_lag = b.max_lag;
    both.vouched |= b.vouched;
    return both;
}

}  // namespace pgweir::routing
