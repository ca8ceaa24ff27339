#include "config/url.hpp"

#include <algorithm>
#include <charconv>

#include "config/network.hpp"

namespace pgweir::config {

namespace {

bool is_host_character(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool is_path_character(char c) noexcept { return c > ' ' && c <= '~' && c != '?' && c != '#'; }

// Takes the host off the front; false: there is none.
bool take_host(std::string_view& rest, std::string& host) {
    if (rest.starts_with('[')) {
        const std::size_t end = rest.find(']');
        if (end == std::string_view::npos || !parse_address(rest.substr(1, end - 1))) return false;
        host = rest.substr(1, end - 1);
        rest.remove_prefix(end + 1);
        return true;
    }
    const std::string_view name = rest.substr(0, rest.find_first_of(":/"));
    if (name.empty() || name.size() > 255 || !std::ranges::all_of(name, is_host_character)) return false;
    host = name;
    rest.remove_prefix(name.size());
    return true;
}

bool take_port(std::string_view& rest, std::uint16_t& port) {
    if (!rest.starts_with(':')) return true;
    rest.remove_prefix(1);
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), port);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    return error == std::errc{} && port != 0;
}

}  // namespace

std::optional<Url> parse_url(std::string_view text) {
    Url url;
    if (text.starts_with("https://")) {
        url.tls = true;
        url.port = 443;
    } else if (!text.starts_with("http://")) {
        return std::nullopt;
    }
    std::string_view rest = text.substr(text.find("//") + 2);
    if (!take_host(rest, url.host) || !take_port(rest, url.port)) return std::nullopt;
    if (!rest.empty() && !rest.starts_with('/')) return std::nullopt;
    if (!std::ranges::all_of(rest, is_path_character)) return std::nullopt;
    while (rest.ends_with('/')) rest.remove_suffix(1);
    url.path = rest;
    return url;
}

}  // namespace pgweir::config
