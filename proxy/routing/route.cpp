#include "proxy/routing/route.hpp"

namespace pgweir::routing {

namespace {

constexpr Route primary(Reason reason) noexcept { return {Target::primary, reason}; }

// Of a BEGIN: a transaction never moves, so its first statement settles it.
[[nodiscard]] Route begin_route(sql::Transaction transaction, bool default_read_only) noexcept {
    switch (transaction) {
        case sql::Transaction::begin_read_only:
            return {Target::replica, Reason::read_only_transaction};
        case sql::Transaction::begin_read_write:
            return primary(Reason::read_write_transaction);
        case sql::Transaction::begin_serializable:
            return primary(Reason::serializable);
        case sql::Transaction::begin:
            if (default_read_only) return {Target::replica, Reason::read_only_transaction};
            return primary(Reason::transaction);
        case sql::Transaction::end:
            return primary(Reason::transaction_end);
        case sql::Transaction::none:
        case sql::Transaction::control:
            break;
    }
    return primary(Reason::transaction_control);
}

}  // namespace

Route choose_route(const sql::Statement& statement, const SessionFacts& facts) noexcept {
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
    if (statement.hint == sql::Hint::invalid) return primary(Reason::hint_invalid);
    if (statement.hint == sql::Hint::primary) return primary(Reason::hint_primary);
    if (begins) {
        return facts.read_preference == ReadPreference::primary ? primary(Reason::read_preference) : begin;
    }
    if (!statement.reads_only) return primary(statement.reason);
    if (statement.hint == sql::Hint::replica) return {Target::replica, Reason::hint_replica};
    if (facts.read_preference == ReadPreference::primary) return primary(Reason::read_preference);
    return {Target::replica, statement.reason};
}

Route worse(const Route& a, const Route& b) noexcept {
    if (a.target == Target::primary) return a;
    return b.target == Target::primary ? b : a;
}

}  // namespace pgweir::routing
