// How libpq reaches a server: what every connection of the control thread's has in common.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "proxy/cluster/member.hpp"

namespace pgweir::monitor {

using ConnectionOptions = std::vector<std::pair<std::string, std::string>>;  // libpq's keywords and values

// Address, TLS and encoding; who connects, where to and as what is the caller's to add.
[[nodiscard]] ConnectionOptions server_options(const config::ServerTls& tls, const cluster::Member& server);

// The monitor's user and password: the configured ones, or the first user whose password is known in plain text.
[[nodiscard]] std::pair<std::string, std::string> monitor_login(const config::Config& config);

// libpq's messages may have several lines.
[[nodiscard]] std::string one_line(std::string text);

// For options that name a file that libpq must not look for in somebody's home.
inline constexpr const char* kNoFile = "/nonexistent/pgweir";

}  // namespace pgweir::monitor
