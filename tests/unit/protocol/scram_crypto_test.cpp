#include "protocol/scram_crypto.hpp"

#include <gtest/gtest.h>

#include <string>

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
    EXPECT_EQ(hmac_sha256({}, {}).size(), kSha256Size);
    EXPECT_EQ(md5_hex("abc"), "900150983cd24fb0d6963f7d28e17f72");
}

}  // namespace
}  // namespace pgweir::protocol
