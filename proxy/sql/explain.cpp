#include "proxy/sql/explain.hpp"

#include "proxy/sql/lexer.hpp"
#include "proxy/sql/scan.hpp"
#include "proxy/sql/text.hpp"

namespace pgweir::sql {

namespace {

[[nodiscard]] bool is_word(const Token& token, Keyword keyword) noexcept {
    return token.kind == TokenKind::word && token.keyword.id == keyword;
}

// A query in parentheses, not options: as Scan tells them apart.
[[nodiscard]] bool opens_query(Lexer behind_open) noexcept {
    const Token token = behind_open.next();
    return token.kind == TokenKind::open || (token.kind == TokenKind::word && reads(token.keyword.id));
}

// FORMAT's value: TEXT, "text" or 'text'.
[[nodiscard]] bool names_text(std::string_view written) noexcept {
    if (written.size() == 6 && (written.front() == '\'' || written.front() == '"')) written = written.substr(1, 4);
    return equals_folded(written, "text");
}

// Behind the `(` of the options, through its `)`. Of several FORMATs the last one counts.
[[nodiscard]] bool options_leave_text(Lexer& lexer) noexcept {
    bool is_text = true;
    bool at_name = true;
    for (Token token = lexer.next(); token.kind != TokenKind::close && token.kind != TokenKind::end; token = lexer.next()) {
        const bool format = at_name && (equals_folded(lexer.text(token), "format") || lexer.text(token) == "\"format\"");
        at_name = token.kind == TokenKind::comma;
        if (!format) continue;
        Lexer ahead = lexer;
        is_text = names_text(ahead.text(ahead.next()));
    }
    return is_text;
}

}  // namespace

std::optional<Explanation> read_explain(std::string_view text, bool standard_strings) noexcept {
    Lexer lexer(text, standard_strings);
    if (!is_word(lexer.next(), Keyword::explain)) return std::nullopt;
    Explanation found;
    std::string_view rest = lexer.rest();
    Token token = lexer.next();
    if (token.kind == TokenKind::open && !opens_query(lexer)) {
        found.is_text = options_leave_text(lexer);
        rest = lexer.rest();
    }
    while (is_word(token, Keyword::analyze) || is_word(token, Keyword::analyse) || is_word(token, Keyword::verbose)) {
        rest = lexer.rest();
        token = lexer.next();
    }
    found.statement = trim(rest);
    return found;
}

}  // namespace pgweir::sql
