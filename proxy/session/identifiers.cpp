#include "proxy/session/identifiers.hpp"

#include <algorithm>

namespace pgweir::session {

std::string folded_identifier(std::string_view written) {
    std::string out;
    if (written.size() >= 2 && written.front() == '"' && written.back() == '"') {
        for (std::size_t i = 1; i + 1 < written.size(); ++i) {
            out.push_back(written[i]);
            if (written[i] == '"') ++i;
        }
        return out;
    }
    out.assign(written);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

}  // namespace pgweir::session
