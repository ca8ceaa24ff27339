#include "proxy/cluster/breaker.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace pgweir::cluster {
namespace {

using std::chrono::milliseconds;

TimePoint at(int ms) { return TimePoint{} + std::chrono::hours(1) + milliseconds(ms); }

constexpr BreakerOptions kOptions{.failures = 3, .cooldown = milliseconds(1'000), .max_cooldown = milliseconds(5'000), .trial_requests = 2};

Breaker opened(int ms = 0) {
    Breaker breaker(kOptions);
    EXPECT_FALSE(breaker.failed(at(ms), 0));
    EXPECT_FALSE(breaker.failed(at(ms), 0));
    EXPECT_TRUE(breaker.failed(at(ms), 0));
    return breaker;
}

TEST(Breaker, OpensAfterFailuresWithoutASuccess) {
    Breaker breaker(kOptions);
    for (int i = 0; i < 10; ++i) {
        EXPECT_FALSE(breaker.awaits_success());
        EXPECT_FALSE(breaker.failed(at(i), 0));
        EXPECT_FALSE(breaker.failed(at(i), 0));
        EXPECT_TRUE(breaker.awaits_success());
        EXPECT_FALSE(breaker.succeeded());
    }
    EXPECT_EQ(breaker.state(), BreakerState::closed);
    EXPECT_EQ(opened().state(), BreakerState::open);
}

TEST(Breaker, WithoutFailuresItNeverOpens) {
    Breaker breaker({.failures = 0});
    for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(breaker.failed(at(i), 0));
    EXPECT_EQ(breaker.state(), BreakerState::closed);
    EXPECT_FALSE(breaker.awaits_success());
}

TEST(Breaker, IsOpenForItsCooldownAndHalfOpenForItsTrials) {
    Breaker breaker = opened();
    EXPECT_FALSE(breaker.trials());
    EXPECT_FALSE(breaker.tick(at(999)));
    EXPECT_FALSE(breaker.failed(at(999), 0)) << "what began before does not count";
    EXPECT_FALSE(breaker.succeeded()) << "neither";
    EXPECT_EQ(breaker.state(), BreakerState::open);
    EXPECT_TRUE(breaker.tick(at(1'000)));
    EXPECT_EQ(breaker.state(), BreakerState::half_open);
    ASSERT_TRUE(breaker.trials());
    EXPECT_TRUE(breaker.trials()->take());
    EXPECT_TRUE(breaker.trials()->take());
    EXPECT_FALSE(breaker.trials()->take());
    EXPECT_FALSE(breaker.trials()->left());
    EXPECT_FALSE(breaker.succeeded());
    EXPECT_TRUE(breaker.succeeded());
    EXPECT_EQ(breaker.state(), BreakerState::closed);
    EXPECT_FALSE(breaker.trials());
    EXPECT_EQ(breaker.failures(), 0U);
}

TEST(Breaker, TheCooldownDoublesToItsCeiling) {
    Breaker breaker = opened();
    int now = 0;
    for (const int cooldown : {1'000, 2'000, 4'000, 5'000, 5'000}) {
        EXPECT_EQ(breaker.cooldown(), milliseconds(cooldown));
        EXPECT_FALSE(breaker.tick(at(now + cooldown - 1)));
        now += cooldown;
        EXPECT_TRUE(breaker.tick(at(now)));
        EXPECT_TRUE(breaker.failed(at(now), 0)) << "one failed trial is enough";
    }
    EXPECT_TRUE(breaker.tick(at(now + 5'000)));
    EXPECT_FALSE(breaker.succeeded());
    EXPECT_TRUE(breaker.succeeded());
    for (int i = 0; i < 3; ++i) (void)breaker.failed(at(now + 6'000), 0);
    EXPECT_EQ(breaker.cooldown(), milliseconds(1'000)) << "it begins anew after it was closed";
}

TEST(Breaker, JitterTakesUpToAQuarter) {
    for (const auto& [jitter, cooldown] : {std::pair{0.0, 1'000}, {0.5, 875}, {0.999'999, 750}}) {
        Breaker breaker(kOptions);
        for (int i = 0; i < 3; ++i) (void)breaker.failed(at(0), jitter);
        EXPECT_NEAR(static_cast<double>(breaker.cooldown().count()), cooldown, 1);
    }
}

TEST(Breaker, TrialsOfWhichNothingIsHeardAreRenewed) {
    Breaker breaker = opened();
    EXPECT_TRUE(breaker.tick(at(1'000)));
    const auto first = breaker.trials();
    EXPECT_FALSE(breaker.tick(at(9'000)));
    EXPECT_EQ(breaker.trials(), first) << "nobody has asked for them";
    EXPECT_TRUE(first->take() && first->take());
    EXPECT_FALSE(breaker.succeeded());
    EXPECT_FALSE(breaker.tick(at(9'001))) << "no transition";
    EXPECT_NE(breaker.trials(), first);
    EXPECT_TRUE(breaker.trials()->take());
    EXPECT_FALSE(breaker.trials()->left()) << "only as many as are missing";
    EXPECT_TRUE(breaker.succeeded());
}

TEST(Breaker, TrialsAreStrictBetweenThreads) {
    Trials trials(100);
    std::atomic<int> taken = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int j = 0; j < 1'000; ++j) taken += trials.take() ? 1 : 0;
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(taken, 100);
}

}  // namespace
}  // namespace pgweir::cluster
