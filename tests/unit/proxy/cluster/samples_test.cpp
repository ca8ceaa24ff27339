#include "proxy/cluster/samples.hpp"

#include <gtest/gtest.h>

namespace pgweir::cluster {
namespace {

TEST(SampleRing, AnswersWithTheFirstSampleThatIsLateEnough) {
    SampleRing ring;
    EXPECT_FALSE(ring.at_or_after(1));
    ring.add(3, Lsn{100});
    ring.add(7, Lsn{200});
    ring.add(9, Lsn{300});
    EXPECT_EQ(ring.at_or_after(1), Lsn{100});
    EXPECT_EQ(ring.at_or_after(3), Lsn{100});
    EXPECT_EQ(ring.at_or_after(4), Lsn{200});
    EXPECT_EQ(ring.at_or_after(7), Lsn{200});
    EXPECT_EQ(ring.at_or_after(8), Lsn{300});
    EXPECT_EQ(ring.at_or_after(9), Lsn{300});
    EXPECT_FALSE(ring.at_or_after(10));  // not completed: nothing is known
    EXPECT_EQ(ring.newest(), Lsn{300});
}

TEST(SampleRing, AnIdlePrimaryCostsOneEntryAndEveryNeedIsAnswered) {
    SampleRing ring;
    ring.add(1, Lsn{100});
    for (std::uint64_t number = 2; number < 1000; ++number) ring.add(number, Lsn{200});
    EXPECT_EQ(ring.size(), 2U);
    EXPECT_EQ(ring.at_or_after(1), Lsn{100});
    EXPECT_EQ(ring.at_or_after(500), Lsn{200});
    EXPECT_FALSE(ring.at_or_after(1000));
}

TEST(SampleRing, WhatHasBeenDroppedIsAnsweredByTheOldestThatIsLeft) {
    SampleRing ring;
    for (std::uint64_t number = 1; number <= 100; ++number) ring.add(number, Lsn{number * 10});
    EXPECT_EQ(ring.size(), SampleRing::kSize);
    const std::uint64_t oldest = 100 - SampleRing::kSize + 1;
    EXPECT_EQ(ring.at_or_after(1), Lsn{oldest * 10});
    EXPECT_EQ(ring.at_or_after(oldest), Lsn{oldest * 10});
    EXPECT_EQ(ring.at_or_after(oldest + 1), Lsn{(oldest + 1) * 10});
    EXPECT_EQ(ring.at_or_after(100), Lsn{1000});
    ring.clear();
    EXPECT_TRUE(ring.empty());
    EXPECT_FALSE(ring.at_or_after(1));
}

TEST(SampleClock, TheNextNumberIsOneThatNobodyHas) {
    SampleClock clock;
    EXPECT_EQ(clock.next(), 1U);
    EXPECT_EQ(clock.started.fetch_add(1) + 1, 1U);
    EXPECT_EQ(clock.next(), 2U);
}

}  // namespace
}  // namespace pgweir::cluster
