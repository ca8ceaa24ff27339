#include "config/network.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pgweir::config {
namespace {

std::string hex(const std::optional<Address>& address) {
    if (!address) return "-";
    std::string text;
    for (const std::uint8_t byte : address->bytes) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

TEST(Network, Addresses) {
    EXPECT_EQ(hex(parse_address("1.2.3.255")), "00000000000000000000ffff010203ff");
    EXPECT_EQ(hex(parse_address("::ffff:1.2.3.255")), "00000000000000000000ffff010203ff");
    EXPECT_EQ(hex(parse_address("::")), std::string(32, '0'));
    EXPECT_EQ(hex(parse_address("::1")), std::string(31, '0') + "1");
    EXPECT_EQ(hex(parse_address("fe80::A:b")), "fe8000000000000000000000000a000b");
    EXPECT_EQ(hex(parse_address("1:2:3:4:5:6:7:8")), "00010002000300040005000600070008");
    EXPECT_EQ(hex(parse_address("1:2:3:4:5:6:1.2.3.4")), "00010002000300040005000601020304");
    EXPECT_EQ(hex(parse_address("1::")), "0001" + std::string(28, '0'));
    EXPECT_EQ(hex(parse_address("1:2:3:4:5:6:7::")), "00010002000300040005000600070000");
}

TEST(Network, WhatIsNoAddress) {
    for (const char* text : {"",
                             "localhost",
                             "1.2.3",
                             "1.2.3.4.5",
                             "1.2.3.256",
                             "1.2.3.04",
                             "1.2.3.-4",
                             "1.2.3.+4",
                             "1.2.3.",
                             " 1.2.3.4",
                             "1.2.3.4 ",
                             "0x7f.0.0.1",
                             "2130706433",
                             ":",
                             ":::",
                             "1:::2",
                             "1::2::3",
                             "1:2:3:4:5:6:7",
                             "1:2:3:4:5:6:7:8:9",
                             "1:2:3:4:5:6:7:8::",
                             "12345::",
                             "g::",
                             "::1%lo",
                             "1.2.3.4::",
                             "1.2.3.4:1::",
                             "::1.2.3",
                             "-1::",
                             "1:",
                             ":1"}) {
        EXPECT_FALSE(parse_address(text)) << text;
        EXPECT_FALSE(parse_network(text)) << text;
    }
    for (const char* text : {"1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/08", "1.2.3.4/8/8", "::/129", "::/x",
                             "/8", "1.2.3.4/255.0.0.0"}) {
        EXPECT_FALSE(parse_network(text)) << text;
    }
}

TEST(Network, Contains) {
    struct Case {
        const char *network, *address;
        bool inside;
    };
    const Case cases[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.1.2.3/8", "10.9.9.9", true},
        {"10.0.0.0/8", "::ffff:10.1.1.1", true},
        {"::ffff:10.0.0.0/104", "10.1.1.1", true},
        {"10.0.0.1", "10.0.0.1", true},
        {"10.0.0.1", "10.0.0.2", false},
        {"10.0.0.128/25", "10.0.0.127", false},
        {"10.0.0.128/25", "10.0.0.200", true},
        {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "fe80::1", true},
        {"::/0", "8.8.8.8", false},
        {"fd00::/8", "fdff::1", true},
        {"fd00::/8", "fe00::1", false},
        {"fe80::/10", "febf::1", true},
        {"fe80::/10", "fec0::1", false},
        {"::1", "::1", true},
        {"::1", "::2", false},
        {"10.0.0.0/31", "10.0.0.1", true},
        {"10.0.0.0/31", "10.0.0.2", false},
    };
    for (const Case& c : cases) {
        const auto network = parse_network(c.network);
        ASSERT_TRUE(network) << c.network;
        EXPECT_EQ(network->contains(*parse_address(c.address)), c.inside) << c.network << ' ' << c.address;
    }
}

}  // namespace
}  // namespace pgweir::config
