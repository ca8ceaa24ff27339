// The share that is drawn is the share that was asked for.
#include "proxy/routing/draw.hpp"

#include <gtest/gtest.h>

namespace pgweir::routing {
namespace {

// Of `count` numbers from `first`, `step` apart.
int drawn_of(int count, std::uint32_t percent, std::uint64_t first, std::uint64_t step) {
    int sum = 0;
    for (int i = 0; i < count; ++i) sum += drawn(first + static_cast<std::uint64_t>(i) * step, percent) ? 1 : 0;
    return sum;
}

TEST(Drawn, AllAndNone) {
    for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0} - 999}) {
        EXPECT_EQ(drawn_of(1000, 0, first, 1), 0);
        EXPECT_EQ(drawn_of(1000, 100, first, 1), 1000);
    }
}

// Also where only each second session, or each tenth, is an application's, and wherever it begins.
TEST(Drawn, CloseToTheShare) {
    for (const std::uint32_t percent : {1U, 5U, 10U, 25U, 50U, 75U, 99U}) {
        for (const std::uint64_t step : {1U, 2U, 3U, 5U, 7U, 10U}) {
            for (const std::uint64_t first : {std::uint64_t{1}, std::uint64_t{12'345}, std::uint64_t{1} << 40}) {
                EXPECT_NEAR(drawn_of(1000, percent, first, step), 10.0 * percent, 12) << percent << " " << step << " " << first;
            }
        }
    }
}

TEST(Drawn, WhoIsInStaysInWhenTheShareGrows) {
    for (std::uint64_t number = 0; number < 1000; ++number) {
        EXPECT_LE(drawn(number, 10), drawn(number, 11));
    }
}

}  // namespace
}  // namespace pgweir::routing
