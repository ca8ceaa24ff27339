// The lexer's way from token to token, in a header: inside the loop that judges, the usual ones cost no call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/sql/find_byte.hpp"
#include "proxy/sql/lexer.hpp"
#include "proxy/sql/number_list.hpp"
#include "proxy/sql/text.hpp"
#include "proxy/sql/word.hpp"

namespace pgweir::sql {

// What a character begins, if what follows does not make it another. White space, which begins nothing: `end`.
[[nodiscard]] consteval std::array<TokenKind, 256> make_beginnings() {
    std::array<TokenKind, 256> table{};
    for (std::size_t c = 0; c < 256; ++c) {
        const char character = static_cast<char>(c);
        table[c] = is(character, kIdentStart) ? TokenKind::word
                   : is(character, kDigit)    ? TokenKind::number
                   : is(character, kOperator) ? TokenKind::op
                   : is(character, kSpace)    ? TokenKind::end
                                              : TokenKind::bad;
    }
    table['('] = TokenKind::open;
    table[')'] = TokenKind::close;
    table['['] = TokenKind::bracket_open;
    table[']'] = TokenKind::bracket_close;
    table[','] = TokenKind::comma;
    table['.'] = TokenKind::dot;
    table[';'] = TokenKind::semicolon;
    table[':'] = TokenKind::colon;
    table['\''] = TokenKind::string;
    table['"'] = TokenKind::quoted;
    table['$'] = TokenKind::parameter;
    return table;
}

inline constexpr std::array<TokenKind, 256> kBeginnings = make_beginnings();

// What begins behind the white space; `end`: nothing.
[[gnu::always_inline]] inline TokenKind Lexer::skip_space() noexcept {
    TokenKind kind = TokenKind::end;
    std::size_t at = at_;
    for (; at < text_.size(); ++at) {
        kind = kBeginnings[static_cast<std::uint8_t>(text_[at])];
        if (kind != TokenKind::end) break;
    }
    at_ = at;
    return kind;
}

inline bool Lexer::comment_begins() const noexcept {
    return (text_[at_] == '-' && peek(1) == '-') || (text_[at_] == '/' && peek(1) == '*');
}

[[gnu::always_inline]] inline Token Lexer::read_word() noexcept {
    const std::size_t begin = at_;
    const char* const first = text_.data() + begin;
    const Word word = read_word_at(first, text_.data() + text_.size());
    at_ += word.size;
    if (word.size == 1) {
        const bool prefix = peek() == '\'' || peek() == '&';
        return token(prefix ? read_prefixed(*first) : TokenKind::word, begin);
    }
    Token result = token(TokenKind::word, begin);
    result.keyword = find_keyword(word.start, {first, word.size});
    return result;
}

inline TokenKind Lexer::read_number() noexcept {
    const std::size_t begin = at_;
    std::size_t at = begin;
    while (at < text_.size() && is(text_[at], kDigit)) ++at;
    at_ = at;
    if (at == text_.size() || (text_[at] != '.' && !is(text_[at], kIdentStart))) return TokenKind::number;
    return read_number_behind(begin);
}

// At the opening quote. Moves behind the closing one, of which two together are none. False: there is none.
inline bool Lexer::skip_quotes(char quote) noexcept {
    const char* const end = text_.data() + text_.size();
    const char* at = text_.data() + at_;
    do {
        at = find_byte(at + 1, end, quote);
        if (at == end) return false;
        ++at;
    } while (at != end && *at == quote);
    at_ = static_cast<std::size_t>(at - text_.data());
    return true;
}

// No continuation of a string matters: the next piece reads the same way.
inline TokenKind Lexer::read_plain_string() noexcept { return skip_quotes('\'') ? TokenKind::string : cut(); }

inline TokenKind Lexer::read_quoted(TokenKind kind) noexcept { return skip_quotes('"') ? kind : cut(); }

inline TokenKind Lexer::read_dot() noexcept {
    const char next = peek(1);
    if (is(next, kDigit)) return read_number();
    at_ += next == '.' ? 2 : 1;
    return next == '.' ? TokenKind::bad : TokenKind::dot;  // `..` is PL/pgSQL's
}

inline TokenKind Lexer::read_colon() noexcept {
    ++at_;
    if (peek() != ':') return TokenKind::colon;
    ++at_;
    return TokenKind::typecast;
}

// No comment begins here.
inline TokenKind Lexer::read_operator() noexcept {
    ++at_;
    return is(peek(), kOperator) ? read_long_operator() : TokenKind::op;
}

[[gnu::always_inline]] inline TokenKind Lexer::read_kind(TokenKind kind) noexcept {
    switch (kind) {
        case TokenKind::number:
            return read_number();
        case TokenKind::dot:
            return read_dot();
        case TokenKind::op:
            return read_operator();
        case TokenKind::string:
            return standard_strings_ ? read_plain_string() : read_escape_string();
        case TokenKind::quoted:
            return read_quoted(TokenKind::quoted);
        case TokenKind::parameter:
            return read_dollar();
        case TokenKind::colon:
            return read_colon();
        default:
            ++at_;
            return kind;
    }
}

[[gnu::always_inline]] inline void Lexer::skip_numbers() noexcept {
    const char* const begin = text_.data();
    at_ = static_cast<std::size_t>(end_of_number_list(begin + at_, begin + text_.size()) - begin);
}

[[gnu::always_inline]] inline Token Lexer::take() noexcept {
    comments_ = {};
    while (true) {
        const TokenKind kind = skip_space();
        if (kind == TokenKind::end) return token(TokenKind::end, at_);
        if (kind == TokenKind::word) return read_word();
        if (kind == TokenKind::op && comment_begins()) {
            if (skip_comment()) continue;
            const TokenKind bad = cut();
            return token(bad, at_);
        }
        const std::size_t begin = at_;
        const TokenKind read = read_kind(kind);
        return token(read, begin);
    }
}

}  // namespace pgweir::sql
