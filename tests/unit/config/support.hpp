// Shared by the tests of config/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"

namespace pgweir::config {

// The least that is a configuration; on the lines 1 to 5.
inline constexpr std::string_view kLeast =
    "[[server]]\n"
    "name = \"a\"\n"
    "host = \"127.0.0.1\"\n"
    "[[database]]\n"
    "name = \"app\"\n";

inline Config load_with(std::string_view more) { return load_text(std::string(kLeast) + std::string(more), "t.toml"); }

// Every problem of the text, as shown to the operator.
inline std::vector<std::string> problems_of(std::string_view text, std::string_view file = "t.toml") {
    std::vector<std::string> shown;
    try {
        (void)load_text(text, file);
    } catch (const ConfigError& error) {
        for (const Problem& problem : error.problems()) shown.push_back(to_string(problem));
    }
    return shown;
}

// The same for text that follows kLeast, beginning in line 6.
inline std::vector<std::string> problems_with(std::string_view more) {
    return problems_of(std::string(kLeast) + std::string(more));
}

}  // namespace pgweir::config
