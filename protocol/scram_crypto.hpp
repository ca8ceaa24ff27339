// The few cryptographic functions that authentication needs, so that OpenSSL is named in one source file only.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pgweir::protocol {

// Fills the span with unpredictable bytes; false: there are none, and the login must fail.
using RandomBytes = std::function<bool(std::span<std::byte>)>;

// OpenSSL's generator.
[[nodiscard]] bool openssl_random(std::span<std::byte> out);

// Hands out bytes of another generator, which it asks for many at a time: OpenSSL's takes about as long for 8 as for 500.
// Each is handed out once, and not kept. Not thread-safe.
class RandomReserve {
  public:
    explicit RandomReserve(RandomBytes source = &openssl_random) : source_(std::move(source)) {}
    ~RandomReserve();
    RandomReserve(const RandomReserve&) = delete;
    RandomReserve& operator=(const RandomReserve&) = delete;

    // As RandomBytes.
    [[nodiscard]] bool operator()(std::span<std::byte> out);

  private:
    RandomBytes source_;
    std::array<std::byte, 512> bytes_{};
    std::size_t left_ = 0;  // at the end of bytes_
};

inline constexpr std::size_t kSha256Size = 32;

// Digests are raw bytes; empty if OpenSSL fails, which no comparison takes for a match.
[[nodiscard]] std::string sha256(std::string_view data);
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view data);
[[nodiscard]] std::string pbkdf2_sha256(std::string_view password, std::string_view salt, std::uint32_t iterations);

// 32 lower-case hexadecimal digits; empty if OpenSSL has no MD5 (FIPS).
[[nodiscard]] std::string md5_hex(std::string_view data);

// Equal, in a time that depends on the lengths only. Two empty texts are *not* equal: there is no empty secret.
[[nodiscard]] bool constant_time_equal(std::string_view a, std::string_view b) noexcept;

[[nodiscard]] std::string base64_encode(std::string_view data);
// Strict: the standard alphabet, padded, no white space, unused bits zero.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

// `count` random bytes (before base64) as a printable nonce; empty if there are none.
[[nodiscard]] std::string random_nonce(const RandomBytes& random, std::size_t count = 18);

}  // namespace pgweir::protocol
