// Verifiers and keys: what is stored, and what is derived from a password.
#include <algorithm>
#include <charconv>

#include "protocol/scram.hpp"

namespace pgweir::protocol {

namespace {

// Takes the text before the separator off the front; nothing if there is no separator.
std::optional<std::string_view> take_until(std::string_view& rest, char separator) {
    const std::size_t end = rest.find(separator);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return text;
}

std::optional<std::string> decode_key(std::string_view text) {
    auto key = base64_decode(text);
    if (key && key->size() != kScramKeySize) return std::nullopt;
    return key;
}

std::string stored_key_of(std::string_view client_key) { return sha256(client_key); }

}  // namespace

std::optional<std::uint32_t> parse_scram_iterations(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (value == 0 || value > kMaxScramIterations) return std::nullopt;
    return value;
}

std::optional<ScramVerifier> parse_scram_verifier(std::string_view text) {
    const auto mechanism = take_until(text, '$');
    if (mechanism != kScramSha256) return std::nullopt;
    const auto count = take_until(text, ':');
    const auto salt_text = take_until(text, '$');
    const auto stored_text = take_until(text, ':');
    if (!count || !salt_text || !stored_text) return std::nullopt;
    const auto iterations = parse_scram_iterations(*count);
    auto salt = base64_decode(*salt_text);
    auto stored = decode_key(*stored_text);
    auto server = decode_key(text);
    if (!iterations || !salt || salt->empty() || salt->size() > kMaxScramSalt || !stored || !server)
        return std::nullopt;
    return ScramVerifier{*iterations, std::move(*salt), std::move(*stored), std::move(*server)};
}

std::string to_text(const ScramVerifier& verifier) {
    return std::string(kScramSha256) + "$" + std::to_string(verifier.iterations) + ":" + base64_encode(verifier.salt) +
           "$" + base64_encode(verifier.stored_key) + ":" + base64_encode(verifier.server_key);
}

ScramKeys derive_scram_keys(std::string_view password, std::string_view salt, std::uint32_t iterations) {
    const std::string salted = pbkdf2_sha256(password, salt, iterations);
    if (salted.empty()) return {};
    return {hmac_sha256(salted, "Client Key"), hmac_sha256(salted, "Server Key")};
}

ScramVerifier derive_scram_verifier(std::string_view password, std::string_view salt, std::uint32_t iterations) {
    ScramKeys keys = derive_scram_keys(password, salt, iterations);
    // Without keys (OpenSSL failed) the verifier stays without keys, too, and nothing matches it.
    if (keys.client_key.empty() || keys.server_key.empty()) return {iterations, std::string(salt), {}, {}};
    return {iterations, std::string(salt), stored_key_of(keys.client_key), std::move(keys.server_key)};
}

std::string mock_scram_salt(std::string_view secret, std::string_view user, std::size_t size) {
    const auto derived = [&](std::string what) { return hmac_sha256(secret, what.append(user)); };
    std::string salt = derived("salt:");
    for (std::size_t i = 1; i < kMaxScramSalt / kSha256Size && salt.size() < size; ++i) {
        salt += derived("salt" + std::to_string(i) + ":");
    }
    salt.resize(std::min(salt.size(), size));
    return salt;
}

bool matches(const ScramVerifier& verifier, std::string_view password) {
    const ScramKeys keys = derive_scram_keys(password, verifier.salt, verifier.iterations);
    return constant_time_equal(keys.server_key, verifier.server_key);
}

}  // namespace pgweir::protocol
