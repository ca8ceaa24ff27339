#include "proxy/session/read_only.hpp"

#include <algorithm>
#include <array>

#include "proxy/session/setting_names.hpp"
#include "proxy/sql/text.hpp"

namespace pgweir::session {

namespace {

using sql::Effect;
using sql::Transaction;

bool is_true(std::string_view value) noexcept {
    constexpr std::array<std::string_view, 4> kTrue{"on", "true", "yes", "1"};
    return std::ranges::any_of(kTrue, [&](std::string_view word) { return same_name(word, value); });
}

// Whether the words stand in the text in any case, wherever: a false alarm costs a refusal, a miss could cost more.
bool holds(std::string_view text, std::string_view word) noexcept {
    const auto same = [](char a, char b) { return sql::lower(a) == b; };
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

// SET, also LOCAL, and RESET of one of the settings that make transactions read only; READ WRITE in any other statement that
// shapes transactions, among several, or in code; set_config.
bool asks_for_writes(const sql::Statement& judged, std::string_view text) noexcept {
    if (judged.transaction == Transaction::begin_read_write) return true;
    const bool one_of_them = same_name(judged.name, "default_transaction_read_only") ||
                             same_name(judged.name, "transaction_read_only");
    if (one_of_them) return has(judged.effects, Effect::reset) || !is_true(judged.value);
    const bool shapes = judged.multiple || judged.transaction == Transaction::control ||
                        has(judged.effects, Effect::set_reported | Effect::set_other | Effect::taint);
    return shapes && (holds(text, "write") || holds(text, "read_only"));
}

bool harmless_control(Transaction transaction) noexcept {
    switch (transaction) {
        case Transaction::begin:
        case Transaction::begin_read_only:
        case Transaction::end:
        case Transaction::control: return true;
        case Transaction::none:
        case Transaction::begin_read_write:
        case Transaction::begin_serializable: break;
    }
    return false;
}

// Can neither write nor change what the next statement may do.
bool harmless_on_primary(const sql::Statement& judged) noexcept {
    if (judged.multiple) return false;
    // A hint vouches for a function on a replica, not here.
    if (judged.reason == sql::Reason::read || judged.empty || judged.reason == sql::Reason::show) return true;
    if (judged.reason == sql::Reason::two_phase || has(judged.effects, Effect::set_local)) return false;
    if (harmless_control(judged.transaction)) return true;
    // SET SESSION CHARACTERISTICS has no name, and sets what makes transactions read only, as RESET ALL does. What changes how
    // texts are read changes what the next ones say.
    if (judged.effects == Effect::set_reported) {
        return !judged.name.empty() && !same_name(judged.name, "standard_conforming_strings");
    }
    constexpr std::array kEffects{Effect::deallocate_one | Effect::lets_go, Effect::deallocate_all | Effect::lets_go};
    return std::ranges::find(kEffects, judged.effects) != kEffects.end();
}

}  // namespace

std::string_view read_only_refusal(const sql::Statement& judged, std::string_view text, bool on_primary) noexcept {
    if (asks_for_writes(judged, text)) return "cannot set transaction read-write mode: the database is read_only in pgweir";
    if (has(judged.effects, Effect::listen)) return "cannot execute LISTEN: the database is read_only in pgweir";
    if (!on_primary || harmless_on_primary(judged)) return {};
    return "cannot execute this statement: the database is read_only in pgweir, and no replica is there to run it";
}

}  // namespace pgweir::session
