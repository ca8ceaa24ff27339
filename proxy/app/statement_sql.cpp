// Plain SQL as a source of statements.
#include "proxy/app/statement_source.hpp"
#include "proxy/sql/lexer.hpp"
#include "proxy/sql/text.hpp"

namespace pgweir::app {

namespace {

[[nodiscard]] bool ends_line(std::string_view rest) noexcept {
    const std::size_t at = rest.find_first_not_of(" \t\r\f\v");
    return at == std::string_view::npos || rest[at] == '\n';
}

// Length of the first statement with its `;`, or of all there is.
[[nodiscard]] std::size_t statement_length(std::string_view text) noexcept {
    sql::Lexer lexer(text, true);
    for (sql::Token token = lexer.next(); token.kind != sql::TokenKind::end; token = lexer.next()) {
        if (token.kind == sql::TokenKind::semicolon && ends_line(lexer.rest())) return token.end;
    }
    if (!lexer.unterminated()) return text.size();
    // A quote without an end must not swallow all that follows.
    for (std::size_t at = text.find(';'); at != std::string_view::npos; at = text.find(';', at + 1)) {
        if (ends_line(text.substr(at + 1))) return at + 1;
    }
    return text.size();
}

}  // namespace

void read_sql(Input& in, const TakeSample& take) {
    const std::string all = in.rest();
    std::string_view input = all;
    while (!input.empty()) {
        const std::size_t length = statement_length(input);
        std::string_view text = sql::trim(input.substr(0, length));
        input.remove_prefix(length);
        const bool ended = text.ends_with(';');
        if (ended) text.remove_suffix(1);
        text = sql::trim(text);
        if (ended || !text.empty()) take({.text = text});
    }
}

void read_nul_separated(Input& in, const TakeSample& take) {
    const std::string all = in.rest();
    std::string_view input = all;
    while (!input.empty()) {
        const std::size_t end = input.find('\0');
        take({.text = input.substr(0, end)});
        input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    }
}

}  // namespace pgweir::app
