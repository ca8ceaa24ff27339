// Roles, timelines and identities (semantics.md F.7 and G).
#include <gtest/gtest.h>

#include "proxy/cluster/state.hpp"
#include "tests/unit/proxy/cluster/support.hpp"

namespace pgweir::cluster {
namespace {

using namespace testing;

TEST(Roles, APromotionMovesThePrimaryAndWaitsForTheOthersTimeline) {
    Cluster c;
    for (int i = 0; i < 3; ++i) c.round(kStart, kStart, kStart);
    c.fail(kA);
    EXPECT_EQ(c.state.primary(), kA);
    (void)c.kinds();
    c.answer(kB, primary_at(kStart + 200, 2));
    EXPECT_EQ(c.state.primary(), kB);
    EXPECT_EQ(c.rotation(kB), Rotation::not_a_replica);
    EXPECT_EQ(c.rotation(kC), Rotation::unknown);  // still on the old timeline
    EXPECT_EQ(c.count(EventKind::primary_changed), 1);
    c.answer(kC, replica_at(kStart + 300, 1));  // positions of two timelines do not compare
    EXPECT_EQ(c.rotation(kC), Rotation::unknown);
    EXPECT_FALSE(c.state.view(kC).lag_bytes);
    c.pass(500);
    c.answer(kB, primary_at(kStart + 400, 2));
    c.answer(kC, replica_at(kStart + 100, 2));  // follows, but has nothing of the new history yet: not proven
    EXPECT_EQ(c.rotation(kC), Rotation::unknown);
    c.answer(kC, replica_at(kStart + 400, 2));
    EXPECT_EQ(c.rotation(kC), Rotation::in);
}

TEST(Roles, AnOldPrimaryThatComesBackIsFencedWithOneAlarm) {
    Cluster c;
    c.round(kStart, kStart, kStart);
    c.fail(kA);
    c.answer(kB, primary_at(kStart + 200, 2));
    (void)c.kinds();
    for (int i = 0; i < 5; ++i) c.answer(kA, primary_at(kStart + 9'000, 1));
    EXPECT_EQ(c.state.primary(), kB);
    EXPECT_EQ(c.rotation(kA), Rotation::fenced);
    EXPECT_TRUE(c.state.snapshot()->barred(kA));
    EXPECT_EQ(c.count(EventKind::alarm), 1);
    // Even when the new one is lost: a lower timeline is never accepted again.
    c.fail(kB);
    c.answer(kA, primary_at(kStart + 9'000, 1));
    EXPECT_EQ(c.state.primary(), kB);
    // Rebuilt as a replica of the new one it is welcome, and a later split alarms again.
    c.answer(kB, primary_at(kStart + 9'000, 2));
    c.answer(kA, replica_at(kStart + 9'000, 2));
    EXPECT_EQ(c.rotation(kA), Rotation::in);
    (void)c.kinds();
    c.answer(kA, primary_at(kStart + 9'000, 2));
    EXPECT_EQ(c.count(EventKind::alarm), 2);  // about both: they are on one timeline
}

// A promotion begins a timeline, so one of the two is not what it seems, and nothing says which.
TEST(Roles, OfTwoPrimariesOfOneTimelineNeitherGetsWrites) {
    Cluster c;
    c.answer(kA, primary_at(kStart));
    (void)c.kinds();
    for (int i = 0; i < 3; ++i) {
        c.answer(kB, primary_at(kStart));
        c.answer(kA, primary_at(kStart));
    }
    EXPECT_FALSE(c.state.primary());
    EXPECT_EQ(c.rotation(kA), Rotation::fenced);
    EXPECT_EQ(c.rotation(kB), Rotation::fenced);
    EXPECT_EQ(c.count(EventKind::alarm), 2);  // one about each, once
}

TEST(Roles, TheFirstOfTwoPrimariesComesBackWhenTheOtherIsGone) {
    for (const bool as_replica : {false, true}) {
        Cluster c;
        c.answer(kA, primary_at(kStart));
        c.answer(kB, primary_at(kStart));
        as_replica ? c.answer(kB, replica_at(kStart)) : c.fail(kB);
        c.answer(kA, primary_at(kStart));
        EXPECT_EQ(c.state.primary(), kA);
    }
}

TEST(Roles, TheSecondOfTwoPrimariesNeedsTheFirstToSayThatItIsNone) {
    Cluster c;
    c.answer(kA, primary_at(kStart));
    c.answer(kB, primary_at(kStart));
    c.fail(kA);  // away is not gone
    c.answer(kB, primary_at(kStart));
    EXPECT_FALSE(c.state.primary());
    c.answer(kA, replica_at(kStart));
    c.answer(kB, primary_at(kStart));
    EXPECT_EQ(c.state.primary(), kB);
}

TEST(Roles, ASecondPrimaryDoesNotTakeThePlaceOfOneThatIsAway) {
    Cluster c;
    c.answer(kA, primary_at(kStart));
    c.fail(kA);
    c.answer(kB, primary_at(kStart));
    EXPECT_EQ(c.state.primary(), kA);
    EXPECT_FALSE(c.state.snapshot()->serving_primary());
    EXPECT_EQ(c.rotation(kB), Rotation::fenced);
    c.answer(kB, primary_at(kStart, 2));  // promoted for real
    EXPECT_EQ(c.state.primary(), kB);
}

TEST(Roles, APrimaryThatWentBackInTimeIsFenced) {
    Cluster c;
    c.answer(kA, primary_at(kStart, 3));
    (void)c.kinds();
    c.answer(kA, primary_at(kStart, 2));  // restored from a backup, in place
    EXPECT_FALSE(c.state.primary());
    EXPECT_EQ(c.rotation(kA), Rotation::fenced);
    EXPECT_EQ(c.kinds(), (std::vector{EventKind::primary_lost, EventKind::alarm, EventKind::server_state}));
}

TEST(Roles, WhatWasKnownBeforeARestartStillCounts) {
    const Memory memory{.system_identifier = kSystem, .timeline = 2};
    ClusterState state("main", Cluster::servers(), {}, memory);
    state.on_probe(kA, primary_at(kStart, 1), at(0), at(1));
    EXPECT_FALSE(state.primary());
    EXPECT_EQ(state.view(kA).rotation, Rotation::fenced);
    ProbeResult foreign = primary_at(kStart, 9);
    foreign.system_identifier = 42;
    state.on_probe(kC, foreign, at(0), at(1));
    EXPECT_FALSE(state.primary());
    EXPECT_EQ(state.view(kC).rotation, Rotation::wrong_system);
    EXPECT_EQ(state.memory(), memory);
    state.on_probe(kB, primary_at(kStart, 3), at(0), at(1));
    EXPECT_EQ(state.primary(), kB);
    EXPECT_EQ(state.memory(), (Memory{.system_identifier = kSystem, .timeline = 3}));
    EXPECT_EQ(state.snapshot()->primary_changes, 1U);
}

TEST(Roles, APrimaryThatIsAwayAndBackIsTwoEvents) {
    Cluster c;
    c.round(kStart, kStart, kStart);
    (void)c.kinds();
    c.fail(kA);
    c.fail(kA);
    EXPECT_EQ(c.count(EventKind::primary_away), 1);
    EXPECT_FALSE(c.state.snapshot()->serving_primary());
    c.answer(kA, primary_at(kStart));
    EXPECT_EQ(c.count(EventKind::primary_back), 1);
    EXPECT_EQ(c.state.snapshot()->serving_primary(), kA);
    c.fail(kA);
    (void)c.kinds();
    c.answer(kB, primary_at(kStart, 2));  // another one: that says it all
    const auto kinds = c.kinds();
    EXPECT_EQ(std::count(kinds.begin(), kinds.end(), EventKind::primary_back), 0);
    EXPECT_EQ(std::count(kinds.begin(), kinds.end(), EventKind::primary_changed), 1);
}

TEST(Roles, OfTwoPrimariesTheHigherTimelineWins) {
    Cluster c;
    c.answer(kA, primary_at(kStart, 3));
    c.answer(kB, primary_at(kStart, 4));
    EXPECT_EQ(c.state.primary(), kB);
    (void)c.kinds();
    c.answer(kA, primary_at(kStart, 3));
    EXPECT_EQ(c.state.primary(), kB);
    EXPECT_EQ(c.count(EventKind::alarm), 1);
}

TEST(Roles, ADemotedPrimaryIsNone) {
    Cluster c;
    c.round(kStart, kStart, kStart);
    (void)c.kinds();
    c.answer(kA, replica_at(kStart));
    EXPECT_FALSE(c.state.primary());
    EXPECT_FALSE(c.state.snapshot()->primary);
    EXPECT_EQ(c.count(EventKind::primary_lost), 1);
    EXPECT_EQ(c.rotation(kB), Rotation::in);   // frozen
    c.answer(kB, primary_at(kStart + 10, 1));  // a switchover by hand, without a new timeline
    EXPECT_EQ(c.state.primary(), kB);
}

TEST(Roles, ALostPrimaryStaysTheLastKnown) {
    Cluster c;
    c.round(kStart, kStart, kStart);
    c.traffic_failure(kA);
    EXPECT_EQ(c.state.primary(), kA);
    EXPECT_FALSE(c.state.view(kA).reachable);
    for (int i = 0; i < 10; ++i) {
        c.fail(kA);
        c.pass(500);
    }
    EXPECT_EQ(c.state.snapshot()->primary, kA);
}

// F.7
TEST(Roles, AnotherSystemIsOutWithOneAlarm) {
    Cluster c;
    c.round(kStart, kStart, kStart);
    (void)c.kinds();
    ProbeResult foreign = replica_at(kStart);
    foreign.system_identifier = 42;
    for (int i = 0; i < 10; ++i) {
        c.answer(kA, primary_at(kStart));
        c.answer(kC, foreign);
        c.pass(500);
        EXPECT_EQ(c.rotation(kC), Rotation::wrong_system);
    }
    c.fail(kC);
    EXPECT_EQ(c.rotation(kC), Rotation::wrong_system);
    EXPECT_EQ(c.count(EventKind::alarm), 1);
}

TEST(Roles, AForeignPrimaryIsNeverThePrimary) {
    Cluster c;
    c.answer(kA, primary_at(kStart));
    ProbeResult foreign = primary_at(kStart, 9);
    foreign.system_identifier = 42;
    c.answer(kB, foreign);
    EXPECT_EQ(c.state.primary(), kA);
    (void)c.kinds();
    c.answer(kA, foreign);  // somebody put another cluster in its place: no write may reach it
    EXPECT_FALSE(c.state.primary());
    EXPECT_EQ(c.rotation(kA), Rotation::wrong_system);
    EXPECT_EQ(c.kinds(), (std::vector{EventKind::primary_lost, EventKind::alarm, EventKind::server_state}));
}

// A timeline's samples say nothing about the next one.
TEST(Roles, TheRingStartsAnewWithATimeline) {
    Cluster c;
    c.round(kStart, kStart, kStart);
    c.answer(kA, primary_at(kStart + 5'000, 2));  // promoted in place, as after a point-in-time recovery
    c.answer(kB, replica_at(kStart, 2));
    EXPECT_FALSE(c.state.view(kB).lag_time);
    EXPECT_EQ(c.state.view(kB).lag_bytes, 5'000U);
}

}  // namespace
}  // namespace pgweir::cluster
