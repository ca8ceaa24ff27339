#include "proxy/session/bound_text.hpp"

namespace pgweir::session {

std::optional<std::optional<std::string>> bound_text(Bytes parameters, unsigned number) {
    if (number == 0 || parameters.size() < 2) return std::nullopt;
    const std::size_t formats = std::size_t{2} * load_be16(parameters);
    if (parameters.size() < 2 + formats + 2) return std::nullopt;
    Bytes rest = parameters.subspan(2 + formats);
    const unsigned count = load_be16(rest);
    rest = rest.subspan(2);
    if (number > count) return std::nullopt;
    for (unsigned i = 1;; ++i) {
        if (rest.size() < 4) return std::nullopt;
        const std::uint32_t length = load_be32(rest);
        rest = rest.subspan(4);
        const bool null = length == 0xffff'ffff;
        if (!null && length > rest.size()) return std::nullopt;
        if (i == number) return null ? std::optional<std::string>() : std::optional(std::string(as_text(rest.first(length))));
        if (!null) rest = rest.subspan(length);
    }
}

unsigned bound_count(Bytes parameters) noexcept {
    if (parameters.size() < 2) return 0;
    const std::size_t at = 2 + std::size_t{2} * load_be16(parameters);
    return parameters.size() < at + 2 ? 0 : load_be16(parameters.subspan(at));
}

std::uint32_t parameter_type(Bytes types, unsigned number) noexcept {
    if (number == 0 || types.size() < 2 || number > load_be16(types)) return 0;
    const std::size_t at = 2 + std::size_t{4} * (number - 1);
    return types.size() < at + 4 ? 0 : load_be32(types.subspan(at));
}

}  // namespace pgweir::session
