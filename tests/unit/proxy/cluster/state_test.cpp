// Health, lag and rotation (semantics.md F).
#include "proxy/cluster/state.hpp"

#include <gtest/gtest.h>

#include "tests/unit/proxy/cluster/support.hpp"

namespace pgweir::cluster {
namespace {

using namespace testing;

TEST(State, UnknownIsOut) {
    Cluster c;
    EXPECT_EQ(c.rotation(kA), Rotation::unknown);
    c.answer(kB, replica_at(kStart));
    EXPECT_EQ(c.rotation(kB), Rotation::unknown);  // nothing to measure it by
    c.answer(kA, primary_at(kStart));
    EXPECT_EQ(c.rotation(kB), Rotation::unknown);
    c.answer(kB, replica_at(kStart));
    EXPECT_EQ(c.rotation(kB), Rotation::in);
    EXPECT_EQ(c.rotation(kA), Rotation::not_a_replica);
    EXPECT_EQ(c.rotation(kC), Rotation::unknown);
    EXPECT_EQ(c.state.primary(), kA);
}

TEST(State, AnIdlePrimaryHasNoLag) {
    Cluster c;
    for (int i = 0; i < 200; ++i) c.round(kStart, kStart, kStart);
    EXPECT_EQ(c.rotation(kB), Rotation::in);
    EXPECT_LE(c.state.view(kB).lag_time, milliseconds(1));
    EXPECT_EQ(c.state.view(kB).lag_bytes, 0U);
    EXPECT_EQ(c.count(EventKind::server_out), 0);
}

// The sample's age alone must not keep out a replica that has everything, even with a limit near the interval.
TEST(State, TheProbesPaceIsNotLag) {
    Cluster c({.time = milliseconds(600), .bytes = 0});
    for (int i = 0; i < 20; ++i) {
        c.answer(kB, replica_at(kStart));  // asked just before the primary: the newest sample is half a second old
        c.answer(kA, primary_at(kStart));
        c.pass(500);
    }
    EXPECT_EQ(c.rotation(kB), Rotation::in);
    EXPECT_EQ(c.count(EventKind::server_out), 0);
}

// Semantics.md E: after pg_switch_wal the primary is at 0/4000028 and the replica stays at 0/4000000.
TEST(State, ASwitchOfTheWalIsNoLag) {
    Cluster c;
    ProbeResult a = primary_at(0x4000028);
    a.flushed = Lsn{0x4000000};
    for (int i = 0; i < 20; ++i) {
        c.answer(kA, a);
        c.answer(kB, replica_at(0x4000000));
        EXPECT_EQ(c.state.view(kB).current_at, at(c.now)) << "it has all that the primary has";
        c.pass(500);
    }
    EXPECT_EQ(c.rotation(kB), Rotation::in);
    EXPECT_EQ(c.state.view(kB).lag_bytes, 0U);
    EXPECT_LE(c.state.view(kB).lag_time, milliseconds(1));
}

// What a primary has logged and not flushed it has sent to nobody (seen on 15: pruning by a statement that then fails stays so
// until something commits, or for half a minute). That is no lag; but for how old a read may be it counts, because a commit
// with synchronous_commit = off is seen before it is flushed.
TEST(State, WhatThePrimaryHasNotFlushedIsNoLag) {
    Cluster c;
    ProbeResult a = primary_at(kStart + 72);
    a.flushed = Lsn{kStart};
    for (int i = 0; i < 20; ++i) {
        c.answer(kA, a);
        c.answer(kB, replica_at(kStart));
        EXPECT_EQ(c.rotation(kB), Rotation::in) << i;
        c.pass(500);
    }
    EXPECT_EQ(c.state.view(kB).lag_bytes, 0U);
    EXPECT_LE(c.state.view(kB).lag_time, milliseconds(1));
    EXPECT_FALSE(c.state.view(kB).current_at) << "nothing shows that it has all that can be seen on the primary";
    c.answer(kA, primary_at(kStart + 72));
    c.answer(kB, replica_at(kStart + 72));
    EXPECT_TRUE(c.state.view(kB).current_at);
}

// Seen on 15: a failed statement had logged beyond a page's end. The page is flushed, sent, and received; the record that goes
// on behind it no replica can replay before the rest is flushed.
TEST(State, HalfARecordIsNoLag) {
    for (const bool from_the_beginning : {false, true}) {
        Cluster c;
        if (!from_the_beginning) c.round(0x3016188, 0x3016188, 0x3016188);
        ProbeResult a = primary_at(0x3018508);
        a.flushed = Lsn{0x3018000};
        for (int i = 0; i < 40; ++i) {
            c.answer(kA, a);
            c.answer(kB, replica_at(0x3016188));
            EXPECT_EQ(c.rotation(kB), Rotation::in) << i;
            EXPECT_EQ(c.state.view(kB).lag_bytes, 0U);
            EXPECT_LE(c.state.view(kB).lag_time, milliseconds(501));
            c.pass(500);
        }
        c.answer(kA, primary_at(0x3018508));  // flushed at last
        c.answer(kB, replica_at(0x3016188));
        EXPECT_EQ(c.state.view(kB).lag_bytes, 0x3018508U - 0x3016188U);
        c.answer(kB, replica_at(0x3018508));
        EXPECT_EQ(c.state.view(kB).lag_bytes, 0U);
    }
}

// What was committed before the page's end is missed all the same, but for what one record can be long.
TEST(State, HalfARecordHidesNoMoreThanARecord) {
    Cluster c;
    c.round(0x3000100, 0x3000100, 0x3000100);
    ProbeResult a = primary_at(0x3080508);
    a.flushed = Lsn{0x3080000};
    for (int i = 0; i < 4; ++i) {
        c.answer(kA, a);
        c.answer(kB, replica_at(0x3000100));
        c.answer(kC, replica_at(0x307E188));
        c.pass(500);
    }
    EXPECT_EQ(c.rotation(kB), Rotation::lagging);
    EXPECT_EQ(c.rotation(kC), Rotation::in);
}

// A primary that writes without waiting for the flush may be seen at a page's end every time.
TEST(State, ABusyPrimaryAtPageEndsIsMeasured) {
    Cluster c;
    c.round(0x3000100, 0x3000100, 0x3000100);
    std::uint64_t lsn = 0x3002000;
    for (int i = 0; i < 10; ++i, lsn += 8192) {
        ProbeResult a = primary_at(lsn + 100);
        a.flushed = Lsn{lsn};
        c.answer(kA, a);
        c.answer(kB, replica_at(0x3000100));
        c.answer(kC, replica_at(lsn));
        EXPECT_EQ(c.rotation(kB), i < 1 ? Rotation::in : Rotation::lagging) << i;
        EXPECT_EQ(c.rotation(kC), Rotation::in);
        c.pass(500);
    }
}

TEST(State, WhatWasReadBeforeTheUnflushedIsAsOldAsItIs) {
    Cluster c;
    c.answer(kA, primary_at(kStart));
    c.answer(kB, replica_at(kStart));
    const auto before = c.state.view(kB).current_at;
    ASSERT_TRUE(before);
    ProbeResult a = primary_at(kStart + 72);
    a.flushed = Lsn{kStart};
    for (int i = 0; i < 6; ++i) {
        c.pass(500);
        c.answer(kA, a);
        c.answer(kB, replica_at(kStart));
    }
    EXPECT_EQ(c.state.view(kB).current_at, before);
    EXPECT_LE(c.state.view(kB).lag_time, milliseconds(1));
}

// F: with a paused replay or a dead receiver the replica's own reports look well; its position against the ring does
// not.
TEST(State, APausedReplayOrADeadReceiverGoesOutByTime) {
    for (const bool paused : {true, false}) {
        Cluster c;
        std::uint64_t lsn = kStart;
        for (int i = 0; i < 4; ++i, lsn += 100) c.round(lsn, lsn, lsn);
        const std::uint64_t stuck = lsn - 100;
        int out_after = 0;
        for (int i = 1; i <= 6 && out_after == 0; ++i, lsn += 100) {
            ProbeResult b = replica_at(stuck);
            b.replay_paused = paused;
            c.answer(kA, primary_at(lsn));
            c.answer(kB, b);
            c.answer(kC, replica_at(lsn));
            if (c.rotation(kB) != Rotation::in) out_after = i;
            c.pass(500);
        }
        EXPECT_EQ(c.rotation(kB), Rotation::lagging);
        EXPECT_EQ(out_after, 2);  // 1001 ms behind
        EXPECT_EQ(c.state.view(kB).replay_paused, paused);
        const std::string cause = c.cause(EventKind::server_out);
        EXPECT_TRUE(cause.starts_with("lag ")) << cause;
        EXPECT_EQ(cause.ends_with(", its replay is paused"), paused) << cause;
        EXPECT_EQ(c.rotation(kC), Rotation::in);
    }
}

TEST(State, AReplicaIsPausedButThePrimaryIsIdle) {
    Cluster c;
    for (int i = 0; i < 20; ++i) {
        ProbeResult b = replica_at(kStart);
        b.replay_paused = true;
        c.answer(kA, primary_at(kStart));
        c.answer(kB, b);
        c.pass(500);
    }
    EXPECT_EQ(c.rotation(kB), Rotation::in);  // it has everything
}

TEST(State, OutAtOnceByBytesAndBackAfterThree) {
    Cluster c;
    c.round(kStart, kStart, kStart);
    c.round(kStart + (2U << 20), kStart + 100, kStart + (2U << 20));
    EXPECT_EQ(c.rotation(kB), Rotation::lagging);
    const std::uint64_t now = kStart + (2U << 20);
    c.round(now, now, now);
    c.round(now, now, now);
    EXPECT_EQ(c.rotation(kB), Rotation::lagging);
    c.round(now, now, now);
    EXPECT_EQ(c.rotation(kB), Rotation::in);
}

TEST(State, FlappingAroundTheLimitStaysOut) {
    Cluster c;
    std::uint64_t lsn = kStart;
    c.round(lsn, lsn, lsn);
    (void)c.kinds();
    for (int i = 0; i < 30; ++i) {
        lsn += 4U << 20;
        const std::uint64_t behind = i % 3 == 0 ? 2U << 20 : 0;  // two good ones between the bad
        c.round(lsn, lsn - behind, lsn);
    }
    const std::vector<EventKind> kinds = c.kinds();
    EXPECT_EQ(std::count(kinds.begin(), kinds.end(), EventKind::server_out), 1);
    EXPECT_EQ(std::count(kinds.begin(), kinds.end(), EventKind::server_in), 0);
}

TEST(State, AReplicaFarBehindFromTheStartNeverServes) {
    Cluster c({.time = std::chrono::seconds(1), .bytes = 0});
    for (int i = 0; i < 10; ++i) {
        c.round(kStart + static_cast<std::uint64_t>(i) * 1'000, 0x1000, kStart);
        EXPECT_NE(c.rotation(kB), Rotation::in) << i;
    }
    EXPECT_EQ(c.rotation(kB), Rotation::lagging);
    EXPECT_FALSE(c.state.view(kB).lag_time);
}

TEST(State, AFailedProbeIsOutAndTheNextAnswerIn) {
    Cluster c;
    c.round(kStart, kStart, kStart);
    c.fail(kB);
    EXPECT_EQ(c.rotation(kB), Rotation::unreachable);
    EXPECT_EQ(c.state.view(kB).last_error, "refused");
    EXPECT_FALSE(c.state.view(kB).lag_bytes);
    c.answer(kB, replica_at(kStart));
    EXPECT_EQ(c.rotation(kB), Rotation::in);
    EXPECT_EQ(c.state.view(kB).last_error, "");
}

TEST(State, ALaggingOneDoesNotComeBackByFailing) {
    Cluster c;
    c.round(kStart, kStart, kStart);
    c.round(kStart + (2U << 20), kStart, kStart + (2U << 20));
    c.fail(kB);
    c.answer(kB, replica_at(kStart + (2U << 20)));
    EXPECT_EQ(c.rotation(kB), Rotation::lagging);
}

TEST(State, SilenceIsOut) {
    Cluster c;
    c.round(kStart, kStart, kStart);
    for (int i = 0; i < 3; ++i) {
        c.answer(kA, primary_at(kStart));
        c.answer(kC, replica_at(kStart));
        c.pass(500);
    }
    EXPECT_EQ(c.rotation(kB), Rotation::in);  // 2 s: an interval and a timeout
    c.pass(10);
    EXPECT_EQ(c.rotation(kB), Rotation::unknown);
    EXPECT_EQ(c.rotation(kC), Rotation::in);
}

TEST(State, ATrafficFailureHoldsUntilAProbeStartedLater) {
    Cluster c;
    c.round(kStart, kStart, kStart);
    const TimePoint before = at(c.now);
    c.now += 5;
    c.traffic_failure(kB);
    EXPECT_EQ(c.rotation(kB), Rotation::unreachable);
    c.state.on_probe(kB, replica_at(kStart), before, at(c.now + 1));  // asked before the failure
    EXPECT_EQ(c.rotation(kB), Rotation::unreachable);
    c.now += 2;
    c.answer(kB, replica_at(kStart));
    EXPECT_EQ(c.rotation(kB), Rotation::in);
}

// F.6
TEST(State, MembershipFreezesWithoutThePrimary) {
    Cluster c;
    std::uint64_t lsn = kStart;
    for (int i = 0; i < 4; ++i, lsn += 100) c.round(lsn, lsn, lsn);
    c.round(lsn + (2U << 20), lsn + (2U << 20), lsn);  // c lags
    ASSERT_EQ(c.rotation(kC), Rotation::lagging);
    c.fail(kA);
    for (int i = 0; i < 20; ++i) {
        c.answer(kB, replica_at(lsn + 50));  // behind the newest sample, and that grows old
        c.answer(kC, replica_at(lsn + (2U << 20)));
        c.pass(500);
        c.fail(kA);
    }
    EXPECT_EQ(c.rotation(kB), Rotation::in);
    EXPECT_EQ(c.rotation(kC), Rotation::lagging);
    EXPECT_EQ(c.state.primary(), kA);  // the last known one
    EXPECT_EQ(c.rotation(kA), Rotation::unreachable);
    c.traffic_failure(kB);  // a reset connection does not cost the last replica
    EXPECT_EQ(c.rotation(kB), Rotation::unreachable);
    c.now += 2;
    c.answer(kB, replica_at(lsn + 50));
    EXPECT_EQ(c.rotation(kB), Rotation::in);
}

// The primary hangs: until its probe times out, its last sample only grows old.
TEST(State, AHangingPrimaryDoesNotSendItsReplicasAway) {
    Cluster c;
    for (int i = 0; i < 4; ++i) c.round(kStart, kStart, kStart);
    (void)c.kinds();
    for (int i = 0; i < 5; ++i) {
        c.answer(kB, replica_at(kStart));
        c.answer(kC, replica_at(kStart));
        c.pass(500);
    }
    EXPECT_EQ(c.rotation(kA), Rotation::unknown);
    EXPECT_EQ(c.rotation(kB), Rotation::in);
    EXPECT_EQ(c.count(EventKind::server_out), 0);
}

TEST(State, AZeroWeightNeverServes) {
    std::vector<config::Server> servers = Cluster::servers();
    servers[1].weight = 0;
    ClusterState state("main", servers, {});
    state.on_probe(kA, primary_at(kStart), at(0), at(1));
    state.on_probe(kB, replica_at(kStart), at(0), at(1));
    EXPECT_EQ(state.view(kB).rotation, Rotation::zero_weight);
    EXPECT_EQ(state.view(kB).lag_bytes, 0U);  // still measured
}

TEST(State, SnapshotsHaveGrowingVersionsAndEveryFact) {
    Cluster c;
    c.round(kStart, kStart, kStart - 8);
    const auto first = c.state.snapshot();
    const auto second = c.state.snapshot();
    EXPECT_EQ(second->version, first->version + 1);
    EXPECT_EQ(first->cluster, "main");
    ASSERT_EQ(first->servers.size(), 3U);
    EXPECT_EQ(first->primary, kA);
    EXPECT_TRUE(first->in_rotation(kB));
    EXPECT_FALSE(first->in_rotation(kA));
    EXPECT_EQ(first->servers[1].name, "b");
    EXPECT_EQ(first->servers[1].server_version, 150'000U);
    EXPECT_EQ(first->servers[1].system_identifier, kSystem);
    EXPECT_EQ(first->servers[2].position, Lsn{kStart - 8});
    EXPECT_TRUE(first->servers[2].reachable);
}

TEST(State, EventsAreOneLineEach) {
    Cluster c;
    c.round(kStart, kStart, kStart);
    (void)c.kinds();
    c.state.on_probe_failed(kB, ProbeFailure::refused, "no \"route\"\nto\\host", at(c.now));
    const std::vector<Event> events = c.state.take_events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(format_event(events[0], "main", "b"),
              "event=server_out cluster=main server=b from=in to=unreachable cause=\"no \\\"route\\\" to\\\\host\"");
    EXPECT_TRUE(c.state.take_events().empty());
}

}  // namespace
}  // namespace pgweir::cluster
