// What a RELOAD would change.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace pgweir::config {

enum class ChangeKind : std::uint8_t { changed, added, removed };

// One changed key ("pool.pool_mode", "server.NAME.weight"), or a whole server, database or user that came or went
// ("server.NAME", without before and after). Passwords are "<hidden>" or empty.
struct Change {
    ChangeKind kind = ChangeKind::changed;
    std::string key;
    std::string before;
    std::string after;
    bool reloadable = false;
};

// Changes from `before` to `after`. Servers, databases and users are matched by name, and their order does not matter; that of
// [[access]] does ("access", with the names of the rules that both have). Users of proxy.auth_file are "auth_file.NAME".
[[nodiscard]] std::vector<Change> diff(const Config& before, const Config& after);

}  // namespace pgweir::config
