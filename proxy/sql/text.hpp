// Character classes of PostgreSQL's lexer (scan.l) and comparisons without regard to ASCII case.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pgweir::sql {

enum CharClass : std::uint8_t {
    kSpace = 1U << 0,       // space \t \n \r \f; \v only from PostgreSQL 16, so it is not one here
    kIdentStart = 1U << 1,  // letters, _, and every byte ≥ 0x80
    kIdentCont = 1U << 2,   // those, digits and $
    kDigit = 1U << 3,
    kOperator = 1U << 4,
    kTagCont = 1U << 5,     // of a $tag$: an identifier's without $
    kHexDigit = 1U << 6,
};

[[nodiscard]] consteval std::array<std::uint8_t, 256> make_char_classes() {
    std::array<std::uint8_t, 256> table{};
    for (std::size_t c = 0; c < 256; ++c) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
        const bool digit = c >= '0' && c <= '9';
        std::uint8_t bits = 0;
        if (letter) bits |= kIdentStart | kIdentCont | kTagCont;
        if (digit) bits |= kDigit | kIdentCont | kTagCont;
        if (c == '$') bits |= kIdentCont;
        if (digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) bits |= kHexDigit;
        table[c] = bits;
    }
    for (const char c : std::string_view{" \t\n\r\f"}) table[static_cast<std::uint8_t>(c)] |= kSpace;
    for (const char c : std::string_view{"~!@#^&|`?+-*/%<>="}) table[static_cast<std::uint8_t>(c)] |= kOperator;
    return table;
}

inline constexpr std::array<std::uint8_t, 256> kCharClasses = make_char_classes();

[[nodiscard]] constexpr bool is(char c, std::uint8_t classes) noexcept {
    return (kCharClasses[static_cast<std::uint8_t>(c)] & classes) != 0;
}

// As the server folds unquoted names in ASCII. Bytes ≥ 0x80 stay.
[[nodiscard]] constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// `lower_case` is so already.
[[nodiscard]] constexpr bool equals_folded(std::string_view text, std::string_view lower_case) noexcept {
    if (text.size() != lower_case.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (lower(text[i]) != lower_case[i]) return false;
    }
    return true;
}

[[nodiscard]] constexpr bool starts_folded(std::string_view text, std::string_view lower_case) noexcept {
    return text.size() >= lower_case.size() && equals_folded(text.substr(0, lower_case.size()), lower_case);
}

[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && is(text.front(), kSpace)) text.remove_prefix(1);
    while (!text.empty() && is(text.back(), kSpace)) text.remove_suffix(1);
    return text;
}

}  // namespace pgweir::sql
