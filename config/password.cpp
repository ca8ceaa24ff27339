#include "config/password.hpp"

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <system_error>

namespace pgweir::config {

namespace {

constexpr std::string_view kScramPrefix = "SCRAM-SHA-256$";
constexpr std::string_view kLowerHex = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t kMaxPasswordFile = 4096;

// How many bytes the text stands for; nullopt when it is no base64 with its padding.
std::optional<std::size_t> base64_size(std::string_view text) {
    if (text.empty() || text.size() % 4 != 0) return std::nullopt;
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
    if (text.substr(0, text.size() - padding).find_first_not_of(kBase64) != std::string_view::npos) return std::nullopt;
    return text.size() / 4 * 3 - padding;
}

// Cuts the text off at the separator and returns what stood before it; everything if there is none.
std::string_view cut(std::string_view& text, char separator) {
    const std::size_t at = text.find(separator);
    const std::string_view head = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return head;
}

bool is_scram_verifier(std::string_view text) {
    static constexpr std::size_t kKeySize = 32;  // SHA-256
    text.remove_prefix(kScramPrefix.size());
    const std::string_view iterations = cut(text, ':');
    const std::string_view salt = cut(text, '$');
    const std::string_view stored_key = cut(text, ':');
    std::uint32_t count = 0;
    const auto [end, error] = std::from_chars(iterations.data(), iterations.data() + iterations.size(), count);
    if (error != std::errc{} || end != iterations.data() + iterations.size()) return false;
    if (count == 0 || count > static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max())) return false;
    return base64_size(salt) && base64_size(stored_key) == kKeySize && base64_size(text) == kKeySize;
}

}  // namespace

PasswordForm form_of(std::string_view password) {
    if (password.empty()) return PasswordForm::none;
    if (password.starts_with(kScramPrefix)) {
        return is_scram_verifier(password) ? PasswordForm::scram : PasswordForm::malformed_scram;
    }
    const bool md5 = password.size() == 35 && password.starts_with("md5") &&
                     password.find_first_not_of(kLowerHex, 3) == std::string_view::npos;
    return md5 ? PasswordForm::md5 : PasswordForm::plain;
}

PasswordSource password_from_file(const std::filesystem::path& path) {
    const std::string shown = "the password file \"" + path.string() + "\" ";
    std::error_code error;
    // A pipe or a device could keep us waiting for ever.
    if (!std::filesystem::is_regular_file(path, error)) {
        if (error) return {{}, shown + "cannot be read: " + error.message()};
        return {{}, shown + "is not a regular file"};
    }
    std::ifstream in(path, std::ios::binary);
    std::string text(kMaxPasswordFile + 1, '\0');
    if (!in.is_open()) return {{}, shown + "cannot be opened for reading"};
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) return {{}, shown + "cannot be read"};
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > kMaxPasswordFile) return {{}, shown + "is longer than 4kB"};
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    if (text.empty()) return {{}, shown + "is empty"};
    return {text, {}};
}

PasswordSource password_from_env(const std::string& variable) {
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr) return {{}, "the environment variable \"" + variable + "\" is not set"};
    if (*value == '\0') return {{}, "the environment variable \"" + variable + "\" is empty"};
    return {value, {}};
}

}  // namespace pgweir::config
