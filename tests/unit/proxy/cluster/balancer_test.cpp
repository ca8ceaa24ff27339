#include "proxy/cluster/balancer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace pgweir::cluster {
namespace {

Snapshot snapshot_of(const std::vector<std::uint32_t>& weights) {
    Snapshot snapshot;
    for (const std::uint32_t weight : weights) {
        ServerView view;
        view.weight = weight;
        view.rotation = weight == 0 ? Rotation::zero_weight : Rotation::in;
        snapshot.servers.push_back(view);
    }
    return snapshot;
}

// Within 2 % of each server's share over 100,000 picks.
TEST(Balancer, KeepsTheWeights) {
    constexpr int kPicks = 100'000;
    const std::vector<std::vector<std::uint32_t>> tables = {{1},          {1, 1},   {1, 1, 1},   {3, 1},
                                                            {5, 0, 2, 1}, {100, 1}, {1, 7, 7, 3}};
    for (const config::Balance method : {config::Balance::round_robin, config::Balance::least_connections}) {
        for (const auto& weights : tables) {
            const Snapshot snapshot = snapshot_of(weights);
            Balancer balancer(method);
            std::vector<int> hits(weights.size());
            for (int i = 0; i < kPicks; ++i) ++hits[index_of(*balancer.pick(snapshot, {}, {}))];
            double total = 0;
            for (const std::uint32_t weight : weights) total += weight;
            for (std::size_t i = 0; i < weights.size(); ++i) {
                const double share = kPicks * weights[i] / total;
                EXPECT_LE(std::abs(hits[i] - share), share * 0.02) << "server " << i << " of " << weights.size();
            }
        }
    }
}

TEST(Balancer, IsSmooth) {
    const Snapshot snapshot = snapshot_of({3, 1});
    Balancer balancer(config::Balance::round_robin);
    std::string order;
    for (int i = 0; i < 8; ++i) order += balancer.pick(snapshot, {}, {}) == HostIndex{0} ? 'a' : 'b';
    EXPECT_EQ(order, "aabaaaba");
}

// The shortcut says what every method says, or nothing.
TEST(Balancer, TheSoleChoiceIsWhatIsPicked) {
    Chance chance(7);
    const auto draw = [&](int of) { return static_cast<int>(chance.next() * of); };
    int chosen = 0;
    for (int i = 0; i < 20'000; ++i) {
        Snapshot snapshot = snapshot_of({1, static_cast<std::uint32_t>(draw(3)), 2});
        for (ServerView& server : snapshot.servers) {
            server.position = Lsn{static_cast<std::uint64_t>(draw(4))};
            server.local = draw(2) == 0;
            if (draw(2) == 0) server.current_at = TimePoint{} + std::chrono::seconds(draw(3));
            if (draw(5) == 0) server.rotation = Rotation::lagging;
            if (draw(8) == 0) server.trials = std::make_shared<Trials>(1);
        }
        snapshot.local_first = draw(2) == 0;
        Bound bound{.home = static_cast<HostIndex>(draw(3)), .home_floor = Lsn{static_cast<std::uint64_t>(draw(4))}};
        bound.floor.reset();
        if (draw(4) == 0) bound.floor = Lsn{static_cast<std::uint64_t>(draw(4))};
        if (draw(6) == 0) bound.home.reset();
        if (draw(6) == 0) bound.oldest = TimePoint{} + std::chrono::seconds(1);
        const auto sole = sole_choice(snapshot, bound);
        if (!sole) continue;
        ++chosen;
        for (const config::Balance method : {config::Balance::round_robin, config::Balance::weighted, config::Balance::least_connections,
                                             config::Balance::client_hash, config::Balance::latency}) {
            for (const bool queues : {false, true}) {
                const std::array<std::uint32_t, 3> in_use{static_cast<std::uint32_t>(draw(3)), 9, 0};
                EXPECT_EQ(Balancer(method).pick(snapshot, in_use, {}, bound, {.client = 5, .now = TimePoint{}, .queues = queues}), sole);
            }
        }
    }
    EXPECT_GT(chosen, 1000);
}

TEST(Balancer, TakesOnlyWhatTheBoundAdmits) {
    Snapshot snapshot = snapshot_of({1, 1, 1});
    for (std::size_t i = 0; i < 3; ++i) snapshot.servers[i].position = Lsn{100 * (i + 1)};
    for (const config::Balance method : {config::Balance::round_robin, config::Balance::least_connections}) {
        Balancer balancer(method);
        const std::array<std::uint32_t, 3> in_use{0, 9, 9};
        for (int i = 0; i < 5; ++i) {
            EXPECT_EQ(balancer.pick(snapshot, in_use, {}, {.floor = Lsn{300}, .home = {}, .home_floor = {}}), HostIndex{2});
            EXPECT_EQ(balancer.pick(snapshot, in_use, {}, {.floor = std::nullopt, .home = HostIndex{1}, .home_floor = Lsn{200}}),
                      HostIndex{1});
            EXPECT_FALSE(balancer.pick(snapshot, in_use, {}, {.floor = Lsn{301}, .home = HostIndex{1}, .home_floor = Lsn{201}}));
            EXPECT_FALSE(balancer.pick(snapshot, in_use, {}, {.floor = std::nullopt, .home = {}, .home_floor = {}}));
        }
        // Those that were not admitted have not paid for it.
        std::array<int, 3> hits{};
        for (int i = 0; i < 30; ++i) ++hits[index_of(*balancer.pick(snapshot, {}, {}))];
        EXPECT_EQ(hits, (std::array<int, 3>{10, 10, 10}));
    }
}

TEST(Balancer, TakesOnlyWhatIsInRotation) {
    for (const Rotation out : {Rotation::unknown, Rotation::unreachable, Rotation::lagging, Rotation::not_a_replica,
                               Rotation::wrong_system, Rotation::zero_weight}) {
        Snapshot snapshot = snapshot_of({1, 1});
        snapshot.servers[0].rotation = out;
        Balancer balancer(config::Balance::round_robin);
        for (int i = 0; i < 10; ++i) EXPECT_EQ(balancer.pick(snapshot, {}, {}), HostIndex{1});
        snapshot.servers[1].rotation = out;
        EXPECT_FALSE(balancer.pick(snapshot, {}, {}));
    }
    EXPECT_FALSE(Balancer(config::Balance::round_robin).pick(Snapshot{}, {}, {}));
    EXPECT_FALSE(Balancer(config::Balance::round_robin).pick(snapshot_of({0, 0}), {}, {}));
}

TEST(Balancer, Excludes) {
    const Snapshot snapshot = snapshot_of({1, 1, 1});
    Balancer balancer(config::Balance::round_robin);
    const std::array<bool, 3> not_b = {false, true, false};
    std::array<int, 3> hits{};
    for (int i = 0; i < 100; ++i) ++hits[index_of(*balancer.pick(snapshot, {}, not_b))];
    EXPECT_EQ(hits, (std::array<int, 3>{50, 0, 50}));
    const std::array<bool, 3> none = {true, true, true};
    EXPECT_FALSE(balancer.pick(snapshot, {}, none));
    const std::array<bool, 1> shorter = {true};
    EXPECT_NE(balancer.pick(snapshot, {}, shorter), HostIndex{0});
}

TEST(Balancer, LeastConnectionsGoesByWeight) {
    const struct {
        std::vector<std::uint32_t> weights, in_use;
        std::size_t expected;
    } cases[] = {{{1, 1}, {3, 2}, 1},
                 {{1, 1}, {0, 9}, 0},
                 {{4, 1}, {3, 1}, 0},
                 {{4, 1}, {5, 1}, 1},
                 {{0, 1}, {0, 900}, 1},
                 {{1, 1, 1}, {5, 4, 3}, 2},
                 {{4'000'000'000U, 1}, {4'000'000'000U, 2}, 0}};
    for (const auto& c : cases) {
        Balancer balancer(config::Balance::least_connections);
        for (int i = 0; i < 5; ++i) {
            EXPECT_EQ(balancer.pick(snapshot_of(c.weights), c.in_use, {}), static_cast<HostIndex>(c.expected));
        }
    }
}

TEST(Balancer, LeastConnectionsEvensOut) {
    const Snapshot snapshot = snapshot_of({2, 1, 1});
    Balancer balancer(config::Balance::least_connections);
    std::vector<std::uint32_t> in_use(3);
    for (int i = 0; i < 400; ++i) ++in_use[index_of(*balancer.pick(snapshot, in_use, {}))];
    EXPECT_EQ(in_use, (std::vector<std::uint32_t>{200, 100, 100}));
}

TEST(Balancer, AReturningServerIsNotFlooded) {
    Snapshot snapshot = snapshot_of({1, 1});
    Balancer balancer(config::Balance::round_robin);
    snapshot.servers[0].rotation = Rotation::lagging;
    for (int i = 0; i < 1'000; ++i) (void)balancer.pick(snapshot, {}, {});
    snapshot.servers[0].rotation = Rotation::in;
    int first = 0;
    for (int i = 0; i < 100; ++i) first += balancer.pick(snapshot, {}, {}) == HostIndex{0};
    EXPECT_NEAR(first, 50, 1);
}

}  // namespace
}  // namespace pgweir::cluster
