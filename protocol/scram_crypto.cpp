#include "protocol/scram_crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

namespace pgweir::protocol {

namespace {

const unsigned char* raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string digest(const EVP_MD* method, std::string_view data) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    if (method == nullptr || EVP_Digest(data.data(), data.size(), out.data(), &size, method, nullptr) != 1) return {};
    return {reinterpret_cast<const char*>(out.data()), size};
}

// SHA-256 without OpenSSL's search for it and without new memory at each use, which take longer than the digest of a short
// text. Between two uses it knows nothing of the data.
class Sha256 {
  public:
    Sha256() { (void)begin(); }

    Sha256& add(std::string_view data) {
        good_ = good_ && EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1;
        return *this;
    }
    // Of all that was added; empty if OpenSSL fails.
    std::string take() {
        std::string out(kSha256Size, '\0');
        unsigned size = 0;
        const bool done = good_ && EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(out.data()), &size) == 1;
        if (!begin() || !done || size != kSha256Size) return {};
        return out;
    }

  private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };

    bool begin() {
        static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
        return good_ = context_ && method != nullptr && EVP_DigestInit_ex2(context_.get(), method, nullptr) == 1;
    }

    std::unique_ptr<EVP_MD_CTX, Free> context_{EVP_MD_CTX_new()};
    bool good_ = false;
};

Sha256& hasher() {
    thread_local Sha256 own;
    return own;
}

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The six bits of a letter, or -1.
constexpr std::array<signed char, 256> kValues = [] {
    std::array<signed char, 256> values{};
    values.fill(-1);
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
        values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<signed char>(i);
    }
    return values;
}();

}  // namespace

bool openssl_random(std::span<std::byte> out) {
    return RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) == 1;
}

RandomReserve::~RandomReserve() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

bool RandomReserve::operator()(std::span<std::byte> out) {
    if (!source_) return false;
    if (out.size() > bytes_.size()) return source_(out);
    if (left_ < out.size()) {
        left_ = 0;  // whatever a source that fails has left there
        if (!source_(bytes_)) return false;
        left_ = bytes_.size();
    }
    const auto taken = std::span(bytes_).last(left_).first(out.size());
    std::ranges::copy(taken, out.begin());
    OPENSSL_cleanse(taken.data(), taken.size());
    left_ -= out.size();
    return true;
}

std::string sha256(std::string_view data) { return hasher().add(data).take(); }

std::string hmac_sha256(std::string_view key, std::string_view data) {
    constexpr std::size_t kBlock = 64;
    const std::string short_key = key.size() > kBlock ? sha256(key) : std::string();
    if (key.size() > kBlock) {
        if (short_key.empty()) return {};
        key = short_key;
    }
    std::array<char, kBlock> pad{};
    const auto padded = [&](char with) {
        pad.fill(with);
        for (std::size_t i = 0; i < key.size(); ++i) pad[i] = static_cast<char>(pad[i] ^ key[i]);
        return std::string_view(pad.data(), pad.size());
    };
    const std::string inner = hasher().add(padded(0x36)).add(data).take();
    std::string out = hasher().add(padded(0x5c)).add(inner).take();
    OPENSSL_cleanse(pad.data(), pad.size());
    return inner.empty() ? std::string() : out;
}

std::string pbkdf2_sha256(std::string_view password, std::string_view salt, std::uint32_t iterations) {
    std::array<unsigned char, kSha256Size> out{};
    const char* bytes = password.empty() ? "" : password.data();
    const int done =
        PKCS5_PBKDF2_HMAC(bytes, static_cast<int>(password.size()), raw(salt), static_cast<int>(salt.size()),
                          static_cast<int>(iterations), EVP_sha256(), static_cast<int>(out.size()), out.data());
    if (done != 1) return {};
    return {reinterpret_cast<const char*>(out.data()), out.size()};
}

std::string md5_hex(std::string_view data) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string hex;
    for (const char c : digest(EVP_md5(), data)) {
        const auto byte = static_cast<unsigned char>(c);
        hex.push_back(kDigits[byte >> 4]);
        hex.push_back(kDigits[byte & 15]);
    }
    return hex;
}

bool constant_time_equal(std::string_view a, std::string_view b) noexcept {
    return !a.empty() && a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string base64_encode(std::string_view data) {
    std::string text;
    text.reserve((data.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < data.size(); i += 3) {
        const std::size_t count = std::min<std::size_t>(3, data.size() - i);
        std::uint32_t bits = 0;
        for (std::size_t j = 0; j < 3; ++j)
            bits = bits << 8 | (j < count ? static_cast<unsigned char>(data[i + j]) : 0U);
        for (std::size_t j = 0; j < 4; ++j) text.push_back(j <= count ? kAlphabet[bits >> (18 - 6 * j) & 63] : '=');
    }
    return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::size_t padding = 0;
    while (padding < 2 && !text.empty() && text.back() == '=') {
        text.remove_suffix(1);
        ++padding;
    }
    std::string data;
    data.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t bits = 0;
    std::size_t held = 0;
    for (const char c : text) {
        const int value = kValues[static_cast<unsigned char>(c)];
        if (value < 0) return std::nullopt;
        bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xffff;
        held += 6;
        if (held < 8) continue;
        held -= 8;
        data.push_back(static_cast<char>(bits >> held & 0xff));
    }
    if ((bits & ((1U << held) - 1)) != 0) return std::nullopt;
    return data;
}

std::string random_nonce(const RandomBytes& random, std::size_t count) {
    std::vector<std::byte> bytes(count);
    if (!random || !random(bytes)) return {};
    return base64_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace pgweir::protocol
