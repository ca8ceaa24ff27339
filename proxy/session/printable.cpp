#include "proxy/session/printable.hpp"

#include <cstddef>
#include <cstdint>

namespace pgweir::session {

namespace {

constexpr std::size_t kMaxText = 500;  // bytes

[[nodiscard]] unsigned char byte_at(std::string_view text, std::size_t at) noexcept { return static_cast<unsigned char>(text[at]); }

// Length of the well-formed UTF-8 sequence (RFC 3629) at the front, whose code point is put into `point`; 0: it is none.
[[nodiscard]] std::size_t sequence_length(std::string_view text, std::uint32_t& point) noexcept {
    constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x1'0000};
    const unsigned char lead = byte_at(text, 0);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 0;
    if (length == 0 || length > text.size()) return 0;
    point = length == 1 ? lead : lead & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte_at(text, i) & 0xc0) != 0x80) return 0;
        point = point << 6 | (byte_at(text, i) & 0x3fU);
    }
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    return point < kSmallest[length] || point > 0x10'ffff || surrogate ? 0 : length;
}

// Could change how a terminal shows the rest of the line.
[[nodiscard]] bool is_control(std::uint32_t point) noexcept {
    return point < ' ' || (point >= 0x7f && point < 0xa0) || point == 0x200e || point == 0x200f || point == 0x061c ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

}  // namespace

std::string printable(std::string_view text) {
    std::string line(text.substr(0, kMaxText));
    for (char& c : line) {
        if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
    }
    return line;
}

std::string log_value(std::string_view text) {
    text = text.substr(0, kMaxText);
    std::string value = "\"";
    while (!text.empty()) {
        std::uint32_t point = 0;
        const std::size_t length = sequence_length(text, point);
        if (length == 0 || is_control(point)) {
            value += '?';
        } else {
            if (point == '"' || point == '\\') value += '\\';
            value += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return value += '"';
}

}  // namespace pgweir::session
