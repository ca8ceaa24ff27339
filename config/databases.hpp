// Which [[database]] a name that a client asks for is.
#pragma once

#include <string_view>

#include "config/config.hpp"

namespace pgweir::config {

// The entry of that name, else "*"; null when there is neither.
[[nodiscard]] inline const Database* find_database(const Config& config, std::string_view name) {
    const Database* any = nullptr;
    for (const Database& candidate : config.databases) {
        if (candidate.name == name) return &candidate;
        if (candidate.name == "*") any = &candidate;
    }
    return any;
}

}  // namespace pgweir::config
