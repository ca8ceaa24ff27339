// Where passwords come from and what they look like.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace pgweir::config {

// PostgreSQL's forms of a password (pg_authid.rolpassword).
enum class PasswordForm : std::uint8_t { none, plain, md5, scram, malformed_scram };

// "md5" and 32 lower-case hexadecimal digits is md5; "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey" is scram, and
// what begins like it but is not is malformed_scram; empty is none; everything else is plain.
[[nodiscard]] PasswordForm form_of(std::string_view password);

// A password, or what is wrong (which never quotes a password).
struct PasswordSource {
    std::string password;
    std::string error;  // empty: all is well
};

// Reads a password from a regular file of at most 4 KiB, without its trailing newline.
[[nodiscard]] PasswordSource password_from_file(const std::filesystem::path& path);

// Reads it from an environment variable, which must be set and not empty.
[[nodiscard]] PasswordSource password_from_env(const std::string& variable);

}  // namespace pgweir::config
