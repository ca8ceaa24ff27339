#include "config/nearest.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pgweir::config {
namespace {

const std::vector<std::string> kKeys{"pool_mode", "default_pool_size", "min_pool_size", "max_waiters", "host"};

TEST(Nearest, FindsSlips) {
    EXPECT_EQ(nearest("pool_mod", kKeys), "pool_mode");
    EXPECT_EQ(nearest("poolmode", kKeys), "pool_mode");
    EXPECT_EQ(nearest("POOL_MODE", kKeys), "pool_mode");
    EXPECT_EQ(nearest("max_pool_size", kKeys), "min_pool_size");  // two edits
    EXPECT_EQ(nearest("hots", kKeys), "host");                    // one swap
    EXPECT_EQ(nearest("max-waiters", kKeys), "max_waiters");
    EXPECT_EQ(nearest("min_pool_size", kKeys), "min_pool_size");
}

TEST(Nearest, DoesNotGuessWildly) {
    EXPECT_EQ(nearest("port", kKeys), std::nullopt);  // two edits from host are too many for four letters
    EXPECT_EQ(nearest("frobnicate", kKeys), std::nullopt);
    EXPECT_EQ(nearest("", kKeys), std::nullopt);
    EXPECT_EQ(nearest("pool_mode", {}), std::nullopt);
    EXPECT_EQ(nearest(std::string(100'000, 'a'), kKeys), std::nullopt);
}

}  // namespace
}  // namespace pgweir::config
