#include "proxy/admin/words.hpp"

#include <algorithm>

namespace pgweir::admin {

namespace {

constexpr bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

constexpr bool is_word(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

constexpr char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// Bytes of the nested comment at the beginning of `text`; all of it when it has no end.
std::size_t block_comment(std::string_view text) {
    std::size_t depth = 0;
    for (std::size_t i = 0; i + 1 < text.size();) {
        const std::string_view two = text.substr(i, 2);
        if (two == "/*") ++depth;
        if (two == "*/") --depth;
        i += two == "/*" || two == "*/" ? 2 : 1;
        if (depth == 0) return i;
    }
    return text.size();
}

// Bytes of white space or comment at the beginning of `text`; 0 when there is something else.
std::size_t gap(std::string_view text) {
    if (is_space(text.front())) return 1;
    if (text.starts_with("/*")) return block_comment(text);
    if (text.starts_with("--")) return std::min(text.find_first_of("\r\n"), text.size());
    return 0;
}

// What comes first behind white space and comments.
std::string_view skip_gaps(std::string_view text) {
    while (!text.empty()) {
        const std::size_t skip = gap(text);
        if (skip == 0) break;
        text.remove_prefix(skip);
    }
    return text;
}

// Takes a name off the front; none: a quote without its end, or an empty name.
std::optional<std::string> take_name(std::string_view& text) {
    std::string name;
    if (!text.starts_with('"')) {
        const auto end = std::ranges::find_if(text, [](char c) { return is_space(c) || c == ';' || c == '"'; });
        name.assign(text.begin(), end);
        text.remove_prefix(name.size());
        return name.empty() ? std::nullopt : std::optional(name);
    }
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"' && !text.substr(i + 1).starts_with('"')) {
            text.remove_prefix(i + 1);
            return name.empty() ? std::nullopt : std::optional(name);
        }
        i += text[i] == '"' ? 1 : 0;
        name += text[i];
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> name_behind_word(std::string_view text) {
    text = skip_gaps(text);
    text.remove_prefix(static_cast<std::size_t>(std::ranges::find_if_not(text, is_word) - text.begin()));
    text = skip_gaps(text);
    std::optional<std::string> name{std::in_place};
    if (!text.empty() && text.front() != ';') name = take_name(text);
    for (text = skip_gaps(text); text.starts_with(';'); text = skip_gaps(text.substr(1))) {
    }
    return text.empty() ? name : std::nullopt;
}

std::vector<std::string> split_words(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        if (const std::size_t skip = gap(text); skip != 0) {
            text.remove_prefix(skip);
            continue;
        }
        const auto end = std::ranges::find_if_not(text, is_word);
        const auto length = std::max<std::size_t>(1, static_cast<std::size_t>(end - text.begin()));
        std::string& word = words.emplace_back(text.substr(0, length));
        std::ranges::transform(word, word.begin(), upper);
        text.remove_prefix(length);
    }
    while (!words.empty() && words.back() == ";") words.pop_back();
    return words;
}

}  // namespace pgweir::admin
