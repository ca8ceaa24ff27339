#include "proxy/net/pause_set.hpp"

#include <gtest/gtest.h>

namespace pgweir::net {
namespace {

TEST(PauseSet, OneDatabase) {
    PauseSet set;
    EXPECT_FALSE(set.covers("app"));
    EXPECT_TRUE(set.pause("app"));
    EXPECT_FALSE(set.pause("app"));
    EXPECT_TRUE(set.covers("app"));
    EXPECT_FALSE(set.covers("App"));
    EXPECT_FALSE(set.resume("other"));
    EXPECT_TRUE(set.resume("app"));
    EXPECT_FALSE(set.covers("app"));
    EXPECT_FALSE(set.resume("app"));
}

TEST(PauseSet, AllOfThem) {
    PauseSet set;
    EXPECT_TRUE(set.pause("app"));
    EXPECT_TRUE(set.pause(""));
    EXPECT_FALSE(set.pause(""));
    EXPECT_FALSE(set.pause("other"));  // it is already
    EXPECT_TRUE(set.covers("other"));
    EXPECT_TRUE(set.all());
    EXPECT_TRUE(set.resume("app"));
    EXPECT_TRUE(set.covers("app"));  // by the pause of all
    EXPECT_TRUE(set.resume(""));
    EXPECT_FALSE(set.covers("app"));
    EXPECT_FALSE(set.resume(""));
}

TEST(PauseSet, TheEndOfAllPausesEndsEachOne) {
    PauseSet set;
    EXPECT_TRUE(set.pause("app"));
    EXPECT_TRUE(set.resume(""));
    EXPECT_FALSE(set.covers("app"));
}

}  // namespace
}  // namespace pgweir::net
