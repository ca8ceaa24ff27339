// [monitor] healthy and unhealthy, slow start, the breaker and the zones, as the cluster's state uses them.
#include <gtest/gtest.h>

#include "support.hpp"

namespace pgweir::cluster::testing {
namespace {

StateOptions options() {
    return {.interval = milliseconds(500),
            .timeout = milliseconds(1'500),
            .limits = {.time = std::chrono::seconds(10), .bytes = 1U << 20}};
}

class HealthyCluster : public Cluster {
  public:
    explicit HealthyCluster(const StateOptions& with, std::vector<config::Server> of = servers()) : Cluster(with, std::move(of)) {
        round(kStart, kStart, kStart);
        (void)kinds();
    }
    // Only the primary and C answer.
    void round_without_b() {
        answer(kA, primary_at(kStart));
        answer(kC, replica_at(kStart));
        pass(500);
    }
    void success(HostIndex host) { state.on_traffic_success(host, at(now)); }
};

TEST(HealthGate, CountsBothWays) {
    HealthGate gate({.healthy = 3, .unhealthy = 2});
    gate.answered();
    EXPECT_TRUE(gate.up()) << "what was never lost needs no more";
    EXPECT_FALSE(gate.missed());
    gate.answered();
    EXPECT_FALSE(gate.missed()) << "not in a row";
    EXPECT_TRUE(gate.late());
    EXPECT_TRUE(gate.missed());
    EXPECT_FALSE(gate.up());
    gate.answered();
    gate.answered();
    EXPECT_TRUE(gate.missed()) << "lost as it is, each one counts";
    gate.answered();
    gate.answered();
    EXPECT_FALSE(gate.up());
    gate.answered();
    EXPECT_TRUE(gate.up());
    gate.lost();
    EXPECT_FALSE(gate.up());
}

TEST(Health, OneProbeThatIsNotAnsweredIsEnoughByDefault) {
    HealthyCluster c(options());
    c.miss(kB);
    EXPECT_EQ(c.rotation(kB), Rotation::unreachable);
    c.answer(kB, replica_at(kStart));
    EXPECT_EQ(c.rotation(kB), Rotation::in);
}

TEST(Health, UnhealthyProbesInARow) {
    StateOptions with = options();
    with.health.unhealthy = 3;
    HealthyCluster c(with);
    for (int i = 0; i < 2; ++i) {
        c.miss(kB);
        c.round_without_b();
        c.round_without_b();
        c.round_without_b();
        EXPECT_EQ(c.rotation(kB), Rotation::in);
    }
    EXPECT_TRUE(c.state.view(kB).reachable);
    c.miss(kB);
    EXPECT_EQ(c.rotation(kB), Rotation::unreachable);
    EXPECT_EQ(c.cause(EventKind::server_out), "no answer");
}

TEST(Health, ARefusedConnectionAndTheTrafficNeedNoThreshold) {
    StateOptions with = options();
    with.health.unhealthy = 3;
    HealthyCluster c(with);
    c.fail(kB);
    EXPECT_EQ(c.rotation(kB), Rotation::unreachable);
    c.traffic_failure(kC);
    EXPECT_EQ(c.rotation(kC), Rotation::unreachable);
}

TEST(Health, WhileAnAnswerIsOwedTheLagGrows) {
    StateOptions with = options();
    with.health.unhealthy = 100;
    with.limits.time = std::chrono::seconds(2);
    HealthyCluster c(with);
    c.miss(kB);
    for (int i = 1; i <= 7; ++i) {
        c.answer(kA, primary_at(kStart + 0x100 * static_cast<std::uint64_t>(i)));
        c.answer(kC, replica_at(kStart + 0x100 * static_cast<std::uint64_t>(i)));
        c.pass(500);
        if (i <= 3) {
            EXPECT_EQ(c.rotation(kB), Rotation::in) << i;
        }
    }
    EXPECT_EQ(c.rotation(kB), Rotation::lagging) << "what it had replayed is more than two seconds old";
    EXPECT_EQ(c.rotation(kC), Rotation::in);
}

TEST(Health, HealthyProbesInARowBringItBack) {
    StateOptions with = options();
    with.health.healthy = 3;
    HealthyCluster c(with);
    EXPECT_EQ(c.rotation(kB), Rotation::in) << "the first contact needs one";
    c.fail(kB);
    c.round(kStart, kStart, kStart);
    c.round(kStart, kStart, kStart);
    EXPECT_EQ(c.rotation(kB), Rotation::unreachable);
    c.round(kStart, kStart, kStart);
    EXPECT_EQ(c.rotation(kB), Rotation::in);
    EXPECT_EQ(c.cause(EventKind::server_in), "lag 1000 us, 0 bytes; after 3 good probes");
}

StateOptions breaking() {
    StateOptions with = options();
    with.breaker = {.failures = 3, .cooldown = milliseconds(2'000), .max_cooldown = milliseconds(60'000), .trial_requests = 2};
    return with;
}

TEST(ClusterBreaker, OpensThoughTheProbesAreWell) {
    HealthyCluster c(breaking());
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(c.rotation(kB), Rotation::in) << i;
        c.pass(1);
        c.traffic_failure(kB);
        EXPECT_EQ(c.rotation(kB), Rotation::unreachable);
        c.pass(1);
        c.round(kStart, kStart, kStart);
    }
    EXPECT_EQ(c.rotation(kB), Rotation::breaker_open);
    EXPECT_EQ(c.state.snapshot()->servers[1].breaker, BreakerState::open);
    EXPECT_EQ(c.state.snapshot()->servers[1].transitions[static_cast<std::size_t>(EventKind::breaker_opened)], 0U)
        << "counted when it is told";
    EXPECT_EQ(c.cause(EventKind::breaker_opened).substr(0, 49), "3 failures without a success, at last: reset; for");
    for (int i = 0; i < 4; ++i) c.round(kStart, kStart, kStart);
    const auto snapshot = c.state.snapshot();
    EXPECT_EQ(c.rotation(kB), Rotation::in);
    EXPECT_EQ(snapshot->servers[1].breaker, BreakerState::half_open);
    EXPECT_TRUE(snapshot->servers[1].awaits_success);
    ASSERT_TRUE(snapshot->servers[1].trials);
    EXPECT_TRUE(snapshot->servers[1].trials->take());
    EXPECT_EQ(c.count(EventKind::breaker_half_open), 1);
    c.success(kB);
    c.success(kB);
    EXPECT_EQ(c.state.view(kB).breaker, BreakerState::closed);
    EXPECT_EQ(c.count(EventKind::breaker_closed), 1);
    EXPECT_EQ(c.state.view(kB).transitions[static_cast<std::size_t>(EventKind::breaker_opened)], 1U);
}

TEST(ClusterBreaker, ProbesThatFailOpenItButNeverForLonger) {
    HealthyCluster c(breaking());
    for (int i = 0; i < 100; ++i) {
        c.fail(kB);
        c.round_without_b();
    }
    EXPECT_EQ(c.count(EventKind::breaker_opened), 1);
    c.answer(kB, replica_at(kStart));
    EXPECT_EQ(c.rotation(kB), Rotation::in);
    EXPECT_EQ(c.state.view(kB).breaker, BreakerState::half_open) << "tried before all turn to it";
}

TEST(ClusterBreaker, AFullServerStaysInUntilItOpens) {
    HealthyCluster c(breaking());
    for (int i = 0; i < 2; ++i) c.state.on_traffic_failure(kB, TrafficFailure::overloaded, "53300", at(c.now));
    EXPECT_EQ(c.rotation(kB), Rotation::in);
    EXPECT_TRUE(c.state.view(kB).reachable);
    EXPECT_TRUE(c.state.view(kB).awaits_success);
    c.success(kB);
    EXPECT_FALSE(c.state.view(kB).awaits_success);
    for (int i = 0; i < 3; ++i) c.state.on_traffic_failure(kB, TrafficFailure::overloaded, "53300", at(c.now));
    EXPECT_EQ(c.rotation(kB), Rotation::breaker_open);
}

TEST(ClusterBreaker, ThePrimaryHasNone) {
    HealthyCluster c(breaking());
    for (int i = 0; i < 10; ++i) c.state.on_traffic_failure(kA, TrafficFailure::overloaded, "53300", at(c.now));
    EXPECT_EQ(c.state.view(kA).breaker, BreakerState::closed);
    EXPECT_EQ(c.state.primary(), kA);
    for (int i = 0; i < 3; ++i) c.state.on_traffic_failure(kB, TrafficFailure::overloaded, "53300", at(c.now));
    c.answer(kB, primary_at(kStart + 0x1000, 2));
    c.pass(500);
    EXPECT_EQ(c.state.primary(), kB);
    EXPECT_EQ(c.state.view(kB).breaker, BreakerState::closed) << "promoted";
}

TEST(SlowStart, TheWeightGrowsFromATenth) {
    SlowStart start(milliseconds(5'000), milliseconds(500));
    EXPECT_EQ(start.share(at(0)), 1'000U);
    start.came_in(at(0), true);
    EXPECT_EQ(start.share(at(0)), 100U);
    EXPECT_EQ(start.share(at(2'500)), 550U);
    EXPECT_EQ(start.share(at(4'999)), 999U);
    EXPECT_FALSE(start.over(at(4'999)));
    EXPECT_EQ(start.share(at(5'000)), 1'000U);
    EXPECT_TRUE(start.over(at(5'000)));
    EXPECT_FALSE(start.over(at(5'001)));
}

TEST(SlowStart, NotAtTheVeryBeginningNorAfterABlink) {
    SlowStart start(milliseconds(5'000), milliseconds(500));
    start.came_in(at(0), false);
    EXPECT_EQ(start.share(at(0)), 1'000U);
    start.went_out(at(1'000));
    start.came_in(at(1'499), true);
    EXPECT_EQ(start.share(at(1'499)), 1'000U);
    start.went_out(at(2'000));
    start.came_in(at(2'500), false);
    EXPECT_EQ(start.share(at(2'500)), 100U);
    start.went_out(at(5'000));
    start.came_in(at(5'100), true);
    EXPECT_EQ(start.share(at(5'100)), 568U) << "it goes on";
    SlowStart none(milliseconds(0), milliseconds(500));
    none.went_out(at(0));
    none.came_in(at(9'000), true);
    EXPECT_EQ(none.share(at(9'000)), 1'000U);
}

TEST(SlowStart, OfAServerThatComesBack) {
    StateOptions with = options();
    with.slow_start = milliseconds(2'000);
    HealthyCluster c(with);
    EXPECT_EQ(c.state.view(kB).ramp, 1'000U);
    c.fail(kB);
    c.round_without_b();
    c.round_without_b();
    c.answer(kB, replica_at(kStart));
    EXPECT_EQ(c.cause(EventKind::server_in), "lag 501000 us, 0 bytes; its weight grows for 2000 ms");
    EXPECT_EQ(c.state.view(kB).ramp, 100U);
    c.pass(1'001);
    EXPECT_EQ(c.state.view(kB).ramp, 550U);
    EXPECT_EQ(c.state.view(kC).ramp, 1'000U);
    const std::uint64_t arrivals = c.state.snapshot()->arrivals;
    c.round(kStart, kStart, kStart);
    c.round(kStart, kStart, kStart);
    EXPECT_EQ(c.state.view(kB).ramp, 1'000U);
    EXPECT_EQ(c.state.snapshot()->arrivals, arrivals + 1);  // sessions choose once more
    EXPECT_EQ(c.count(EventKind::slow_start_over), 1);
}

TEST(Zones, TheOwnZoneIsFirstWhileEnoughOfItIsIn) {
    std::vector<config::Server> servers = Cluster::servers();
    for (const char* name : {"d", "e"}) servers.emplace_back(servers[1]).name = name;
    for (const std::size_t i : {1U, 2U, 3U}) servers[i].zone = "here";
    servers[0].zone = "here";
    servers[1].weight = 3;
    servers[2].weight = 2;  // d: 1, and e is elsewhere
    StateOptions with = options();
    with.zone = "here";
    with.min_healthy_percent = 50;
    HealthyCluster c(with, servers);
    c.answer(HostIndex{3}, replica_at(kStart));
    c.answer(HostIndex{4}, replica_at(kStart));
    auto snapshot = c.state.snapshot();
    EXPECT_TRUE(snapshot->local_first);
    EXPECT_FALSE(snapshot->few_healthy);
    EXPECT_TRUE(snapshot->servers[3].local);
    EXPECT_FALSE(snapshot->servers[4].local);
    c.fail(kC);
    c.fail(HostIndex{3});
    EXPECT_TRUE(c.state.snapshot()->local_first) << "three of six; the primary's weight does not count";
    c.fail(kB);
    c.answer(kC, replica_at(kStart));
    snapshot = c.state.snapshot();
    EXPECT_FALSE(snapshot->local_first) << "two of six";
    EXPECT_TRUE(snapshot->few_healthy);
    with.zone = "nowhere";
    EXPECT_FALSE(HealthyCluster(with, servers).state.snapshot()->local_first);
    with.zone = "";
    for (config::Server& server : servers) server.zone = "";
    EXPECT_FALSE(HealthyCluster(with, servers).state.snapshot()->local_first);
}

}  // namespace
}  // namespace pgweir::cluster::testing
