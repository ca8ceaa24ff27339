#include "proxy/sql/context.hpp"

namespace pgweir::sql {

namespace {

constexpr Code kDot = static_cast<Code>(TokenKind::dot);
constexpr Code kOpen = static_cast<Code>(TokenKind::open);
constexpr Code kComma = static_cast<Code>(TokenKind::comma);
constexpr Code kTypecast = static_cast<Code>(TokenKind::typecast);

// An operand, or its end.
[[nodiscard]] bool is_operand(Code code) noexcept {
    return code == static_cast<Code>(TokenKind::string) || code == static_cast<Code>(TokenKind::number) ||
           code == static_cast<Code>(TokenKind::parameter) || code == static_cast<Code>(TokenKind::bracket_close);
}

[[nodiscard]] bool joins(Code code) noexcept {
    return code == code_of(Keyword::left) || code == code_of(Keyword::right) || code == code_of(Keyword::full) ||
           code == code_of(Keyword::inner) || code == code_of(Keyword::outer) || code == code_of(Keyword::cross) ||
           code == code_of(Keyword::natural);
}

[[nodiscard]] bool brings_relation(Code code) noexcept {
    return code == code_of(Keyword::from) || code == code_of(Keyword::join) || code == kComma;
}

// OPERATOR(schema.+): an operator alone is no expression, save for the star, which is one as a call's only argument. No call
// stands behind an operand.
[[nodiscard]] bool operator_follows(Lexer ahead, bool behind_operand) noexcept {
    Token token = ahead.next();
    while (token.kind == TokenKind::word || token.kind == TokenKind::quoted) {
        if (ahead.next().kind != TokenKind::dot) return false;
        token = ahead.next();
    }
    return token.kind == TokenKind::op && (behind_operand || ahead.text(token) != "*") && ahead.next().kind == TokenKind::close;
}

}  // namespace

// VALUES alone may name a column, and so be an argument.
bool Context::query_follows(Lexer lexer) noexcept {
    const Token token = lexer.next();
    if (token.kind != TokenKind::word) return false;
    const Keyword keyword = token.keyword.id;
    if (keyword == Keyword::values) return lexer.next().kind == TokenKind::open;
    return keyword == Keyword::with || keyword == Keyword::select || keyword == Keyword::table;
}

// The list of a WITH ends with the query's verb, that of a GROUP BY with its parenthesis or, at the latest, the next keyword.
void Context::note_lists(Keyword keyword) noexcept {
    switch (keyword) {
        case Keyword::with:
            if (code() == kStartCode || code() == kOpen) with_bits_ |= bit(depth_);
            break;
        case Keyword::select:
        case Keyword::values:
        case Keyword::table:
        case Keyword::insert:
        case Keyword::update:
        case Keyword::delete_:
        case Keyword::merge:
            with_bits_ &= ~bit(depth_);
            break;
        case Keyword::by:
            if (code() != code_of(Keyword::group)) break;
            group_bits_ |= bit(depth_);
            return;
        case Keyword::cube:
        case Keyword::rollup:
        case Keyword::grouping:
        case Keyword::sets:
        case Keyword::all:
        case Keyword::distinct:
            return;  // a GROUP BY goes on
        default:
            break;
    }
    group_bits_ &= ~bit(depth_);
}

void Context::enter(bool alias_follows) noexcept {
    push(kOpen);
    ++depth_;
    with_bits_ &= ~bit(depth_);
    group_bits_ &= ~bit(depth_);
    alias_bits_ = alias_follows ? alias_bits_ | bit(depth_) : alias_bits_ & ~bit(depth_);
}

bool Context::close() noexcept {
    if (depth_ == 0) return false;
    push((alias_bits_ & bit(depth_)) != 0 ? kAliasClose : static_cast<Code>(TokenKind::close));
    --depth_;
    return true;
}

bool Context::open(const Lexer& lexer) noexcept {
    const Code previous = code();
    const bool in_with = (with_bits_ & bit(depth_)) != 0;
    const bool is_name = previous == kNameCode;
    if (!is_name && previous <= code_of(Keyword::none)) {
        // No name at all. A relation or an operand: no call can follow it directly, as one can DISTINCT ON (…).
        if (in_with) with_bits_ &= ~bit(depth_);
        enter(previous == kComma || previous == kOpen);
        return false;
    }
    const Keyword keyword = is_name ? Keyword::none : chain_.last.keyword.id;
    if (!is_name && (!chain_.last.keyword.callable || before(0) == kStartCode)) {
        if (in_with && keyword != Keyword::as) with_bits_ &= ~bit(depth_);
        enter(keyword == Keyword::from || keyword == Keyword::lateral || keyword == Keyword::group);
        // TREAT(x AS f) calls f.
        return keyword == Keyword::treat;
    }
    // OPERATOR(…) is followed by an operand, so by a call perhaps: it never closes as kAliasClose.
    const bool is_operator = keyword == Keyword::operator_;
    const bool exempt = (!is_operator && (declares() || lists_names(lexer))) || special(keyword, lexer);
    if (in_with && !exempt) with_bits_ &= ~bit(depth_);
    const bool follows_call = before(0) == kAliasClose && keyword == Keyword::none;  // OVER, FILTER, an alias
    enter(!is_operator && (!exempt || follows_call || keyword == Keyword::join));
    if (exempt && keyword == Keyword::sets) group_bits_ |= bit(depth_);
    return !exempt;
}

// The name is declared or is a type's: nothing in these places is ever called.
bool Context::declares() const noexcept {
    const Code b0 = before(0);
    const Code b1 = before(1);
    if (b0 == code_of(Keyword::as) || b0 == kTypecast || b0 == code_of(Keyword::with)) return true;
    if (b0 == kAliasClose) return chain_.count == 1;
    if (b0 == kComma) return (with_bits_ & bit(depth_)) != 0;
    if (b0 == code_of(Keyword::recursive) || b0 == code_of(Keyword::ordinality)) return b1 == code_of(Keyword::with);
    // INSERT INTO t (…), CREATE TABLE [IF NOT EXISTS] t (…), REFERENCES t (…)
    if (b0 == code_of(Keyword::into) || b0 == code_of(Keyword::table) || b0 == code_of(Keyword::references))
        return true;
    if (b0 == code_of(Keyword::exists)) return b1 == code_of(Keyword::not_) && before(2) == kNameCode;
    if (b0 == code_of(Keyword::copy)) return b1 == kStartCode;
    return b0 == code_of(Keyword::binary) && b1 == code_of(Keyword::copy) && before(2) == kStartCode;
}

// FROM t alias (a, b), JOIN app.t alias (a, b): nothing else has two names between such a word and a list of names.
// JSON_TABLE(x, '$' COLUMNS (a int)): no call stands behind an operand.
bool Context::lists_names(Lexer lexer) const noexcept {
    if (chain_.count != 1) return false;
    const bool qualified = before(1) == kDot && before(2) == kNameCode;
    const bool alias = before(0) == kNameCode && brings_relation(before(qualified ? 3 : 1));
    if (!alias && !is_operand(before(0))) return false;
    const TokenKind inside = lexer.next().kind;
    return inside == TokenKind::word || inside == TokenKind::quoted;
}

// An unreserved keyword before a parenthesis, in a place where the grammar has no function of that name.
bool Context::special(Keyword keyword, const Lexer& lexer) const noexcept {
    const Code b0 = before(0);
    const Code b1 = before(1);
    switch (keyword) {
        case Keyword::by:
            return b0 == code_of(Keyword::order) || b0 == code_of(Keyword::group) || b0 == code_of(Keyword::partition);
        case Keyword::cube:
        case Keyword::rollup:
            return (group_bits_ & bit(depth_)) != 0 &&
                   (b0 == kComma || b0 == kOpen || b0 == code_of(Keyword::by) || b0 == code_of(Keyword::all) ||
                    b0 == code_of(Keyword::distinct));
        case Keyword::sets:
            return b0 == code_of(Keyword::grouping);
        case Keyword::first:
        case Keyword::next:
            return b0 == code_of(Keyword::fetch);
        case Keyword::zone:
            return b0 == code_of(Keyword::time) && b1 == code_of(Keyword::at);
        case Keyword::varying:
            // Behind AS the type's first word looks like a label.
            return b1 == code_of(Keyword::as) || b0 == code_of(Keyword::character) || b0 == code_of(Keyword::char_) ||
                   b0 == code_of(Keyword::nchar) || b0 == code_of(Keyword::bit);
        case Keyword::second:
            // INTERVAL SECOND (3), INTERVAL '1' SECOND (3), INTERVAL DAY TO SECOND (3), also behind CAST (x AS
            return b0 == code_of(Keyword::interval) || b1 == code_of(Keyword::interval) || b1 == code_of(Keyword::as) ||
                   (b0 == code_of(Keyword::to) && b1 == kNameCode &&
                    (before(2) == code_of(Keyword::interval) || before(3) == code_of(Keyword::interval) ||
                     before(3) == code_of(Keyword::as)));
        case Keyword::materialized:
            return b1 == code_of(Keyword::as);  // AS NOT MATERIALIZED: NOT looks like a label
        case Keyword::join:
            return joins(b0) || operand_before() || query_follows(lexer);
        case Keyword::ilike:
            return operand_before();
        case Keyword::operator_:
            return operator_follows(lexer, operand_before());
        case Keyword::key:
            return b0 == code_of(Keyword::primary) || b0 == code_of(Keyword::foreign);
        // ON CONFLICT (…), SET (…) =, THEN INSERT (…): only where nothing is hidden from a read.
        case Keyword::conflict:
        case Keyword::set:
        case Keyword::insert:
            return writes_;
        default:
            return false;
    }
}

// Before the name stands an operand, so the name is an infix keyword. Prefix words as ESCAPE have codes of their own.
bool Context::operand_before() const noexcept {
    const Code b0 = before(0) == code_of(Keyword::not_) ? before(1) : before(0);
    return b0 == kNameCode || b0 == kAliasClose || is_operand(b0);
}

}  // namespace pgweir::sql
