// PostgreSQL's MD5 authentication. Source: PostgreSQL documentation, "Password Authentication" and AuthenticationMD5Password.
#pragma once

#include <string>
#include <string_view>

namespace pgweir::protocol {

inline constexpr std::size_t kMd5SaltSize = 4;

// "md5" and the hash of password and user: pg_authid's form. Empty if there is no MD5.
[[nodiscard]] std::string md5_stored(std::string_view password, std::string_view user);

// What a client answers to the salt, from the stored form. Empty if `stored` is not of that form.
[[nodiscard]] std::string md5_response(std::string_view stored, std::string_view salt);

// "md5" and 32 lower-case hexadecimal digits.
[[nodiscard]] bool is_md5_stored(std::string_view stored) noexcept;

}  // namespace pgweir::protocol
