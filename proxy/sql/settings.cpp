// SET, RESET and SHOW (semantics.md D).
#include <array>

#include "proxy/sql/text.hpp"
#include "proxy/sql/utility.hpp"

namespace pgweir::sql {

namespace {

// Settings that the server reports by ParameterStatus.
constexpr std::array<std::string_view, 7> kReported = {
    "application_name",
    "client_encoding",
    "datestyle",
    "intervalstyle",
    "timezone",
    "standard_conforming_strings",
    "default_transaction_read_only",
};

[[nodiscard]] std::string_view slice(std::string_view text, std::size_t begin, std::size_t end) noexcept {
    return end > begin ? text.substr(begin, end - begin) : std::string_view{};
}

// 'x' and "x" without their quotes when nothing inside is escaped; anything else as it is.
[[nodiscard]] std::string_view unquote(std::string_view text) noexcept {
    if (text.size() < 2) return text;
    const char quote = text.front();
    if ((quote != '\'' && quote != '"') || text.back() != quote) return text;
    const std::string_view inner = text.substr(1, text.size() - 2);
    return inner.find(quote) == std::string_view::npos ? inner : text;
}

struct Name {
    std::string_view full{};   // as written, one part without its quotes
    std::string_view below{};  // behind "pgweir."; empty: not one of pgweir's
    std::size_t next = 0;      // the token behind it
};

// name {. name} from token `i`.
[[nodiscard]] Name read_name(const Head& head, std::string_view text, std::size_t i) noexcept {
    Name name{.next = i};
    if (head.kind(i) != TokenKind::word && head.kind(i) != TokenKind::quoted) return name;
    const std::size_t begin = head[i].begin;
    std::size_t end = head[i].end;
    const std::string_view first = unquote(slice(text, begin, end));
    std::size_t below = 0;
    name.next = i + 1;
    while (head.kind(name.next) == TokenKind::dot && head.kind(name.next + 1) != TokenKind::end) {
        if (below == 0) below = head[name.next + 1].begin;
        end = head[name.next + 1].end;
        name.next += 2;
    }
    name.full = unquote(slice(text, begin, end));
    if (below != 0 && equals_folded(first, "pgweir")) name.below = unquote(slice(text, below, end));
    return name;
}

// Behind TO or `=`: all that is left of the statement.
[[nodiscard]] std::string_view read_value(const Head& head, std::string_view text, std::size_t i) noexcept {
    if (head.keyword(i) == Keyword::to) return trim(slice(text, head[i].end, head.end()));
    if (head.kind(i) != TokenKind::op || text[head[i].begin] != '=') return {};
    return trim(slice(text, head[i].begin + 1, head.end()));
}

[[nodiscard]] Effect effect_of(std::string_view name) noexcept {
    for (const std::string_view reported : kReported) {
        if (equals_folded(name, reported)) return Effect::set_reported;
    }
    if (equals_folded(name, "role") || equals_folded(name, "session_authorization")) return Effect::set_role;
    if (equals_folded(name, "default_transaction_isolation")) return Effect::set_other | Effect::serializable;
    return Effect::set_other;
}

// transaction_isolation and its like end with the transaction.
[[nodiscard]] bool is_of_transaction(std::string_view name) noexcept {
    return equals_folded(name, "transaction_isolation") || equals_folded(name, "transaction_read_only") ||
           equals_folded(name, "transaction_deferrable");
}

[[nodiscard]] Utility set_variable(const Head& head, std::string_view text, std::size_t i, bool local) noexcept {
    const Name name = read_name(head, text, i);
    Utility result{.reason = Reason::set, .name = name.full};
    const std::string_view value = read_value(head, text, name.next);
    result.value = unquote(value);
    if (!name.below.empty()) {
        result.reason = Reason::local;
        result.name = name.below;
        result.local = local ? Local::set_local : Local::set;
        if (equals_folded(value, "default")) result.local = local ? Local::reset_local : Local::reset;
        return result;
    }
    if (is_of_transaction(name.full)) {
        result.transaction = Transaction::control;
        result.effects = Effect::set_local;
    } else {
        result.effects = local ? Effect::set_local : effect_of(name.full);
    }
    return result;
}

// SESSION CHARACTERISTICS AS TRANSACTION …: the defaults of the session's transactions.
[[nodiscard]] Utility set_characteristics(const Head& head) noexcept {
    Utility result{.reason = Reason::set, .effects = Effect::set_reported};  // READ ONLY, READ WRITE
    for (std::size_t i = 4; i < head.size(); ++i) {
        const Keyword word = head.keyword(i);
        const bool mode = word == Keyword::read || word == Keyword::only || word == Keyword::write || word == Keyword::transaction;
        if (!mode && head.kind(i) != TokenKind::comma) result.effects |= Effect::set_other;
    }
    if (head.overflown()) result.effects |= Effect::serializable;
    for (std::size_t i = 0; i < head.size(); ++i) {
        if (head.keyword(i) == Keyword::isolation) result.effects |= Effect::serializable;
    }
    return result;
}

[[nodiscard]] Utility set_named(std::string_view name, Effect effect, bool local) noexcept {
    return {.reason = Reason::set, .effects = local ? Effect::set_local : effect, .name = name};
}

// The names of settings that have words of their own; empty: none.
[[nodiscard]] std::string_view spoken_name(const Head& head, std::size_t i) noexcept {
    const Keyword first = head.keyword(i);
    const Keyword second = head.keyword(i + 1);
    if (first == Keyword::time && second == Keyword::zone) return "TimeZone";
    if (first == Keyword::session && second == Keyword::authorization) return "session_authorization";
    if (first == Keyword::names) return "client_encoding";
    if (first == Keyword::schema) return "search_path";
    if (first == Keyword::role) return "role";
    if (first == Keyword::xml) return "xmloption";
    return {};
}

}  // namespace

Utility judge_set(const Head& head, std::string_view text) noexcept {
    std::size_t i = 1;
    bool local = false;
    if (head.kind(2) == TokenKind::dot) return set_variable(head, text, 1, false);  // SET local.x, a name
    if (head.keyword(1) == Keyword::session) {
        if (head.keyword(2) == Keyword::characteristics) return set_characteristics(head);
        if (head.keyword(2) != Keyword::authorization) i = 2;
    } else if (head.keyword(1) == Keyword::local) {
        local = true;
        i = 2;
    }
    if (head.kind(i + 1) == TokenKind::dot) return set_variable(head, text, i, local);
    if (head.keyword(i) == Keyword::transaction) {
        return {
            .reason = Reason::transaction_control, .transaction = Transaction::control, .effects = Effect::set_local};
    }
    if (head.keyword(i) == Keyword::constraints) {
        return {.reason = Reason::transaction_control, .transaction = Transaction::control};
    }
    const std::string_view spoken = spoken_name(head, i);
    if (!spoken.empty()) return set_named(spoken, effect_of(spoken), local);
    return set_variable(head, text, i, local);
}

Utility judge_reset(const Head& head, std::string_view text) noexcept {
    Utility result{.reason = Reason::set, .effects = Effect::reset};
    if (head.keyword(1) == Keyword::all) return result;
    result.name = spoken_name(head, 1);
    if (result.name == "role" || result.name == "session_authorization") result.effects |= Effect::lets_go;
    if (!result.name.empty()) return result;
    if (head.keyword(1) == Keyword::transaction) {  // RESET TRANSACTION ISOLATION LEVEL
        return {.reason = Reason::transaction_control, .transaction = Transaction::control};
    }
    const Name name = read_name(head, text, 1);
    result.name = name.full;
    if (!name.below.empty()) return {.reason = Reason::local, .local = Local::reset, .name = name.below};
    return result;
}

Utility judge_show(const Head& head, std::string_view text) noexcept {
    const Name name = read_name(head, text, 1);
    if (equals_folded(name.below, "lsn")) return {.reason = Reason::show, .asks_position = true};
    if (!name.below.empty()) return {.reason = Reason::local, .local = Local::show, .name = name.below};
    return {.reason = Reason::show};
}

}  // namespace pgweir::sql
