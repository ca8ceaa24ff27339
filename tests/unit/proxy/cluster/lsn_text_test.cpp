#include "proxy/cluster/lsn_text.hpp"

#include <gtest/gtest.h>

namespace pgweir::cluster {
namespace {

TEST(LsnText, ReadsAndPrints) {
    const struct {
        const char* text;
        std::uint64_t value;
    } cases[] = {{"0/0", 0}, {"0/4000028", 0x4000028}, {"16/B374D848", 0x16B374D848}, {"FFFFFFFF/FFFFFFFF", ~0ULL}};
    for (const auto& c : cases) {
        ASSERT_TRUE(parse_lsn(c.text)) << c.text;
        EXPECT_EQ(parse_lsn(c.text)->value, c.value) << c.text;
        EXPECT_EQ(format_lsn(Lsn{c.value}), c.text);
    }
    EXPECT_EQ(parse_lsn("a/bc"), (Lsn{0xA000000BC}));
}

TEST(LsnText, RefusesAnythingElse) {
    for (const char* text : {"", "/", "0", "0/", "/0", "0/0/0", " 0/0", "0/0 ", "0/g", "-1/0", "0x1/0", "123456789/0",
                             "0/123456789", "0/+1"}) {
        EXPECT_FALSE(parse_lsn(text)) << text;
    }
}

// semantics.md E, the liveness trap: after pg_switch_wal the primary says 0/4000028, the replica that has everything
// 0/4000000.
TEST(LsnText, TakesThePageHeaderBack) {
    const struct {
        std::uint64_t inserted, normalised;
    } cases[] = {
        {0x4000028, 0x4000000},                          // a segment's first page
        {0x4002018, 0x4002000},                          // another page
        {0x4000018, 0x4000000}, {0x4002028, 0x4002028},  // 40 bytes into a page that begins no segment: a record
        {0x4000000, 0x4000000}, {0x4000100, 0x4000100}, {0, 0},
    };
    for (const auto& c : cases) EXPECT_EQ(normalise(Lsn{c.inserted}).value, c.normalised) << std::hex << c.inserted;
    EXPECT_EQ(normalise(Lsn{0x4100028}, 1U << 20).value, 0x4100000U);  // segments of 1 MiB
    EXPECT_EQ(normalise(Lsn{0x4100028}).value, 0x4100028U);
    EXPECT_EQ(normalise(Lsn{40}, 0).value, 40U);  // no size: no division by it
}

}  // namespace
}  // namespace pgweir::cluster
