#include "proxy/sql/planned.hpp"

#include <algorithm>
#include <array>

#include "proxy/sql/lexer.hpp"
#include "proxy/sql/text.hpp"

namespace pgweir::sql {

namespace {

constexpr auto kVerbs =
    std::to_array<std::string_view>({"delete", "insert", "merge", "select", "table", "update", "values", "with"});

}  // namespace

bool is_planned(std::string_view text, bool standard_strings) noexcept {
    Lexer lexer(text, standard_strings);
    Token token = lexer.next();
    while (token.kind == TokenKind::open) token = lexer.next();
    return token.kind == TokenKind::word &&
           std::ranges::any_of(kVerbs, [&](std::string_view verb) { return equals_folded(lexer.text(token), verb); });
}

}  // namespace pgweir::sql
