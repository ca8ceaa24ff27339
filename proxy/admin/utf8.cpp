#include "proxy/admin/utf8.hpp"

#include <cstddef>

#include "protocol/utf8.hpp"

namespace pgweir::admin {

std::string as_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = protocol::utf8_character(text).length;
        if (length == 0 || text[0] == '\0') {
            out.push_back('?');
            text.remove_prefix(1);
        } else {
            out.append(text.substr(0, length));
            text.remove_prefix(length);
        }
    }
    return out;
}

}  // namespace pgweir::admin
