#include "protocol/error_fields.hpp"

namespace pgweir::protocol {

ErrorFields parse_error_fields(Bytes body) noexcept {
    ErrorFields fields;
    std::string_view rest = as_text(body);
    std::string_view localised;
    while (!rest.empty() && rest.front() != '\0') {
        const char type = rest.front();
        const std::size_t end = rest.find('\0', 1);
        if (end == std::string_view::npos) break;
        const std::string_view value = rest.substr(1, end - 1);
        rest.remove_prefix(end + 1);
        switch (type) {
            case 'S':
                localised = value;
                break;
            case 'V':
                fields.severity = value;
                break;
            case 'C':
                fields.code = value;
                break;
            case 'M':
                fields.message = value;
                break;
            case 'R':
                fields.routine = value;
                break;
            default:
                break;
        }
    }
    if (fields.severity.empty()) fields.severity = localised;
    return fields;
}

}  // namespace pgweir::protocol
