// From a TOML file to a Config. Checks everything, and reports every problem at once.
#pragma once

#include <filesystem>
#include <string_view>

#include "config/config.hpp"
#include "config/error.hpp"

namespace pgweir::config {

// Largest configuration file, bytes.
inline constexpr std::size_t kMaxConfigSize = 1U << 20;

// Reads, checks and completes (defaults, passwords from files and environment variables) the configuration.
// A relative password_file is looked for next to the configuration file. Throws ConfigError.
[[nodiscard]] Config load_file(const std::filesystem::path& path);

// The same for text in memory; `file_name` stands in messages and is the base of relative password files.
[[nodiscard]] Config load_text(std::string_view text, std::string_view file_name);

}  // namespace pgweir::config
