#include "proxy/sql/hint.hpp"

#include <cstddef>
#include <limits>
#include <optional>

#include "config/names.hpp"
#include "config/units.hpp"
#include "proxy/sql/lexer.hpp"
#include "proxy/sql/text.hpp"

namespace pgweir::sql {

namespace {

using Kind = Hint::Kind;

constexpr Hint kInvalid{.kind = Kind::invalid};

// The text behind "pgweir:" of a comment; none: it is others' business. `body`: between /* and */.
[[nodiscard]] std::optional<std::string_view> annotation(std::string_view body) noexcept {
    body = trim(body);
    if (!starts_folded(body, "pgweir")) return std::nullopt;
    body = trim(body.substr(6));
    if (body.empty() || body.front() != ':') return std::nullopt;
    return trim(body.substr(1));
}

[[nodiscard]] Hint preference_hint(std::string_view value) noexcept {
    const auto preference = config::value_of<config::ReadPreference>(value);
    if (!preference) return kInvalid;
    if (*preference == config::ReadPreference::primary) return {.kind = Kind::primary};
    return {.kind = Kind::options, .read_preference = preference};
}

// "primary", "replica", or name=value.
[[nodiscard]] Hint item_hint(std::string_view item) noexcept {
    if (equals_folded(item, "primary")) return {.kind = Kind::primary};
    if (equals_folded(item, "replica")) return {.kind = Kind::replica};
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) return kInvalid;
    const std::string_view name = trim(item.substr(0, equals));
    const std::string_view value = trim(item.substr(equals + 1));
    if (equals_folded(name, "read_preference")) return preference_hint(value);
    const auto max_lag = equals_folded(name, "max_lag") ? parse_max_lag(value) : std::nullopt;
    return max_lag ? Hint{.kind = Kind::options, .max_lag = max_lag} : kInvalid;
}

[[nodiscard]] Hint hint_of(std::string_view body) noexcept {
    auto items = annotation(body);
    if (!items) return {};
    Hint hint;
    while (true) {
        const std::size_t comma = items->find(',');
        hint = combine(hint, item_hint(trim(items->substr(0, comma))));
        if (comma == std::string_view::npos) return hint;
        items = items->substr(comma + 1);
    }
}

// The values of both; none of either is the other's. False: they contradict each other.
template <class T>
[[nodiscard]] bool merge(std::optional<T>& into, const std::optional<T>& other) noexcept {
    if (into && other && *into != *other) return false;
    if (other) into = other;
    return true;
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

Hint combine(const Hint& a, const Hint& b) noexcept {
    if (a.kind == Kind::none) return b;
    if (b.kind == Kind::none) return a;
    if (a.kind == Kind::invalid || b.kind == Kind::invalid) return kInvalid;
    Hint both = a;
    if (!merge(both.read_preference, b.read_preference) || !merge(both.max_lag, b.max_lag)) return kInvalid;
    if (both.kind == Kind::options) both.kind = b.kind;
    else if (b.kind != Kind::options && b.kind != both.kind) return kInvalid;
    const bool twice = both.kind != Kind::options && both.read_preference.has_value();
    return twice ? kInvalid : both;
}

Hint find_hint(std::string_view comments) noexcept {
    Hint hint;
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

std::string_view written_hint(std::string_view text) noexcept {
    Lexer lexer(text, true);
    std::string_view found;
    Token token = lexer.next();
    while (true) {
        std::string_view comments = lexer.comments();
        while (!comments.empty()) {
            std::size_t length = 1;
            if (comments.starts_with("/*")) {
                length = comment_length(comments);
                const bool ours = length >= 4 && annotation(comments.substr(2, length - 4));
                const char* begin = found.empty() ? comments.data() : found.data();
                if (ours) found = {begin, static_cast<std::size_t>(comments.data() + length - begin)};
            } else if (comments.starts_with("--")) {
                length = line_length(comments);
            }
            comments.remove_prefix(length);
        }
        if (token.kind != TokenKind::open && token.kind != TokenKind::semicolon) return found;
        token = lexer.next();
    }
}

std::optional<std::uint32_t> parse_max_lag(std::string_view text) noexcept {
    if (text == "0") return 0;
    const auto milliseconds = config::parse_duration(text);
    if (!milliseconds || *milliseconds > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    return static_cast<std::uint32_t>(*milliseconds);
}

}  // namespace pgweir::sql
