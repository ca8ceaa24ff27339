#include "proxy/sql/hint.hpp"

#include <cstddef>

#include "proxy/sql/text.hpp"

namespace pgweir::sql {

namespace {

// `body`: between /* and */.
[[nodiscard]] Hint hint_of(std::string_view body) noexcept {
    body = trim(body);
    if (!starts_folded(body, "pgweir")) return Hint::none;
    body = trim(body.substr(6));
    if (body.empty() || body.front() != ':') return Hint::none;
    body = trim(body.substr(1));
    if (equals_folded(body, "primary")) return Hint::primary;
    if (equals_folded(body, "replica")) return Hint::replica;
    return Hint::invalid;
}

// Length of the block comment at the front, which the lexer has found to be closed.
[[nodiscard]] std::size_t comment_length(std::string_view text) noexcept {
    std::size_t depth = 0;
    std::size_t at = 0;
    while (at + 1 < text.size()) {
        const std::string_view two = text.substr(at, 2);
        if (two == "/*") {
            ++depth;
            at += 2;
        } else if (two == "*/") {
            at += 2;
            if (--depth == 0) return at;
        } else {
            ++at;
        }
    }
    return text.size();
}

[[nodiscard]] std::size_t line_length(std::string_view text) noexcept {
    const std::size_t end = text.find_first_of("\n\r");
    return end == std::string_view::npos ? text.size() : end;
}

}  // namespace

Hint combine(Hint a, Hint b) noexcept {
    if (a == Hint::none) return b;
    if (b == Hint::none || a == b) return a;
    return Hint::invalid;
}

Hint find_hint(std::string_view comments) noexcept {
    Hint hint = Hint::none;
    while (!comments.empty()) {
        std::size_t length = 1;
        if (comments.starts_with("/*")) {
            length = comment_length(comments);
            if (length >= 4) hint = combine(hint, hint_of(comments.substr(2, length - 4)));
        } else if (comments.starts_with("--")) {
            length = line_length(comments);
        }
        comments.remove_prefix(length);
    }
    return hint;
}

}  // namespace pgweir::sql
