#include "proxy/sql/masked.hpp"

#include "proxy/sql/lexer.hpp"

namespace pgweir::sql {

namespace {

[[nodiscard]] bool is_shown(TokenKind kind) noexcept {
    return kind != TokenKind::string && kind != TokenKind::number && kind != TokenKind::bad;
}

}  // namespace

std::string masked(std::string_view text, bool standard_strings) {
    std::string out;
    Lexer lexer(text, standard_strings);
    std::size_t last = 0;
    for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
        if (!out.empty() && token.begin > last) out += ' ';
        last = token.end;
        if (is_shown(token.kind)) {
            out += lexer.text(token);
        } else {
            out += '?';
        }
    }
    return out;
}

}  // namespace pgweir::sql
