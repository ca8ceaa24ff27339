#include "proxy/session/printable.hpp"

#include "protocol/utf8.hpp"

namespace pgweir::session {

namespace {

constexpr std::size_t kMaxText = 500;  // bytes

// Could change how a terminal shows the rest of the line.
[[nodiscard]] bool is_control(char32_t point) noexcept {
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

std::string log_value(std::string_view text, std::size_t limit) {
    text = text.substr(0, limit);
    std::string value = "\"";
    while (!text.empty()) {
        const auto [length, point] = protocol::utf8_character(text);
        if (length == 0 || is_control(point)) {
            value += '?';
        } else {
            if (point == U'"' || point == U'\\') value += '\\';
            value += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return value += '"';
}

}  // namespace pgweir::session
