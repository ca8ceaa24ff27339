// Messages of the protocol written by hand, for tests.
#pragma once

#include <string>
#include <string_view>

#include "protocol/bytes.hpp"

namespace pgweir::test {

inline std::string message(char tag, std::string_view body) {
    std::string out(1, tag);
    append_be32(out, static_cast<std::uint32_t>(body.size() + 4));
    return out.append(body);
}
inline std::string text(std::string_view value) { return std::string(value) + '\0'; }

// What clients send.
inline std::string query(std::string_view sql) { return message('Q', text(sql)); }
inline std::string parse(std::string_view name, std::string_view sql) {
    return message('P', text(name) + text(sql) + std::string(2, '\0'));
}
inline std::string bind(std::string_view portal, std::string_view name) {
    return message('B', text(portal) + text(name) + std::string(6, '\0'));
}
inline std::string describe(char what, std::string_view name) { return message('D', what + text(name)); }
inline std::string execute(std::string_view portal = "") { return message('E', text(portal) + std::string(4, '\0')); }
inline std::string close(char what, std::string_view name) { return message('C', what + text(name)); }
inline std::string sync() { return message('S', ""); }
inline std::string flush() { return message('H', ""); }
inline std::string copy_data(std::string_view data) { return message('d', data); }
inline std::string copy_done() { return message('c', ""); }

// What servers send.
inline std::string ready(char status = 'I') { return message('Z', std::string(1, status)); }
inline std::string complete(std::string_view tag) { return message('C', text(tag)); }
inline std::string parsed() { return message('1', ""); }
inline std::string bound() { return message('2', ""); }
inline std::string closed() { return message('3', ""); }
inline std::string no_data() { return message('n', ""); }
inline std::string row(std::string_view value) {
    std::string body;
    append_be16(body, 1);
    append_be32(body, static_cast<std::uint32_t>(value.size()));
    return message('D', body.append(value));
}
inline std::string error(std::string_view code, std::string_view severity = "ERROR") {
    return message('E', "S" + text(severity) + "V" + text(severity) + "C" + text(code) + "M" + text("m") + std::string(1, '\0'));
}
inline std::string status(std::string_view name, std::string_view value) { return message('S', text(name) + text(value)); }
inline std::string copy_in() { return message('G', std::string(3, '\0')); }

// The tags of the whole messages in `wire`, for failures that people can read.
inline std::string tags(std::string_view wire) {
    std::string out;
    while (wire.size() >= 5) {
        out += wire[0];
        const std::size_t size = load_be32(as_bytes(wire).subspan(1)) + 1;
        if (size > wire.size()) return out + "…";
        wire.remove_prefix(size);
    }
    return out;
}

}  // namespace pgweir::test
