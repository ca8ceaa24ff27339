#include "config/url.hpp"

#include <gtest/gtest.h>

namespace pgweir::config {
namespace {

TEST(Url, WhatIsOne) {
    const auto plain = parse_url("http://10.0.0.1:8008");
    ASSERT_TRUE(plain);
    EXPECT_FALSE(plain->tls);
    EXPECT_EQ(plain->host, "10.0.0.1");
    EXPECT_EQ(plain->port, 8008);
    EXPECT_EQ(plain->path, "");
    const auto encrypted = parse_url("https://[fd00::1]/patroni/api/");
    ASSERT_TRUE(encrypted);
    EXPECT_TRUE(encrypted->tls);
    EXPECT_EQ(encrypted->host, "fd00::1");
    EXPECT_EQ(encrypted->port, 443);
    EXPECT_EQ(encrypted->path, "/patroni/api");
    EXPECT_EQ(parse_url("http://db_1.example-2.net")->port, 80);
}

TEST(Url, WhatIsNone) {
    for (const char* text : {"", "10.0.0.1:8008", "ftp://h", "http://", "http://:80", "http://h:", "http://h:0", "http://h:65536", "http://h:1x",
                             "http://user@h", "http://h/a b", "http://h/?q", "http://h/#f", "http://[::1", "http://[h]", "http://h\r\n"}) {
        EXPECT_FALSE(parse_url(text)) << text;
    }
}

}  // namespace
}  // namespace pgweir::config
