#include "protocol/md5_auth.hpp"

#include <algorithm>

#include "protocol/scram_crypto.hpp"

namespace pgweir::protocol {

namespace {

constexpr std::string_view kPrefix = "md5";
constexpr std::size_t kHexSize = 32;

// The prefix and the hash of `secret` and `salt`.
std::string hashed(std::string_view secret, std::string_view salt) {
    std::string text(secret);
    text.append(salt);
    const std::string hex = md5_hex(text);
    return hex.empty() ? hex : std::string(kPrefix) + hex;
}

}  // namespace

std::string md5_stored(std::string_view password, std::string_view user) { return hashed(password, user); }

std::string md5_response(std::string_view stored, std::string_view salt) {
    if (!is_md5_stored(stored)) return {};
    return hashed(stored.substr(kPrefix.size()), salt);
}

bool is_md5_stored(std::string_view stored) noexcept {
    return stored.size() == kPrefix.size() + kHexSize && stored.starts_with(kPrefix) &&
           std::all_of(stored.begin() + kPrefix.size(), stored.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace pgweir::protocol
