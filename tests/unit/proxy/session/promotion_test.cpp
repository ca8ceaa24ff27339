#include "proxy/session/promotion.hpp"

#include <gtest/gtest.h>

#include <random>

namespace pgweir::session {
namespace {

using std::chrono::microseconds;

// Runs it `uses` times, for as long as `plain` and `promoted` say; how often it was promoted.
template <class Plain, class Promoted>
unsigned run(Promotion& promotion, unsigned uses, Plain plain, Promoted promoted, unsigned* given_back = nullptr) {
    unsigned count = 0;
    for (unsigned i = 0; i < uses; ++i) {
        const bool as_prepared = promotion.next();
        count += as_prepared ? 1 : 0;
        const bool back = promotion.took(as_prepared, microseconds(as_prepared ? promoted() : plain()));
        if (back && given_back != nullptr) ++*given_back;
    }
    return count;
}

auto always(int time) {
    return [time] { return time; };
}

TEST(Promotion, FromTheSecondTimeOnButForSamples) {
    Promotion promotion;
    EXPECT_FALSE(promotion.next());
    EXPECT_TRUE(promotion.next());
    Promotion long_used;
    const unsigned promoted = run(long_used, 6400, always(100), always(60));
    EXPECT_GT(promoted, 6400U * 96 / 100);
    EXPECT_LT(promoted, 6400U * 99 / 100) << "there must be something to compare with";
}

TEST(Promotion, WhatIsDearerIsGivenBackAndTriedAgainLater) {
    Promotion promotion;
    unsigned given_back = 0;
    run(promotion, 300, always(100), always(150), &given_back);
    EXPECT_EQ(given_back, 1U);
    EXPECT_EQ(run(promotion, Promotion::kFirstRest - 300, always(100), always(150)), 0U);
    EXPECT_GT(run(promotion, 800, always(100), always(150), &given_back), 0U) << "tried again";
    EXPECT_EQ(given_back, 2U);
    EXPECT_EQ(run(promotion, 2 * Promotion::kFirstRest - 800, always(100), always(150)), 0U) << "the rest doubles";
}

TEST(Promotion, ALittleDearerIsNotGivenBack) {
    Promotion promotion;
    unsigned given_back = 0;
    run(promotion, 20'000, always(100), always(120), &given_back);
    EXPECT_EQ(given_back, 0U);
}

TEST(Promotion, ByChanceNothingIsGivenBack) {
    std::mt19937 random(4711);
    std::exponential_distribution<> times(1.0 / 500);
    const auto draw = [&] { return static_cast<int>(times(random)); };
    unsigned given_back = 0;
    for (int statement = 0; statement < 50; ++statement) {
        Promotion promotion;
        run(promotion, 2000, draw, draw, &given_back);
    }
    EXPECT_LE(given_back, 1U);
}

TEST(Promotion, RareButMuchDearerIsFound) {
    Promotion promotion;
    unsigned given_back = 0;
    int i = 0;
    run(promotion, 3000, always(100), [&] { return ++i % 10 == 0 ? 5000 : 60; }, &given_back);
    EXPECT_GE(given_back, 1U);
}

// A server that is slow now and then is slow with both.
TEST(Promotion, ASlowWhileIsNotItsFault) {
    std::mt19937 random(4711);
    std::uniform_int_distribution<> noise(0, 10);
    Promotion promotion;
    unsigned given_back = 0, promoted = 0;
    for (int use = 0; use < 1'000'000; use += 1000) {
        const int slow = use % 50'000 < 2000 ? 25 : 10;
        const auto time = [&](int base) { return [&noise, &random, slow, base] { return (base + noise(random)) * slow / 10; }; };
        promoted += run(promotion, 1000, time(100), time(60), &given_back);
    }
    EXPECT_EQ(given_back, 0U);
    EXPECT_GT(promoted, 950'000U);
}

TEST(Promotion, WhatBecomesDearerIsFound) {
    Promotion promotion;
    unsigned given_back = 0;
    run(promotion, 20'000, always(100), always(60), &given_back);
    EXPECT_EQ(given_back, 0U);
    run(promotion, 6'000, always(100), always(1000), &given_back);
    EXPECT_GE(given_back, 1U);
}

}  // namespace
}  // namespace pgweir::session
