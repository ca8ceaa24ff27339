#include "proxy/pool/backoff.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/proxy/pool/support.hpp"

namespace pgweir::pool {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, AllowsUntilSomethingFails) {
    const Backoff backoff;
    EXPECT_TRUE(backoff.allows(at(0ms)));
    EXPECT_TRUE(backoff.allows(TimePoint::min()));
    EXPECT_EQ(backoff.failures(), 0U);
    EXPECT_EQ(backoff.next(), TimePoint::min());
}

TEST(Backoff, DoublesUpToTheLongest) {
    Backoff backoff;
    TimePoint now = at(0ms);
    for (const auto delay : {100ms, 200ms, 400ms, 800ms, 1600ms, 2000ms, 2000ms}) {
        backoff.failed(now, 2s, 0);
        EXPECT_EQ(backoff.next() - now, delay);
        EXPECT_FALSE(backoff.allows(backoff.next() - 1ns));
        EXPECT_TRUE(backoff.allows(backoff.next()));
        now = backoff.next();
    }
    EXPECT_EQ(backoff.failures(), 7U);
}

TEST(Backoff, JitterShortensByUpToAHalf) {
    const std::pair<double, Duration> kCases[] = {{0.0, 100ms}, {0.5, 75ms}, {1.0, 50ms}, {-3.0, 100ms}, {7.0, 50ms}};
    for (const auto& [jitter, delay] : kCases) {
        Backoff backoff;
        backoff.failed(at(0ms), 15s, jitter);
        EXPECT_EQ(backoff.next() - at(0ms), delay) << jitter;
    }
}

TEST(Backoff, AWaveCountsOnce) {
    Backoff backoff;
    for (int i = 0; i < 20; ++i) backoff.failed(at(0ms) + i * 1ms, 15s, 0);
    EXPECT_EQ(backoff.failures(), 1U);
    EXPECT_EQ(backoff.next(), at(100ms));
}

TEST(Backoff, SuccessForgets) {
    Backoff backoff;
    backoff.failed(at(0ms), 15s, 0);
    backoff.failed(at(100ms), 15s, 0);
    backoff.succeeded();
    EXPECT_EQ(backoff.failures(), 0U);
    EXPECT_TRUE(backoff.allows(at(0ms)));
    backoff.failed(at(150ms), 15s, 0);
    EXPECT_EQ(backoff.next(), at(250ms)) << "starts from the first delay again";
}

TEST(Backoff, NeverSpinsAndNeverOverflows) {
    Backoff none;
    none.failed(at(0ms), 0s, 0);
    EXPECT_EQ(none.next(), at(10ms)) << "server_login_retry = 0 still waits a moment";

    Backoff many;
    TimePoint now = at(0ms);
    for (int i = 0; i < 200; ++i) {
        many.failed(now, 24h, 0);
        ASSERT_GT(many.next(), now);
        ASSERT_LE(many.next() - now, 24h);
        now = many.next();
    }
}

}  // namespace
}  // namespace pgweir::pool
