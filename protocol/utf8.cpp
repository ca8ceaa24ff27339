#include "protocol/utf8.hpp"

#include <array>

namespace pgweir::protocol {

namespace {

constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x1'0000};  // of a length; less is an overlong form

[[nodiscard]] constexpr std::size_t length_by(unsigned char lead) noexcept {
    if (lead < 0x80) return 1;
    if (lead < 0xC0) return 0;  // the middle of a character
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF8 ? 4 : 0;
}

}  // namespace

Utf8Character utf8_character(std::string_view text) noexcept {
    if (text.empty()) return {};
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = length_by(lead);
    if (length == 0 || length > text.size()) return {};
    char32_t point = length == 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xC0U) != 0x80) return {};
        point = point << 6U | (next & 0x3FU);
    }
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (point < kSmallest[length] || point > 0x10'FFFF || surrogate) return {};
    return {length, point};
}

std::string_view utf8_front(std::string_view text, std::size_t bytes) noexcept {
    if (text.size() <= bytes) return text;
    const auto is_middle = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80; };
    std::size_t end = bytes;
    while (end > 0 && bytes - end < 3 && is_middle(end)) --end;
    return text.substr(0, is_middle(end) ? bytes : end);  // what is no UTF-8 is cut anywhere
}

}  // namespace pgweir::protocol
