// What was seen of a statement, made into a judgement.
#include "proxy/sql/scan.hpp"

namespace pgweir::sql {

namespace {

[[nodiscard]] Reason reason_of(std::uint32_t doubts) noexcept {
    if ((doubts & kDoubtInto) != 0) return Reason::select_into;
    if ((doubts & kDoubtLock) != 0) return Reason::row_lock;
    if ((doubts & kDoubtWrite) != 0) return Reason::write;
    if ((doubts & kDoubtTemporary) != 0) return Reason::temporary;
    if ((doubts & kDoubtFunction) != 0) return Reason::function_not_allowed;
    if ((doubts & kDoubtNodeLocal) != 0) return Reason::node_local;
    if ((doubts & kDoubtSequence) != 0) return Reason::sequence_row;
    if ((doubts & (kDoubtView | kDoubtRelation)) != 0) return Reason::unsafe_relation;
    if ((doubts & kDoubtOperator) != 0) return Reason::unsafe_operator;
    if ((doubts & kDoubtCast) != 0) return Reason::unsafe_cast;
    if ((doubts & kDoubtSyntax) != 0) return Reason::syntax;
    return Reason::read;
}

// What an annotation may vouch for.
[[nodiscard]] bool may_be_lifted(Reason reason) noexcept {
    return reason == Reason::function_not_allowed || reason == Reason::node_local || reason == Reason::unsafe_relation ||
           reason == Reason::unsafe_operator || reason == Reason::unsafe_cast;
}

// Whether a statement that is no query may call the functions that it names. GRANT … ON FUNCTION f(int) does not.
[[nodiscard]] bool runs_functions(Reason reason, Keyword verb) noexcept {
    if (reason == Reason::ddl) return verb == Keyword::create || verb == Keyword::alter;
    return reason == Reason::write || reason == Reason::cursor || reason == Reason::prepare ||
           reason == Reason::do_or_call || reason == Reason::not_a_read || reason == Reason::explain_analyze ||
           reason == Reason::explain_other;
}

}  // namespace

Utility Scan::judge_query() const noexcept {
    Utility result{.reason = reason_of(doubts_), .effects = effects_};
    const bool insert_into = (doubts_ & kDoubtInto) != 0 && (doubts_ & kDoubtWrite) != 0;
    if (insert_into) result.reason = Reason::write;  // WITH … INSERT INTO
    return result;
}

Utility Scan::judge_copy() const noexcept {
    Utility result = judge_query();
    if (copy_direction_ == Keyword::from) {
        result.reason = Reason::copy_in;
        if (copy_target_ == CopyTarget::stream) result.effects |= Effect::copy_from_stdin;
    } else if (copy_target_ == CopyTarget::file) {
        result.reason = Reason::copy_to_file;
    } else if (copy_target_ == CopyTarget::none) {
        result.reason = Reason::syntax;
    }
    return result;
}

Utility Scan::judge() noexcept {
    if (reads(verb_)) {
        Utility result = judge_query();
        if (explain_ && analyze_ && result.reason == Reason::write) result.reason = Reason::explain_analyze;
        if (explain_ && !analyze_ && result.reason == Reason::write) result.reason = Reason::explain_other;
        return result;
    }
    if (verb_ == Keyword::copy && !explain_) return judge_copy();
    Utility result = judge_utility(head_, text_);
    if (explain_) {
        // What it explains is not done to the session, only to its data; EXECUTE may call anything.
        result = {.reason = analyze_ ? Reason::explain_analyze : Reason::explain_other,
                  .effects = result.effects & Effect::taint};
    }
    result.effects |= runs_functions(result.reason, verb_) ? effects_ : effects_ & Effect::temporary;
    if (has(result.effects, Effect::temporary)) result.reason = Reason::temporary;
    if (result.reason == Reason::not_a_read && (doubts_ & kDoubtSyntax) != 0) result.reason = Reason::syntax;
    return result;
}

// The first statement speaks for the text until there is a second.
void Scan::merge(const Utility& statement) noexcept {
    result_.effects |= statement.effects;
    if (statements_ == 1) {
        result_.reason = statement.reason;
        result_.reads_only = statement.reason == Reason::read;
        result_.transaction = statement.transaction;
        result_.local = statement.local;
        result_.asks_position = statement.asks_position;
        result_.name = statement.name;
        result_.value = statement.value;
        const bool lifts = result_.hint.kind == Hint::Kind::replica && may_be_lifted(statement.reason);
        constexpr std::uint32_t kLifted = kDoubtFunction | kDoubtNodeLocal | kDoubtView | kDoubtOperator | kDoubtCast;
        const std::uint32_t others = doubts_ & ~kLifted;
        // A hint vouches for functions that are not known, not for those known to leave something behind.
        const bool harmless = statement.effects == Effect::none || statement.effects == Effect::taint;
        if (lifts && others == 0 && harmless) result_.reads_only = true;
        return;
    }
    // The server takes a setting of ours among others for one of its own kind.
    if (result_.local != Local::none && result_.local != Local::show) result_.effects |= Effect::set_other;
    if (statement.local != Local::none && statement.local != Local::show) result_.effects |= Effect::set_other;
    result_.reads_only = false;
    result_.reason = Reason::multiple_statements;
    result_.transaction = Transaction::none;
    result_.local = Local::none;
    result_.asks_position = false;
    result_.name = result_.value = {};
}

}  // namespace pgweir::sql
