#include "config/units.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace pgweir::config {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

struct Case {
    std::string_view text;
    std::optional<std::uint64_t> value;
};

TEST(Units, Durations) {
    const Case cases[] = {{"500ms", 500},
                          {"15s", 15'000},
                          {"2min", 120'000},
                          {"1h", 3'600'000},
                          {"1d", 86'400'000},
                          {"2 min", 120'000},
                          {"0s", 0},
                          {"99999999999999999999d", kMax},
                          {"213503982335d", kMax},  // the product does not fit
                          {"18446744073709551615ms", kMax},
                          {"", std::nullopt},
                          {"s", std::nullopt},
                          {"15", std::nullopt},
                          {"-5s", std::nullopt},
                          {"+5s", std::nullopt},
                          {" 5s", std::nullopt},
                          {"5s ", std::nullopt},
                          {"1.5s", std::nullopt},
                          {"5S", std::nullopt},
                          {"5m", std::nullopt},
                          {"5us", std::nullopt},
                          {"0x5s", std::nullopt},
                          {"5s5s", std::nullopt},
                          {"99999999999999999999", std::nullopt}};
    for (const Case& c : cases) EXPECT_EQ(parse_duration(c.text), c.value) << c.text;
}

TEST(Units, Sizes) {
    const Case cases[] = {{"7B", 7},
                          {"64kB", 65'536},
                          {"16MB", 16ULL << 20},
                          {"1GB", 1ULL << 30},
                          {"2TB", 2ULL << 40},
                          {"1 MB", 1ULL << 20},
                          {"16777216TB", kMax},  // 2^64
                          {"16777215TB", 16777215ULL << 40},
                          {"64KB", std::nullopt},
                          {"64k", std::nullopt},
                          {"64", std::nullopt},
                          {"64kB/s", std::nullopt},
                          {"-1kB", std::nullopt}};
    for (const Case& c : cases) EXPECT_EQ(parse_size(c.text), c.value) << c.text;
}

TEST(Units, FormatsInTheLargestUnitThatDivides) {
    EXPECT_EQ(format_duration(0), "0s");
    EXPECT_EQ(format_duration(1), "1ms");
    EXPECT_EQ(format_duration(1'500), "1500ms");
    EXPECT_EQ(format_duration(90'000), "90s");
    EXPECT_EQ(format_duration(120'000), "2min");
    EXPECT_EQ(format_duration(86'400'000), "1d");
    EXPECT_EQ(format_size(0), "0B");
    EXPECT_EQ(format_size(1'000), "1000B");
    EXPECT_EQ(format_size(65'536), "64kB");
    EXPECT_EQ(format_size(16ULL << 20), "16MB");
    EXPECT_EQ(format_size(1ULL << 40), "1TB");
}

TEST(Units, WhatIsFormattedParsesToTheSame) {
    for (std::uint64_t n = 1; n < (1ULL << 50); n = n * 3 + 1) {
        EXPECT_EQ(parse_duration(format_duration(n)), n);
        EXPECT_EQ(parse_size(format_size(n)), n);
    }
}

}  // namespace
}  // namespace pgweir::config
