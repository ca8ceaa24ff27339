#include "proxy/sql/promotable.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/sql/lexer.hpp"
#include "proxy/sql/text.hpp"

namespace pgweir::sql {

namespace {

constexpr auto kVerbs =
    std::to_array<std::string_view>({"delete", "insert", "merge", "select", "table", "update", "values", "with"});
constexpr auto kMoments = std::to_array<std::string_view>({"now", "today", "tomorrow", "yesterday"});
// Types whose literals depend on more than the settings; timetz is also written `time with time zone`.
constexpr auto kTypes = std::to_array<std::string_view>({"regclass", "regcollation", "regconfig", "regdictionary", "regnamespace",
                                                         "regoper", "regoperator", "regproc", "regprocedure", "regrole", "regtype",
                                                         "time", "timetz"});

template <std::size_t N>
[[nodiscard]] bool is_one_of(const std::array<std::string_view, N>& words, std::string_view written) noexcept {
    return std::ranges::any_of(words, [written](std::string_view word) { return equals_folded(written, word); });
}

[[nodiscard]] bool contains_folded(std::string_view text, std::string_view word) noexcept {
    for (std::size_t at = 0; at + word.size() <= text.size(); ++at) {
        if (equals_folded(text.substr(at, word.size()), word)) return true;
    }
    return false;
}

// What is spelled with escapes is not read: it may be one.
[[nodiscard]] bool may_be_a_moment(std::string_view string) noexcept {
    if (string.find('\\') != string.npos) return true;
    return std::ranges::any_of(kMoments, [string](std::string_view word) { return contains_folded(string, word); });
}

[[nodiscard]] bool ages(const Token& token, std::string_view written) noexcept {
    if (token.kind == TokenKind::string) return may_be_a_moment(written);
    if (token.kind == TokenKind::quoted && written.size() > 2) return is_one_of(kTypes, written.substr(1, written.size() - 2));
    return token.kind == TokenKind::unicode || (token.kind == TokenKind::word && is_one_of(kTypes, written));
}

}  // namespace

bool is_promotable(std::string_view text, bool standard_strings) noexcept {
    Lexer lexer(text, standard_strings);
    Token token = lexer.next();
    while (token.kind == TokenKind::open) token = lexer.next();
    if (token.kind != TokenKind::word || !is_one_of(kVerbs, lexer.text(token))) return false;
    bool string = false;  // the token before: another one continues it
    for (; token.kind != TokenKind::end; token = lexer.next()) {
        if (token.kind == TokenKind::bad || ages(token, lexer.text(token))) return false;
        if (std::exchange(string, token.kind == TokenKind::string) && string) return false;
    }
    return true;
}

}  // namespace pgweir::sql
