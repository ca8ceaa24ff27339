// PgBouncer's userlist.txt. Source: PgBouncer's documentation, "Authentication file format".
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/error.hpp"

namespace pgweir::config {

// Largest file, bytes.
inline constexpr std::size_t kMaxUserlistSize = 16U << 20;

// The users of the text: lines of "name" "password", a quote inside doubled, what follows is ignored; empty lines and
// lines that begin with ';' or '#' are, too. Of equal names the last one counts. Appends what is wrong with `file` and
// the line to `problems`; never a password.
[[nodiscard]] std::vector<User> parse_userlist(std::string_view text, const std::string& file,
                                               std::vector<Problem>& problems);

// The same of a file.
[[nodiscard]] std::vector<User> load_userlist(const std::filesystem::path& path, std::vector<Problem>& problems);

}  // namespace pgweir::config
