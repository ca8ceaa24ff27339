// What the methods of balancing promise, each by itself.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <random>

#include "proxy/cluster/balancer.hpp"
#include "proxy/cluster/identity.hpp"
#include "proxy/cluster/nearest.hpp"
#include "tests/support/allocations/count.hpp"

namespace pgweir::cluster {
namespace {

using config::Balance;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::array kMethods{Balance::round_robin, Balance::weighted, Balance::least_connections, Balance::client_hash, Balance::latency};

Snapshot snapshot_of(const std::vector<std::uint32_t>& weights) {
    Snapshot snapshot;
    for (const std::uint32_t weight : weights) {
        ServerView view;
        view.name = "replica" + std::to_string(snapshot.servers.size() + 1);
        view.identity = identity_of(view.name);
        view.weight = weight;
        view.rotation = weight == 0 ? Rotation::zero_weight : Rotation::in;
        snapshot.servers.push_back(view);
    }
    return snapshot;
}

std::uint64_t client(int i) { return identity_of("10." + std::to_string(i / 65'536) + '.' + std::to_string(i / 256 % 256) + '.' + std::to_string(i % 256)); }

TimePoint at(double seconds) {
    return TimePoint{} + std::chrono::hours(1) + std::chrono::duration_cast<TimePoint::duration>(std::chrono::duration<double>(seconds));
}

class Trace {
  public:
    Trace(Balance method, Snapshot of) : snapshot(std::move(of)), balancer(method, 42), in_use(snapshot.servers.size()) {}

    std::optional<HostIndex> pick(int i, double now = 0) { return balancer.pick(snapshot, in_use, {}, {}, {client(i), at(now)}); }
    std::vector<int> picks(int count) {
        std::vector<int> hits(snapshot.servers.size());
        for (int i = 0; i < count; ++i) ++hits[index_of(*pick(i))];
        return hits;
    }

    Snapshot snapshot;
    Balancer balancer;
    std::vector<std::uint32_t> in_use;
};

// Where clients wait, the shortest queue for its share is joined; client_hash keeps its server.
TEST(BalanceMethods, JoinTheShortestQueue) {
    for (const Balance method : kMethods) {
        Trace trace(method, snapshot_of({100, 100, 300}));
        const std::vector<std::uint32_t> queues{40, 30, 110};
        std::vector<int> hits(3);
        for (int i = 0; i < 100; ++i) ++hits[index_of(*trace.balancer.pick(trace.snapshot, queues, {}, {}, {client(1), at(0), true}))];
        if (method == Balance::client_hash) {
            EXPECT_EQ(std::ranges::max(hits), 100);
        } else {
            EXPECT_EQ(hits[1], 100);
        }
    }
}

// Within 2 % of each server's share over 100,000 reads of as many clients.
TEST(BalanceMethods, KeepTheWeights) {
    constexpr int kReads = 100'000;
    for (const Balance method : kMethods) {
        for (const auto& weights : std::vector<std::vector<std::uint32_t>>{{1}, {1, 1}, {3, 1}, {5, 0, 2, 1}, {1, 7, 7, 3}}) {
            const std::vector<int> hits = Trace(method, snapshot_of(weights)).picks(kReads);
            double total = 0;
            for (const std::uint32_t weight : weights) total += weight;
            for (std::size_t i = 0; i < weights.size(); ++i) {
                const double share = kReads * weights[i] / total;
                EXPECT_LE(std::abs(hits[i] - share), share * 0.02) << "method " << static_cast<int>(method) << ", server " << i;
            }
        }
    }
}

// Each read is placed by them.
TEST(BalanceMethods, AllocateNothing) {
    for (const Balance method : kMethods) {
        Trace run(method, snapshot_of({3, 1, 2, 0, 5}));
        run.snapshot.local_first = true;
        run.snapshot.servers[0].local = run.snapshot.servers[4].local = true;
        run.snapshot.servers[1].position = Lsn{100};
        run.snapshot.servers[2].rotation = Rotation::lagging;
        (void)run.pick(0);  // the first one learns how many servers there are
        const Bound bound{.floor = Lsn{50}, .home = HostIndex{4}, .home_floor = Lsn{70}};
        std::array<bool, 5> excluded{true, false, false, false, false};
        const std::size_t before = test::allocation_count();
        for (int i = 0; i < 1'000; ++i) {
            const TimePoint now = at(i * 0.001);
            run.balancer.answered(*run.pick(i, i * 0.001), microseconds(100 + i), now);
            (void)run.balancer.pick(run.snapshot, run.in_use, excluded, bound, {static_cast<std::uint64_t>(i), now});
            (void)least_lagged(run.snapshot, excluded, bound);
            (void)keep_nearest(run.snapshot, excluded, bound, false);
        }
        EXPECT_EQ(test::allocation_count(), before) << "method " << static_cast<int>(method);
    }
}

TEST(BalanceMethods, KeepWhatOfTheWeightCountsNow) {
    for (const Balance method : kMethods) {
        Trace run(method, snapshot_of({1, 1}));
        run.snapshot.servers[0].ramp = 250;
        const std::vector<int> hits = run.picks(100'000);
        EXPECT_NEAR(hits[0], 20'000, 400) << static_cast<int>(method);
    }
}

TEST(BalanceMethods, OfTwoWithAnswersAlikeTheWeightsDecide) {
    Trace run(Balance::latency, snapshot_of({3, 1}));
    (void)run.pick(0);
    std::mt19937 random(7);
    std::uniform_int_distribution<int> took(900, 1'100);
    std::array<int, 2> hits{};
    for (int i = 0; i < 100'000; ++i) {
        const HostIndex host = *run.pick(i, i * 0.001);
        ++hits[index_of(host)];
        run.balancer.answered(host, microseconds(took(random)), at(i * 0.001));
    }
    EXPECT_NEAR(hits[0], 75'000, 1'500);
}

// Reads under way at once: what is busy gets less, and the weights still hold by and large.
TEST(BalanceMethods, LatencyUnderLoadGoesByWeight) {
    Trace run(Balance::latency, snapshot_of({3, 1}));
    std::array<int, 2> hits{};
    std::vector<HostIndex> under_way;
    for (int i = 0; i < 100'000; ++i) {
        const HostIndex host = *run.pick(i, i * 0.001);
        ++hits[index_of(host)];
        ++run.in_use[index_of(host)];
        under_way.push_back(host);
        if (under_way.size() < 16) continue;
        --run.in_use[index_of(under_way.front())];
        run.balancer.answered(under_way.front(), microseconds(16'000), at(i * 0.001));
        under_way.erase(under_way.begin());
    }
    EXPECT_NEAR(hits[0], 75'000, 5'000);
}

TEST(ClientHash, AClientStaysWhereItIs) {
    Trace run(Balance::client_hash, snapshot_of({1, 1, 1}));
    for (int i = 0; i < 100; ++i) {
        const auto first = run.pick(i);
        for (int j = 0; j < 5; ++j) EXPECT_EQ(run.pick(i), first);
        EXPECT_EQ(Trace(Balance::client_hash, snapshot_of({1, 1, 1})).pick(i), first) << "in every process";
    }
}

TEST(ClientHash, WhoLeavesMovesItsOwnOnlyAndGetsThemBack) {
    constexpr int kClients = 20'000;
    Trace run(Balance::client_hash, snapshot_of({2, 1, 1}));
    std::vector<std::size_t> before;
    for (int i = 0; i < kClients; ++i) before.push_back(index_of(*run.pick(i)));
    run.snapshot.servers[1].rotation = Rotation::unreachable;
    std::array<int, 3> moved_to{};
    for (int i = 0; i < kClients; ++i) {
        const std::size_t now = index_of(*run.pick(i));
        const std::size_t was = before[static_cast<std::size_t>(i)];
        if (was == 1) {
            ++moved_to[now];
        } else {
            EXPECT_EQ(now, was) << i;
        }
    }
    EXPECT_NEAR(moved_to[0], kClients / 4 * 2 / 3, 200) << "and by weight to the others";
    EXPECT_NEAR(moved_to[2], kClients / 4 / 3, 200);
    run.snapshot.servers[1].rotation = Rotation::in;
    for (int i = 0; i < kClients; ++i) EXPECT_EQ(index_of(*run.pick(i)), before[static_cast<std::size_t>(i)]);
}

TEST(ClientHash, WhoComesTakesItsShareOnly) {
    constexpr int kClients = 20'000;
    Trace three(Balance::client_hash, snapshot_of({1, 1, 1}));
    Trace four(Balance::client_hash, snapshot_of({1, 1, 1, 1}));
    int moved = 0;
    for (int i = 0; i < kClients; ++i) {
        const auto after = four.pick(i);
        if (after == three.pick(i)) continue;
        EXPECT_EQ(after, HostIndex{3});
        ++moved;
    }
    EXPECT_NEAR(moved, kClients / 4, kClients / 4 * 0.05);
}

TEST(Latency, RisesFourfoldAtMostAndDecays) {
    Latency latency;
    EXPECT_EQ(latency.now(at(0)), 0);
    latency.answered(microseconds(1'000), at(0));
    EXPECT_DOUBLE_EQ(latency.now(at(0)), 1'000);
    latency.answered(microseconds(2'000), at(0));
    EXPECT_DOUBLE_EQ(latency.now(at(0)), 2'000) << "the worse at once";
    latency.answered(std::chrono::seconds(10), at(0));
    EXPECT_DOUBLE_EQ(latency.now(at(0)), 8'000) << "but not all of it";
    EXPECT_NEAR(latency.now(at(5)), 8'000 / 2.71828, 1);
    for (int i = 1; i <= 3'000; ++i) latency.answered(microseconds(500), at(i * 0.01));
    EXPECT_NEAR(latency.now(at(30)), 500, 25) << "the better by and by";
    latency.answered(microseconds(0), at(30));
    EXPECT_GT(latency.now(at(30)), 0) << "known, however short";
}

// Answers come at once; each read takes a millisecond of time.
int slow_share(Trace& run, double begin, microseconds slow, int reads) {
    int hits = 0;
    for (int i = 0; i < reads; ++i) {
        const double now = begin + i * 0.001;
        const HostIndex host = *run.pick(i, now);
        const bool is_slow = host == HostIndex{0};
        hits += is_slow ? 1 : 0;
        run.balancer.answered(host, is_slow ? slow : microseconds(1'000), at(now));
    }
    return hits;
}

TEST(BalanceMethods, LatencyPrefersTheFastOneAndForgives) {
    Trace run(Balance::latency, snapshot_of({1, 1}));
    EXPECT_NEAR(slow_share(run, 0, microseconds(1'000), 1'000), 500, 25);
    EXPECT_LT(slow_share(run, 1, milliseconds(50), 10'000), 20) << "it is asked now and then";
    EXPECT_GT(slow_share(run, 11, microseconds(1'000), 30'000), 5'000) << "well again";
    EXPECT_NEAR(slow_share(run, 41, microseconds(1'000), 10'000), 5'000, 250);
}

TEST(BalanceMethods, TheFastOneIsNotBuried) {
    Trace run(Balance::latency, snapshot_of({1, 1}));
    (void)run.pick(0);
    run.balancer.answered(HostIndex{0}, milliseconds(1), at(0));
    run.balancer.answered(HostIndex{1}, milliseconds(3), at(0));
    run.in_use = {9, 0};
    for (int i = 0; i < 10; ++i) EXPECT_EQ(run.pick(i), HostIndex{1});
}

TEST(BalanceMethods, TheOwnZoneFirst) {
    for (const Balance method : kMethods) {
        Trace run(method, snapshot_of({1, 1, 1}));
        run.snapshot.servers[2].local = true;
        run.snapshot.local_first = true;
        for (int i = 0; i < 50; ++i) EXPECT_EQ(run.pick(i), HostIndex{2});
        const std::array<bool, 3> excluded{false, false, true};
        EXPECT_NE(run.balancer.pick(run.snapshot, {}, excluded, {}, {client(1), at(0)}), std::nullopt) << "rather another zone than none";
        run.snapshot.servers[2].position = Lsn{10};
        run.snapshot.servers[0].position = Lsn{20};
        EXPECT_EQ(run.balancer.pick(run.snapshot, {}, {}, {.floor = Lsn{15}, .home = {}, .home_floor = {}}, {client(1), at(0)}), HostIndex{0});
        run.snapshot.local_first = false;
        EXPECT_GT(run.picks(1'000)[0], 0);
    }
}

TEST(BalanceMethods, AHalfOpenBreakerGetsItsTrialsAndNoMore) {
    for (const Balance method : kMethods) {
        Trace run(method, snapshot_of({1, 1}));
        run.snapshot.servers[0].breaker = BreakerState::half_open;
        run.snapshot.servers[0].trials = std::make_shared<Trials>(3);
        EXPECT_EQ(run.picks(1'000)[0], 3) << static_cast<int>(method);
        run.snapshot.servers[1].rotation = Rotation::unreachable;
        EXPECT_FALSE(run.pick(0)) << "not even when there is nobody else";
    }
}

TEST(WhenAllLag, TheLeastLaggedThatHasWhatIsNeeded) {
    Snapshot snapshot = snapshot_of({1, 1, 1});
    EXPECT_FALSE(all_lag(snapshot));
    for (std::size_t i = 0; i < 3; ++i) {
        snapshot.servers[i].rotation = Rotation::lagging;
        snapshot.servers[i].position = Lsn{100 * (i + 1)};
    }
    EXPECT_TRUE(all_lag(snapshot));
    EXPECT_EQ(least_lagged(snapshot, {}, {}), HostIndex{2});
    const std::array<bool, 3> excluded{false, false, true};
    EXPECT_EQ(least_lagged(snapshot, excluded, {}), HostIndex{1});
    EXPECT_EQ(least_lagged(snapshot, {}, {.floor = Lsn{301}, .home = {}, .home_floor = {}}), std::nullopt);
    snapshot.servers[2].rotation = Rotation::unreachable;
    EXPECT_TRUE(all_lag(snapshot)) << "of those that are well";
    EXPECT_EQ(least_lagged(snapshot, {}, {}), HostIndex{1});
    snapshot.servers[0].rotation = Rotation::in;
    EXPECT_FALSE(all_lag(snapshot));
    for (ServerView& server : snapshot.servers) server.rotation = Rotation::unreachable;
    EXPECT_FALSE(all_lag(snapshot));
    EXPECT_FALSE(all_broken(snapshot));
    snapshot.servers[1].rotation = Rotation::breaker_open;
    EXPECT_TRUE(all_broken(snapshot));
    snapshot.servers[0].rotation = Rotation::in;
    EXPECT_FALSE(all_broken(snapshot));
}

}  // namespace
}  // namespace pgweir::cluster
