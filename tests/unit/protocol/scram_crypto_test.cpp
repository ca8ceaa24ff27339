#include "protocol/scram_crypto.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace pgweir::protocol {
namespace {

using namespace std::string_literals;

TEST(Base64, GoesBothWays) {
    const std::pair<std::string, std::string> cases[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"},
                                                         {"\0\xff\xfe"s, "AP/+"}};
    for (const auto& [data, text] : cases) {
        EXPECT_EQ(base64_encode(data), text);
        EXPECT_EQ(base64_decode(text), data);
    }
    std::string all;
    for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
    EXPECT_EQ(base64_decode(base64_encode(all)), all);
}

TEST(Base64, IsStrict) {
    for (const std::string& text : {"Z"s, "Zg"s, "Zg="s, "Zh=="s, "Zm9="s, "===="s, "Z==="s, "Zg==Zg=="s, "Zm 9v"s,
                                    "Zm9v\n"s, "Zm-_"s, "Zm9\0"s, "Zm9v="s, "Zm9v===="s, "Zm9v=="s}) {
        EXPECT_FALSE(base64_decode(text)) << testing::PrintToString(text);
    }
}

// semantics.md I: password comparison that is not constant-time; and no empty secret matches anything.
TEST(ConstantTimeEqual, ComparesAll) {
    EXPECT_TRUE(constant_time_equal("abc", "abc"));
    EXPECT_FALSE(constant_time_equal("abc", "abd"));
    EXPECT_FALSE(constant_time_equal("abc", "abcd"));
    EXPECT_FALSE(constant_time_equal("abc", ""));
    EXPECT_FALSE(constant_time_equal("", ""));
    EXPECT_FALSE(constant_time_equal("a\0b"s, "a\0c"s));
}

TEST(RandomNonce, IsPrintableAndFresh) {
    const std::string a = random_nonce(openssl_random), b = random_nonce(openssl_random);
    EXPECT_EQ(a.size(), 24U);
    EXPECT_NE(a, b);
    EXPECT_EQ(a.find(','), std::string::npos);
    EXPECT_EQ(random_nonce([](std::span<std::byte>) { return false; }), "");
    EXPECT_EQ(random_nonce({}), "");
}

// RFC 4231, test case 2; FIPS 180-2, "abc".
TEST(Digests, KnownAnswers) {
    EXPECT_EQ(base64_encode(hmac_sha256("Jefe", "what do ya want for nothing?")),
              "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    EXPECT_EQ(base64_encode(sha256("abc")), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    EXPECT_EQ(base64_encode(sha256({})), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    EXPECT_EQ(md5_hex("abc"), "900150983cd24fb0d6963f7d28e17f72");
}

// Against OpenSSL's own, with keys shorter than a block, of a block, and longer, and one after the other.
TEST(Digests, HmacIsOpenSsls) {
    for (const std::size_t key_size : {0UL, 1UL, 31UL, 32UL, 63UL, 64UL, 65UL, 200UL}) {
        for (const std::size_t size : {0UL, 1UL, 55UL, 56UL, 64UL, 1000UL}) {
            std::string key(key_size, '\0'), data(size, '\0');
            for (std::size_t i = 0; i < key_size; ++i) key[i] = static_cast<char>(i * 7 + 200);
            for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<char>(i * 11 + 3);
            std::array<unsigned char, kSha256Size> expected{};
            unsigned length = 0;
            ASSERT_NE(HMAC(EVP_sha256(), key.data(), static_cast<int>(key_size), reinterpret_cast<const unsigned char*>(data.data()),
                           size, expected.data(), &length),
                      nullptr);
            EXPECT_EQ(hmac_sha256(key, data), std::string(reinterpret_cast<const char*>(expected.data()), length))
                << key_size << " " << size;
        }
    }
}

TEST(Digests, OneThreadDoesNotDisturbAnother) {
    const std::string key(32, 'k'), expected = hmac_sha256(key, "data");
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 1000; ++n) wrong += hmac_sha256(key, "data") != expected;
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
}

// A source that counts: every byte of it is another one.
TEST(RandomReserve, HandsOutEachByteOnce) {
    std::uint8_t next = 0;
    int asked = 0;
    RandomReserve reserve([&](std::span<std::byte> out) {
        ++asked;
        for (std::byte& byte : out) byte = std::byte{next++};
        return true;
    });
    std::uint8_t expected = 0;
    for (int i = 0; i < 64; ++i) {
        std::array<std::byte, 8> out{};
        ASSERT_TRUE(reserve(out));
        for (const std::byte byte : out) EXPECT_EQ(byte, std::byte{expected++});
    }
    EXPECT_EQ(asked, 1);
    std::array<std::byte, 8> more{};
    EXPECT_TRUE(reserve(more));
    EXPECT_EQ(asked, 2);
    std::vector<std::byte> many(1000);
    EXPECT_TRUE(reserve(many));
    EXPECT_EQ(asked, 3);
    EXPECT_NE(many.back(), std::byte{});
}

TEST(RandomReserve, FailsWhereItsSourceFails) {
    bool works = false;
    RandomReserve reserve([&](std::span<std::byte> out) {
        std::ranges::fill(out, std::byte{7});  // it may have written something
        return works;
    });
    std::array<std::byte, 8> out{};
    EXPECT_FALSE(reserve(out));
    EXPECT_FALSE(reserve(out)) << "what a failed source has left is not handed out";
    EXPECT_EQ(out, (std::array<std::byte, 8>{}));
    works = true;
    EXPECT_TRUE(reserve(out));
    RandomReserve none{RandomBytes{}};
    EXPECT_FALSE(none(out));
}

}  // namespace
}  // namespace pgweir::protocol
