#include "proxy/sql/lexer.hpp"

#include "proxy/sql/next_token.hpp"

namespace pgweir::sql {

Token Lexer::next() noexcept { return take(); }

TokenKind Lexer::cut() noexcept {
    unterminated_ = true;
    at_ = text_.size();
    return TokenKind::bad;
}

// At the first character of a comment. False: it has no end.
bool Lexer::skip_comment() noexcept {
    if (text_[at_] == '-') {
        skip_line_comment();
        return true;
    }
    const std::size_t begin = comments_.empty() ? at_ : static_cast<std::size_t>(comments_.data() - text_.data());
    if (!skip_block_comment()) return false;
    comments_ = text_.substr(begin, at_ - begin);
    return true;
}

// Ends at \n or \r, or with the text.
void Lexer::skip_line_comment() noexcept {
    while (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
}

// They nest. Each of their beginnings and ends has a star.
bool Lexer::skip_block_comment() noexcept {
    const char* const end = text_.data() + text_.size();
    const char* at = text_.data() + at_;
    std::size_t depth = 0;
    do {
        const char* const star = find_byte(at, end, '*');
        if (star == end) return false;
        const bool begins = star != at && star[-1] == '/';
        const bool ends = !begins && star + 1 != end && star[1] == '/';
        depth += begins ? 1 : 0;
        depth -= ends ? 1 : 0;
        at = star + (ends ? 2 : 1);
    } while (depth != 0);
    at_ = static_cast<std::size_t>(at - text_.data());
    return true;
}

// Behind a word of one letter. A prefix counts only as a whole token: ae'\' is an identifier and a plain string.
TokenKind Lexer::read_prefixed(char prefix) noexcept {
    const char c = lower(prefix);
    if (peek() == '\'') {
        if (c == 'e') return read_escape_string();
        if (c == 'b' || c == 'x') return read_plain_string();
    }
    if (c == 'u' && peek() == '&' && (peek(1) == '\'' || peek(1) == '"')) {
        ++at_;
        return peek() == '"' ? read_quoted(TokenKind::unicode) : read_plain_string();
    }
    return TokenKind::word;
}

// At the opening quote. Backslashes escape, and a continuation goes on doing so.
TokenKind Lexer::read_escape_string() noexcept {
    do {
        ++at_;
        while (true) {
            if (at_ >= text_.size()) return cut();
            const char c = text_[at_++];
            if (c == '\\') {
                ++at_;
            } else if (c == '\'') {
                if (peek() != '\'' || at_ >= text_.size()) break;
                ++at_;
            }
        }
    } while (continue_string());
    return TokenKind::string;
}

// Behind a closing quote: white space holding a newline, -- comments allowed, then a quote. Moves to that quote if so.
bool Lexer::continue_string() noexcept {
    const std::size_t start = at_;
    bool newline = false;
    while (at_ < text_.size()) {
        const char c = text_[at_];
        if (is(c, kSpace)) {
            newline = newline || c == '\n' || c == '\r';
            ++at_;
        } else if (c == '-' && peek(1) == '-') {
            skip_line_comment();
        } else {
            if (c == '\'' && newline) return true;
            break;
        }
    }
    at_ = start;
    return false;
}

// A parameter or a dollar-quoted string, whose tag is case-sensitive.
TokenKind Lexer::read_dollar() noexcept {
    const std::size_t begin = at_++;
    if (is(peek(), kDigit)) {
        while (is(peek(), kDigit)) ++at_;
        return is(peek(), kIdentStart) ? TokenKind::bad : TokenKind::parameter;
    }
    if (is(peek(), kIdentStart)) {
        while (is(peek(), kTagCont)) ++at_;
    }
    if (peek() != '$') return TokenKind::bad;
    ++at_;
    const std::size_t close = text_.find(text_.substr(begin, at_ - begin), at_);
    if (close == std::string_view::npos) return cut();
    at_ = close + (at_ - begin);
    return TokenKind::string;
}

// Behind the first digits of a number, which `begin` is the first of, if there are any: it goes on.
TokenKind Lexer::read_number_behind(std::size_t begin) noexcept {
    if (at_ - begin == 1 && text_[begin] == '0' && read_based_digits()) return number_ends();
    skip_digits(kDigit);
    if (peek() == '.') {
        if (peek(1) == '.') return TokenKind::bad;
        ++at_;
        if (is(peek(), kDigit)) skip_digits(kDigit);
    }
    if (lower(peek()) == 'e') {
        const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
        if (is(peek(sign), kDigit)) {
            at_ += sign;
            skip_digits(kDigit);
        }
    }
    return number_ends();
}

// A digit that meets a letter: an error from 15 on, two tokens before.
TokenKind Lexer::number_ends() const noexcept { return is(peek(), kIdentStart) ? TokenKind::bad : TokenKind::number; }

// Digits with single underscores between them, as PostgreSQL 16 has them. Older servers refuse them or see a number and a
// column's label, which hides nothing: no keyword looks like that, and no call stands right behind a number.
void Lexer::skip_digits(std::uint8_t digits) noexcept {
    while (is(peek(), digits) || (peek() == '_' && is(peek(1), digits))) ++at_;
}

// Behind the 0 of 0x1F, 0o17, 0b101 (from 16).
bool Lexer::read_based_digits() noexcept {
    const char base = lower(peek());
    const std::uint8_t digits = base == 'x' ? kHexDigit : kDigit;
    if (base != 'x' && base != 'o' && base != 'b') return false;
    const std::size_t first = peek(1) == '_' ? 2 : 1;
    if (!is(peek(first), digits)) return false;
    at_ += first;
    skip_digits(digits);
    return true;
}

// Behind the first of a run of operator characters; both kinds of comment begin inside one.
TokenKind Lexer::read_long_operator() noexcept {
    while (is(peek(), kOperator)) {
        if (peek() == '-' && peek(1) == '-') break;
        if (peek() == '/' && peek(1) == '*') break;
        ++at_;
    }
    return TokenKind::op;
}

}  // namespace pgweir::sql
