#include "proxy/sql/utility.hpp"

#include "proxy/sql/text.hpp"

namespace pgweir::sql {

namespace {

// ROLLBACK [WORK | TRANSACTION] TO, and the second phase of two.
[[nodiscard]] Utility judge_end(const Head& head) noexcept {
    std::size_t i = 1;
    if (head.keyword(i) == Keyword::prepared) return {.reason = Reason::two_phase};
    if (head.keyword(i) == Keyword::work || head.keyword(i) == Keyword::transaction) ++i;
    if (head.keyword(i) == Keyword::to)
        return {.reason = Reason::transaction_control, .transaction = Transaction::control};
    return {.reason = Reason::transaction_end, .transaction = Transaction::end};
}

[[nodiscard]] Utility judge_deallocate(const Head& head, std::string_view text) noexcept {
    Utility result{.reason = Reason::prepare};
    const std::size_t i = head.keyword(1) == Keyword::prepare && head.kind(2) != TokenKind::end ? 2 : 1;
    if (head.keyword(i) == Keyword::all) {
        result.effects = Effect::deallocate_all | Effect::lets_go;
    } else if (head.kind(i) != TokenKind::end) {
        result.effects = Effect::deallocate_one | Effect::lets_go;
        result.name = text.substr(head[i].begin, head[i].end - head[i].begin);
    }
    return result;
}

[[nodiscard]] Utility judge_prepare(const Head& head) noexcept {
    if (head.keyword(1) == Keyword::transaction) return {.reason = Reason::two_phase, .transaction = Transaction::end};
    return {.reason = Reason::prepare, .effects = Effect::sql_prepare};
}

[[nodiscard]] Reason reason_of(Transaction begin) noexcept {
    switch (begin) {
        case Transaction::begin_read_only:
            return Reason::read_only_transaction;
        case Transaction::begin_read_write:
            return Reason::read_write_transaction;
        case Transaction::begin_serializable:
            return Reason::serializable;
        case Transaction::none:
        case Transaction::begin:
        case Transaction::end:
        case Transaction::control:
            break;
    }
    return Reason::transaction;
}

// Verbs of which the first word says all. What is not listed is not known to read.
struct Verb {
    Keyword verb;
    Reason reason;
    Effect effects = Effect::none;
    Transaction transaction = Transaction::none;
};

constexpr Verb kVerbs[] = {
    {Keyword::insert, Reason::write},
    {Keyword::update, Reason::write},
    {Keyword::delete_, Reason::write},
    {Keyword::merge, Reason::write},
    {Keyword::truncate, Reason::write},
    {Keyword::savepoint, Reason::transaction_control, Effect::none, Transaction::control},
    {Keyword::release, Reason::transaction_control, Effect::none, Transaction::control},
    {Keyword::create, Reason::ddl},
    {Keyword::alter, Reason::ddl},
    {Keyword::drop, Reason::ddl, Effect::lets_go},
    {Keyword::grant, Reason::ddl},
    {Keyword::revoke, Reason::ddl},
    {Keyword::comment, Reason::ddl},
    {Keyword::security, Reason::ddl},
    {Keyword::refresh, Reason::ddl},
    {Keyword::reassign, Reason::ddl},
    {Keyword::import, Reason::ddl},
    {Keyword::vacuum, Reason::maintenance},
    {Keyword::analyze, Reason::maintenance},
    {Keyword::analyse, Reason::maintenance},
    {Keyword::cluster, Reason::maintenance},
    {Keyword::reindex, Reason::maintenance},
    {Keyword::checkpoint, Reason::maintenance},
    {Keyword::declare, Reason::cursor},
    {Keyword::fetch, Reason::cursor},
    {Keyword::move, Reason::cursor},
    {Keyword::close, Reason::cursor, Effect::lets_go},
    {Keyword::execute, Reason::prepare, Effect::taint},
    {Keyword::lock, Reason::lock},
    {Keyword::listen, Reason::listen, Effect::listen},
    {Keyword::unlisten, Reason::listen, Effect::unlisten | Effect::lets_go},
    {Keyword::notify, Reason::listen},
    {Keyword::do_, Reason::do_or_call, Effect::taint},
    {Keyword::call, Reason::do_or_call, Effect::taint},
    {Keyword::load, Reason::load, Effect::load},
};

[[nodiscard]] Utility judge_verb(Keyword verb) noexcept {
    for (const Verb& known : kVerbs) {
        if (known.verb == verb) {
            return {.reason = known.reason, .transaction = known.transaction, .effects = known.effects};
        }
    }
    return {};
}

}  // namespace

Transaction begin_mode(const Head& head) noexcept {
    if (head.overflown()) return Transaction::begin_read_write;
    bool read_only = false;
    bool read_write = false;
    for (std::size_t i = 1; i < head.size(); ++i) {
        if (head.keyword(i) == Keyword::serializable) return Transaction::begin_serializable;
        if (head.keyword(i - 1) != Keyword::read) continue;
        read_only = read_only || head.keyword(i) == Keyword::only;
        read_write = read_write || head.keyword(i) == Keyword::write;
    }
    if (read_write) return Transaction::begin_read_write;
    return read_only ? Transaction::begin_read_only : Transaction::begin;
}

Utility judge_utility(const Head& head, std::string_view text) noexcept {
    const Keyword verb = head.keyword(0);
    if (verb == Keyword::set) return judge_set(head, text);
    if (verb == Keyword::reset) return judge_reset(head, text);
    if (verb == Keyword::show) return judge_show(head, text);
    if (verb == Keyword::deallocate) return judge_deallocate(head, text);
    if (verb == Keyword::prepare) return judge_prepare(head);
    if (verb == Keyword::begin || verb == Keyword::start) {
        const Transaction mode = begin_mode(head);
        return {.reason = reason_of(mode), .transaction = mode};
    }
    if (verb == Keyword::commit || verb == Keyword::end || verb == Keyword::rollback || verb == Keyword::abort) {
        return judge_end(head);
    }
    if (verb == Keyword::discard) {
        const bool all = head.keyword(1) == Keyword::all;
        return {.reason = Reason::discard, .effects = (all ? Effect::discard_all : Effect::none) | Effect::lets_go};
    }
    return judge_verb(verb);
}

}  // namespace pgweir::sql
