// PostgreSQL's tokens, as far as routing needs them: the states of scan.l without its values (semantics.md B).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/sql/keywords.hpp"

namespace pgweir::sql {

enum class TokenKind : std::uint8_t {
    end,
    word,     // unquoted: an identifier or a keyword
    quoted,   // "…"
    unicode,  // U&"…": its real name is not decoded
    string,   // '…', E'…', U&'…', b'…', x'…', $tag$…$tag$, with its continuations
    number,
    parameter,  // $1
    op,         // a run of operator characters
    typecast,   // ::
    open,       // (
    close,      // )
    bracket_open,
    bracket_close,
    comma,
    dot,
    semicolon,
    colon,
    bad,  // the server refuses it, or versions disagree about it
};

[[nodiscard]] constexpr bool is_name(TokenKind kind) noexcept {
    return kind == TokenKind::word || kind == TokenKind::quoted || kind == TokenKind::unicode;
}

// In this order its parts stay in registers of their own: with `end` beside `begin`, compilers pack the two into one.
struct Token {
    std::uint32_t begin = 0;
    TokenKind kind = TokenKind::end;
    KeywordInfo keyword;  // of a word
    std::uint32_t end = 0;
};

// Part by part. What a function call or another object gets is such a copy: then the token itself stays in registers.
[[nodiscard]] constexpr Token copy_of(const Token& token) noexcept {
    return {token.begin, token.kind, {token.keyword.id, token.keyword.callable}, token.end};
}

class Lexer {
  public:
    // `text`: below 4 GiB, as every message is. `standard_strings`: standard_conforming_strings; off, '…' reads backslashes
    // as E'…' does.
    Lexer(std::string_view text, bool standard_strings) noexcept : text_(text), standard_strings_(standard_strings) {}

    // The next token; comments and white space are skipped. After `end` always `end`.
    [[nodiscard]] Token next() noexcept;
    // The same, to become part of the one loop that judges (next_token.hpp).
    [[nodiscard]] Token take() noexcept;
    // Behind a comma: moves over whole numbers and commas, which say nothing by themselves, if there are many of them. The last
    // four tokens of such a list are not left out.
    void skip_numbers() noexcept;

    [[nodiscard]] std::string_view text(const Token& token) const noexcept {
        return {text_.data() + token.begin, token.end - token.begin};
    }
    [[nodiscard]] std::string_view rest() const noexcept { return {text_.data() + at_, text_.size() - at_}; }

    // The comments' text, from /* to */, skipped before the newest token and after the one before it; first and last.
    [[nodiscard]] std::string_view comments() const noexcept { return comments_; }
    // A string, quoted name or comment had no end: the text is cut, and the token `bad`.
    [[nodiscard]] bool unterminated() const noexcept { return unterminated_; }

  private:
    [[nodiscard]] char peek(std::size_t offset = 0) const noexcept {
        return at_ + offset < text_.size() ? text_[at_ + offset] : '\0';
    }
    [[nodiscard]] TokenKind skip_space() noexcept;
    [[nodiscard]] bool comment_begins() const noexcept;
    [[nodiscard]] bool skip_comment() noexcept;
    [[nodiscard]] bool skip_block_comment() noexcept;
    void skip_line_comment() noexcept;
    [[nodiscard]] Token read_word() noexcept;
    [[nodiscard]] Token token(TokenKind kind, std::size_t begin) const noexcept {
        return {static_cast<std::uint32_t>(begin), kind, {}, static_cast<std::uint32_t>(at_)};
    }
    [[nodiscard]] TokenKind read_kind(TokenKind kind) noexcept;
    [[nodiscard]] TokenKind read_prefixed(char prefix) noexcept;
    [[nodiscard]] bool skip_quotes(char quote) noexcept;
    [[nodiscard]] TokenKind read_dot() noexcept;
    [[nodiscard]] TokenKind read_colon() noexcept;
    [[nodiscard]] TokenKind read_plain_string() noexcept;
    [[nodiscard]] TokenKind read_escape_string() noexcept;
    [[nodiscard]] bool continue_string() noexcept;
    [[nodiscard]] TokenKind read_quoted(TokenKind kind) noexcept;
    [[nodiscard]] TokenKind read_dollar() noexcept;
    [[nodiscard]] TokenKind read_number() noexcept;
    [[nodiscard]] TokenKind read_number_behind(std::size_t begin) noexcept;
    [[nodiscard]] TokenKind number_ends() const noexcept;
    [[nodiscard]] bool read_based_digits() noexcept;
    void skip_digits(std::uint8_t digits) noexcept;
    [[nodiscard]] TokenKind read_operator() noexcept;
    [[nodiscard]] TokenKind read_long_operator() noexcept;
    [[nodiscard]] TokenKind cut() noexcept;

    std::string_view text_;
    std::string_view comments_;
    std::size_t at_ = 0;
    bool standard_strings_;
    bool unterminated_ = false;
};

}  // namespace pgweir::sql
