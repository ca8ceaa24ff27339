// Samples, epochs and incarnations in the snapshots (semantics.md E).
#include <gtest/gtest.h>

#include "proxy/cluster/state.hpp"
#include "tests/unit/proxy/cluster/support.hpp"

namespace pgweir::cluster {
namespace {

using namespace testing;

ProbeResult numbered(std::uint64_t number, ProbeResult result) {
    result.number = number;
    return result;
}

TEST(Epoch, TheFirstPrimaryBeginsOneAndItsSamplesAreNormalised) {
    Cluster c;
    EXPECT_EQ(c.state.snapshot()->epoch, 0U);
    c.answer(kB, numbered(1, replica_at(kStart)));
    EXPECT_TRUE(c.state.snapshot()->samples.empty());  // a replica's position is no sample
    c.answer(kA, numbered(2, primary_at(0x3000018)));  // behind the header of an empty page
    c.answer(kA, numbered(3, primary_at(0x4000028)));  // and of an empty segment
    const auto snapshot = c.state.snapshot();
    EXPECT_EQ(snapshot->epoch, 1U);
    EXPECT_EQ(snapshot->samples.at_or_after(1), Lsn{0x3000000});
    EXPECT_EQ(snapshot->samples.at_or_after(3), Lsn{0x4000000});
    EXPECT_FALSE(snapshot->samples.at_or_after(4));
}

TEST(Epoch, APromotionBeginsAnotherWithoutTheOldSamples) {
    Cluster c;
    c.answer(kA, numbered(1, primary_at(kStart)));
    c.fail(kA);
    EXPECT_EQ(c.state.snapshot()->epoch, 1U);  // gone, but no other is known
    c.answer(kB, numbered(2, primary_at(kStart - 50, 2)));
    auto snapshot = c.state.snapshot();
    EXPECT_EQ(snapshot->epoch, 2U);
    EXPECT_EQ(snapshot->samples.at_or_after(1), Lsn{kStart - 50});
    c.answer(kA, numbered(3, primary_at(kStart + 9'000, 1)));  // the old one is fenced: no sample of it counts
    snapshot = c.state.snapshot();
    EXPECT_EQ(snapshot->epoch, 2U);
    EXPECT_FALSE(snapshot->samples.at_or_after(3));
}

TEST(Epoch, ThePrimarysOwnTimelineOrAStepBackBeginsAnother) {
    Cluster c;
    c.answer(kA, numbered(1, primary_at(kStart)));
    c.answer(kA, numbered(2, primary_at(kStart + 10)));
    EXPECT_EQ(c.state.snapshot()->epoch, 1U);
    c.answer(kA, numbered(3, primary_at(kStart + 20, 2)));  // demoted and promoted between two probes
    EXPECT_EQ(c.state.snapshot()->epoch, 2U);
    EXPECT_EQ(c.state.snapshot()->samples.size(), 1U);
    c.answer(kA, numbered(4, primary_at(kStart + 5, 2)));  // lost in a crash what it had not flushed
    EXPECT_EQ(c.state.snapshot()->epoch, 3U);
    EXPECT_EQ(c.state.snapshot()->samples.at_or_after(1), Lsn{kStart + 5});
    c.answer(kA, numbered(5, primary_at(kStart + 5, 2)));
    EXPECT_EQ(c.state.snapshot()->epoch, 3U);
}

TEST(Epoch, ADemotedPrimaryThatReturnsBeginsAnother) {
    Cluster c;
    c.answer(kA, numbered(1, primary_at(kStart)));
    c.answer(kA, numbered(2, replica_at(kStart)));
    EXPECT_FALSE(c.state.primary());
    c.answer(kA, numbered(3, primary_at(kStart)));
    EXPECT_EQ(c.state.snapshot()->epoch, 2U);
    EXPECT_EQ(c.state.snapshot()->samples.at_or_after(1), Lsn{kStart});
}

TEST(Incarnation, GrowsWheneverAServerWasLostOrWentBack) {
    Cluster c;
    c.round(kStart, kStart, kStart);
    const std::uint32_t first = c.state.view(kB).incarnation;
    c.round(kStart + 10, kStart + 10, kStart + 10);
    EXPECT_EQ(c.state.view(kB).incarnation, first);
    c.fail(kB);
    EXPECT_EQ(c.state.view(kB).incarnation, first + 1);
    c.answer(kB, replica_at(kStart + 10));
    c.traffic_failure(kB);
    EXPECT_EQ(c.state.view(kB).incarnation, first + 2);
    c.pass(10);
    c.answer(kB, replica_at(kStart + 10));
    EXPECT_EQ(c.state.view(kB).incarnation, first + 2);
    c.answer(kB, replica_at(kStart + 5));  // a restart that nobody saw
    EXPECT_EQ(c.state.view(kB).incarnation, first + 3);
}

TEST(Arrivals, GrowWhenAReplicaComesIntoRotation) {
    Cluster c;
    c.round(kStart, kStart, kStart);
    c.round(kStart, kStart, kStart);
    const std::uint64_t before = c.state.snapshot()->arrivals;
    c.round(kStart, kStart, kStart);
    EXPECT_EQ(c.state.snapshot()->arrivals, before);
    c.fail(kB);
    EXPECT_EQ(c.state.snapshot()->arrivals, before);
    c.answer(kB, replica_at(kStart));
    EXPECT_EQ(c.state.snapshot()->arrivals, before + 1);
}

}  // namespace
}  // namespace pgweir::cluster
