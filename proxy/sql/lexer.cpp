#include "proxy/sql/lexer.hpp"

#include <array>
#include <cstdint>
#include <cstring>

#include "proxy/sql/text.hpp"
#include "proxy/sql/word.hpp"

namespace pgweir::sql {

namespace {

// Characters that are a token by themselves; `end` for the others.
[[nodiscard]] consteval std::array<TokenKind, 256> make_singles() {
    std::array<TokenKind, 256> table{};
    table['('] = TokenKind::open;
    table[')'] = TokenKind::close;
    table['['] = TokenKind::bracket_open;
    table[']'] = TokenKind::bracket_close;
    table[','] = TokenKind::comma;
    table[';'] = TokenKind::semicolon;
    return table;
}

constexpr std::array<TokenKind, 256> kSingles = make_singles();

}  // namespace

inline Token Lexer::read_word() noexcept {
    const std::size_t begin = at_;
    const char* const first = text_.data() + begin;
    const Word word = read_word_at(first, text_.data() + text_.size());
    at_ += word.size;
    if (word.size == 1) {
        const TokenKind kind = read_prefixed(*first);
        return token(kind, begin);
    }
    Token result = token(TokenKind::word, begin);
    result.keyword = find_keyword(word.start, {first, word.size});
    return result;
}

// The usual cases are settled here, without a call.
Token Lexer::next() noexcept {
    comments_ = {};
    if (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (at_ < text_.size() && is(text_[at_], kBlankStart) && !skip_blank()) {
        const TokenKind kind = cut();
        return token(kind, at_);
    }
    if (at_ == text_.size()) return token(TokenKind::end, at_);
    const std::size_t begin = at_;
    const char c = text_[begin];
    if (is(c, kIdentStart)) return read_word();
    TokenKind kind = kSingles[static_cast<std::uint8_t>(c)];
    if (kind != TokenKind::end) {
        ++at_;
    } else if (is(c, kDigit) || (c == '.' && is(peek(1), kDigit))) {
        kind = read_number();
    } else if (is(c, kOperator)) {
        kind = read_operator();
    } else {
        kind = read_punctuation();
    }
    return token(kind, begin);
}

TokenKind Lexer::cut() noexcept {
    unterminated_ = true;
    at_ = text_.size();
    return TokenKind::bad;
}

// False: a comment has no end.
bool Lexer::skip_blank() noexcept {
    while (at_ < text_.size()) {
        const char c = text_[at_];
        if (is(c, kSpace)) {
            ++at_;
        } else if (c == '-' && peek(1) == '-') {
            skip_line_comment();
        } else if (c == '/' && peek(1) == '*') {
            const std::size_t begin =
                comments_.empty() ? at_ : static_cast<std::size_t>(comments_.data() - text_.data());
            if (!skip_block_comment()) return false;
            comments_ = text_.substr(begin, at_ - begin);
        } else {
            break;
        }
    }
    return true;
}

// Ends at \n or \r, or with the text.
void Lexer::skip_line_comment() noexcept {
    while (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
}

// They nest.
bool Lexer::skip_block_comment() noexcept {
    std::size_t depth = 0;
    while (at_ + 1 < text_.size()) {
        const char c = text_[at_];
        if (c == '/' && text_[at_ + 1] == '*') {
            ++depth;
            at_ += 2;
        } else if (c == '*' && text_[at_ + 1] == '/') {
            at_ += 2;
            if (--depth == 0) return true;
        } else {
            ++at_;
        }
    }
    return false;
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

TokenKind Lexer::read_punctuation() noexcept {
    const char c = text_[at_];
    if (c == '\'') return standard_strings_ ? read_plain_string() : read_escape_string();
    if (c == '"') return read_quoted(TokenKind::quoted);
    if (c == '$') return read_dollar();
    ++at_;
    switch (c) {
        case '.':
            if (peek() != '.') return TokenKind::dot;
            ++at_;
            return TokenKind::bad;  // `..` is PL/pgSQL's
        case ':':
            if (peek() != ':') return TokenKind::colon;
            ++at_;
            return TokenKind::typecast;
        default:
            return TokenKind::bad;
    }
}

// At the opening quote. A doubled quote stands for one; no continuation matters, the next piece reads the same way.
TokenKind Lexer::read_plain_string() noexcept {
    const char* const end = text_.data() + text_.size();
    const char* at = text_.data() + at_ + 1;
    while (true) {
        at = static_cast<const char*>(std::memchr(at, '\'', static_cast<std::size_t>(end - at)));
        if (at == nullptr) return cut();
        ++at;
        if (at == end || *at != '\'') break;
        ++at;
    }
    at_ = static_cast<std::size_t>(at - text_.data());
    return TokenKind::string;
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

// At the opening double quote.
TokenKind Lexer::read_quoted(TokenKind kind) noexcept {
    ++at_;
    while (at_ < text_.size()) {
        if (text_[at_++] != '"') continue;
        if (at_ >= text_.size() || text_[at_] != '"') return kind;
        ++at_;
    }
    return cut();
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

TokenKind Lexer::read_number() noexcept {
    const char* at = text_.data() + at_;
    const char* const end = text_.data() + text_.size();
    while (at != end && is(*at, kDigit)) ++at;
    const std::size_t begin = at_;
    at_ = static_cast<std::size_t>(at - text_.data());
    if (at == end || (*at != '.' && !is(*at, kIdentStart))) return TokenKind::number;  // the usual whole number
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

// A run of operator characters; both kinds of comment begin inside one.
TokenKind Lexer::read_operator() noexcept {
    while (is(peek(), kOperator)) {
        if (peek() == '-' && peek(1) == '-') break;
        if (peek() == '/' && peek(1) == '*') break;
        ++at_;
    }
    return TokenKind::op;
}

}  // namespace pgweir::sql
