// The few URLs that the configuration holds: http://HOST[:PORT][/PATH] and https://… (RFC 3986, without user, query and fragment).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgweir::config {

struct Url {
    bool tls = false;
    std::string host;  // an IPv6 address without its brackets
    std::uint16_t port = 80;
    std::string path;  // empty, or it begins with '/'; without one at its end
};

// Nothing for anything else.
[[nodiscard]] std::optional<Url> parse_url(std::string_view text);

}  // namespace pgweir::config
