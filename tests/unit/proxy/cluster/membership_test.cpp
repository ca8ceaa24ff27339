// Servers that join and leave: slots, and what is left of them.
#include <gtest/gtest.h>

#include "proxy/cluster/state.hpp"

namespace pgweir::cluster {
namespace {

using std::chrono::milliseconds;

const TimePoint kStart{std::chrono::hours(1)};

class Membership : public ::testing::Test {
  protected:
    HostIndex join(std::string name) {
        const auto host = state_.join(Member(config::Server{.name = std::move(name), .host = "h"}), ++members_, now_);
        EXPECT_TRUE(host);
        return host.value_or(HostIndex{});
    }
    void answer(HostIndex host, bool replica, std::uint32_t timeline = 1, std::uint64_t system = 7) {
        ProbeResult result;
        result.in_recovery = replica;
        result.timeline = timeline;
        result.system_identifier = system;
        result.position = Lsn{1000};
        now_ += milliseconds(10);
        state_.on_probe(host, result, now_ - milliseconds(1), now_);
    }
    void bring_in(HostIndex primary, HostIndex replica) {
        answer(primary, false);
        for (int i = 0; i < 4; ++i) answer(replica, true);
        ASSERT_EQ(state_.view(replica).rotation, Rotation::in);
    }

    std::uint64_t members_ = 0;
    TimePoint now_ = kStart;
    ClusterState state_{"main", {}, {.limits = {.time = std::chrono::seconds(10)}}};
};

TEST_F(Membership, OneThatLeavesIsOutAtOnce) {
    const HostIndex primary = join("a"), replica = join("b");
    bring_in(primary, replica);
    (void)state_.take_events();
    state_.leave(replica, now_);
    EXPECT_TRUE(state_.view(replica).gone);
    EXPECT_NE(state_.view(replica).rotation, Rotation::in);
    const auto events = state_.take_events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].kind, EventKind::server_out);
    answer(replica, true);  // a late answer
    state_.on_probe_failed(replica, ProbeFailure::refused, "late", now_);
    state_.on_traffic_failure(replica, TrafficFailure::lost, "late", now_);
    state_.tick(now_ + std::chrono::hours(1));
    EXPECT_TRUE(state_.view(replica).gone);
    EXPECT_FALSE(state_.view(replica).reachable);
    EXPECT_EQ(state_.primary(), primary);
}

TEST_F(Membership, APrimaryThatLeavesIsNone) {
    const HostIndex primary = join("a"), replica = join("b");
    bring_in(primary, replica);
    state_.leave(primary, now_);
    EXPECT_EQ(state_.primary(), std::nullopt);
    EXPECT_EQ(state_.snapshot()->primary, std::nullopt);
    answer(replica, false, 2);
    EXPECT_EQ(state_.primary(), replica);
    // What is still a member knows which timeline counts.
    const HostIndex old = join("a");
    answer(old, false, 1);
    EXPECT_EQ(state_.primary(), replica);
}

TEST_F(Membership, ASlotIsUsedAgainOnlyWhenItIsReleased) {
    const HostIndex first = join("a"), second = join("b");
    const std::uint32_t incarnation = state_.view(second).incarnation;
    state_.leave(second, now_);
    const HostIndex third = join("c");
    EXPECT_NE(third, second);
    state_.release(first);  // it is still a member: nothing happens
    state_.release(second);
    const HostIndex fourth = join("d");
    EXPECT_EQ(fourth, second);
    EXPECT_FALSE(state_.view(fourth).gone);
    EXPECT_EQ(state_.view(fourth).name, "d");
    EXPECT_EQ(state_.view(fourth).member, 4U);
    EXPECT_GT(state_.view(fourth).incarnation, incarnation + 1);
    EXPECT_EQ(state_.view(fourth).rotation, Rotation::unknown);
    EXPECT_EQ(state_.view(first).name, "a");
    EXPECT_EQ(state_.size(), 3U);
}

TEST_F(Membership, NoMoreThanThereAreSlots) {
    for (std::size_t i = 0; i < kMaxServers; ++i) (void)join("s" + std::to_string(i));
    EXPECT_EQ(state_.join(Member(config::Server{.name = "more", .host = "h"}), 1000, now_), std::nullopt);
    state_.leave(HostIndex{3}, now_);
    state_.release(HostIndex{3});
    EXPECT_EQ(state_.join(Member(config::Server{.name = "more", .host = "h"}), 1000, now_), HostIndex{3});
}

// Whoever comes next could be what was left behind.
TEST_F(Membership, WhatIsKnownOfTheClusterOutlivesItsMembers) {
    const HostIndex primary = join("a");
    answer(primary, false, 9, 7);
    state_.leave(primary, now_);
    const HostIndex other = join("b"), old = join("c");
    answer(other, false, 9, 8);
    answer(old, false, 8, 7);
    EXPECT_EQ(state_.primary(), std::nullopt);
    answer(old, false, 9, 7);
    EXPECT_EQ(state_.primary(), old);
}

TEST_F(Membership, AWeightCountsAtOnce) {
    const HostIndex primary = join("a"), replica = join("b");
    bring_in(primary, replica);
    Member server(config::Server{.name = "b", .host = "h", .weight = 0});
    state_.update(replica, server, now_);
    EXPECT_EQ(state_.view(replica).rotation, Rotation::zero_weight);
    server.weight = 2;
    state_.update(replica, server, now_);
    EXPECT_EQ(state_.view(replica).rotation, Rotation::in);
    EXPECT_EQ(state_.view(replica).weight, 2U);
}

}  // namespace
}  // namespace pgweir::cluster
