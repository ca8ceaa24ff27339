// Text from a peer, made fit for one line of a log.
#pragma once

#include <string>
#include <string_view>

namespace pgweir::session {

// Control characters become '?', and what is longer than 500 bytes is cut. Bytes from 0x80 on stay: they may be UTF-8.
[[nodiscard]] inline std::string printable(std::string_view text) {
    constexpr std::size_t kMaxText = 500;
    std::string line(text.substr(0, kMaxText));
    for (char& c : line) {
        if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
    }
    return line;
}

}  // namespace pgweir::session
