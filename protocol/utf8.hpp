// Characters of UTF-8 (RFC 3629) in bytes that may be anything.
#pragma once

#include <cstddef>
#include <string_view>

namespace pgweir::protocol {

struct Utf8Character {
    std::size_t length = 0;  // bytes; 0: no well-formed character stands at the front
    char32_t point = 0;
};

// The character at the front of `text`. No overlong forms, no surrogates, nothing above U+10FFFF; none of an empty text.
[[nodiscard]] Utf8Character utf8_character(std::string_view text) noexcept;

// The front of `text`, at most `bytes` long, that does not cut a character.
[[nodiscard]] std::string_view utf8_front(std::string_view text, std::size_t bytes) noexcept;

}  // namespace pgweir::protocol
