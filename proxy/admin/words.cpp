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

}  // namespace

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
