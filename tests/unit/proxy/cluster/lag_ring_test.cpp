// semantics.md F.1 and F.3.
#include "proxy/cluster/lag_ring.hpp"

#include <gtest/gtest.h>

#include "tests/unit/proxy/cluster/support.hpp"

namespace pgweir::cluster {
namespace {

using std::chrono::milliseconds;
using testing::at;

LagRing ten_samples() {
    LagRing ring(std::chrono::seconds(30));
    for (int i = 0; i < 10; ++i) ring.add(at(i * 500), Lsn{1'000 + static_cast<std::uint64_t>(i) * 100});
    return ring;
}

TEST(LagRing, KnowsNothingWithoutSamples) {
    const LagRing ring(std::chrono::seconds(30));
    EXPECT_EQ(ring.measure(Lsn{5}, at(0)), Lag{});
}

TEST(LagRing, IsTheAgeOfTheNewestReplayedSample) {
    const LagRing ring = ten_samples();  // the newest: 1900 at 4500
    const struct {
        std::uint64_t replayed;
        int time_ms;  // -1: none
        std::uint64_t bytes;
    } cases[] = {{1900, 100, 0},    {5000, 100, 0},    {1899, 600, 1}, {1800, 600, 100},
                 {1450, 2600, 450}, {1000, 4600, 900}, {999, -1, 901}, {0, -1, 1900}};
    for (const auto& c : cases) {
        const Lag lag = ring.measure(Lsn{c.replayed}, at(4'600));
        EXPECT_EQ(lag.bytes, c.bytes) << c.replayed;
        if (c.time_ms < 0) {
            EXPECT_FALSE(lag.time) << c.replayed;
        } else {
            EXPECT_EQ(lag.time, milliseconds(c.time_ms)) << c.replayed;
        }
    }
}

TEST(LagRing, AnIdlePrimaryCostsOneEntryAndShowsNoLag) {
    LagRing ring(std::chrono::seconds(30));
    for (int i = 0; i <= 7'200; ++i) ring.add(at(i * 500), Lsn{777});
    EXPECT_EQ(ring.size(), 1U);
    const Lag lag = ring.measure(Lsn{777}, at(7'200 * 500 + 3));
    EXPECT_EQ(lag.time, milliseconds(3));
    EXPECT_EQ(lag.bytes, 0U);
}

TEST(LagRing, StaysBoundedAndCoversItsWindow) {
    LagRing ring(std::chrono::seconds(30));
    int now = 0;
    for (std::uint64_t i = 0; i < 200'000; ++i) ring.add(at(now += 2), Lsn{i});
    EXPECT_LE(ring.size(), 2 * 4096U + 2);
    EXPECT_LE(ring.oldest(), at(now - 30'000));
    EXPECT_GE(ring.oldest(), at(now - 31'000));
    EXPECT_EQ(ring.newest_position(), Lsn{199'999});
}

// Thinning may make lag look longer, by no more than a sample's share of the window, and never shorter.
TEST(LagRing, ThinningNeverFlattersAReplica) {
    LagRing ring(std::chrono::seconds(30));
    for (int i = 0; i < 20'000; ++i) ring.add(at(i), Lsn{static_cast<std::uint64_t>(i)});
    for (int replayed = 500; replayed < 20'000; replayed += 77) {
        const Lag lag = ring.measure(Lsn{static_cast<std::uint64_t>(replayed)}, at(20'000));
        ASSERT_TRUE(lag.time) << replayed;
        EXPECT_GE(*lag.time, milliseconds(20'000 - replayed)) << replayed;
        EXPECT_LE(*lag.time, milliseconds(20'000 - replayed + 20)) << replayed;
    }
}

TEST(LagRing, StartsAnewWithAnotherHistory) {
    LagRing ring = ten_samples();
    ring.add(at(5'000), Lsn{500});
    EXPECT_EQ(ring.size(), 1U);
    EXPECT_EQ(ring.newest_position(), Lsn{500});
    ring.clear();
    EXPECT_TRUE(ring.empty());
}

}  // namespace
}  // namespace pgweir::cluster
