// The texts that are generated from the table of options.
#pragma once

#include <string>

namespace pgweir::config {

// config/example.toml, byte by byte: every option with its meaning, its allowed values and its default.
[[nodiscard]] std::string example_toml();

// The tables of docs/configuration.md, one a section.
[[nodiscard]] std::string options_markdown();

}  // namespace pgweir::config
