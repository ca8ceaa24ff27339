// read_preference = nearest, and what a bound on lag admits.
#include "proxy/cluster/nearest.hpp"

#include <gtest/gtest.h>

#include <array>

namespace pgweir::cluster {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

Snapshot world(std::initializer_list<int> round_trips) {
    Snapshot snapshot;
    for (const int round_trip : round_trips) {
        ServerView server;
        server.rotation = Rotation::in;
        server.round_trip = microseconds(round_trip);
        snapshot.servers.push_back(server);
    }
    snapshot.servers[0].rotation = Rotation::not_a_replica;
    snapshot.primary = HostIndex{0};
    return snapshot;
}

TEST(Nearest, KeepsThoseAboutAsFastAsTheFastest) {
    std::array<bool, 4> excluded{};
    EXPECT_DOUBLE_EQ(keep_nearest(world({9000, 400, 1300, 1500}), excluded, {}, true), 0);
    EXPECT_EQ(excluded, (std::array{false, false, false, true}));
    excluded = {};
    EXPECT_DOUBLE_EQ(keep_nearest(world({11'000, 10'000, 14'900, 15'100}), excluded, {}, true), 1.0 / 3);
    EXPECT_EQ(excluded, (std::array{false, false, false, true}));
}

TEST(Nearest, ThePrimaryMayBeTheOnlyOne) {
    std::array<bool, 3> excluded{};
    EXPECT_DOUBLE_EQ(keep_nearest(world({200, 5000, 6000}), excluded, {}, true), 1);
    EXPECT_EQ(excluded, (std::array{false, true, true}));
    excluded = {};
    EXPECT_DOUBLE_EQ(keep_nearest(world({200, 5000, 6000}), excluded, {}, false), 0);
    EXPECT_EQ(excluded, (std::array{false, false, false}));
}

TEST(Nearest, WhatIsExcludedOrNotAdmittedSetsNoMeasure) {
    Snapshot snapshot = world({0, 100, 5000, 5100});
    snapshot.servers[1].position = Lsn{10};
    snapshot.servers[2].position = snapshot.servers[3].position = Lsn{20};
    std::array<bool, 4> excluded{false, false, false, true};
    EXPECT_DOUBLE_EQ(keep_nearest(snapshot, excluded, {.floor = Lsn{20}, .home = {}, .home_floor = {}}, false), 0);
    EXPECT_EQ(excluded, (std::array{false, false, false, true}));
}

TEST(Bound, OldDataIsNotAdmitted) {
    const TimePoint now = TimePoint{} + std::chrono::hours(1);
    ServerView server;
    Bound bound{.floor = Lsn{}, .home = HostIndex{0}, .home_floor = {}, .oldest = now - milliseconds(500)};
    EXPECT_FALSE(bound.admits(0, server));
    server.current_at = now - milliseconds(501);
    EXPECT_FALSE(bound.admits(0, server));
    server.current_at = now - milliseconds(500);
    EXPECT_TRUE(bound.admits(0, server));
    bound.oldest = {};
    server.current_at.reset();
    EXPECT_TRUE(bound.admits(0, server));
}

}  // namespace
}  // namespace pgweir::cluster
