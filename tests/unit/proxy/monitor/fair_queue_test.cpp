#include "proxy/monitor/fair_queue.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pgweir::monitor {
namespace {

std::string all(FairQueue<std::string>& queue) {
    std::string text;
    while (!queue.empty()) text += queue.pop() + " ";
    return text;
}

TEST(FairQueue, SourcesTakeTurns) {
    FairQueue<std::string> queue(10);
    for (const char* item : {"a1", "a2", "a3", "b1", "c1", "c2"}) EXPECT_FALSE(queue.push(std::string(1, item[0]), item));
    EXPECT_EQ(queue.size(), 6U);
    EXPECT_EQ(all(queue), "a1 b1 c1 a2 c2 a3 ");
    EXPECT_EQ(queue.size(), 0U);
}

TEST(FairQueue, WhoComesBackStandsBehindTheOthers) {
    FairQueue<std::string> queue(10);
    for (const char* item : {"a1", "b1"}) EXPECT_FALSE(queue.push(std::string(1, item[0]), item));
    EXPECT_EQ(queue.pop(), "a1");
    EXPECT_FALSE(queue.push("a", "a2"));
    EXPECT_EQ(all(queue), "b1 a2 ");
}

TEST(FairQueue, TheLongestLosesItsLast) {
    FairQueue<std::string> queue(3);
    for (const char* item : {"a1", "a2", "a3"}) EXPECT_FALSE(queue.push("a", item));
    EXPECT_EQ(queue.push("a", "a4"), "a4") << "its own";
    EXPECT_EQ(queue.push("b", "b1"), "a3");
    EXPECT_EQ(queue.push("c", "c1"), "a2");
    EXPECT_EQ(queue.size(), 3U);
    EXPECT_EQ(all(queue), "a1 b1 c1 ");
}

TEST(FairQueue, TakesOutOfTurn) {
    FairQueue<std::string> queue(10);
    for (const char* item : {"a1", "a2", "b1", "b2", "c1"}) EXPECT_FALSE(queue.push(std::string(1, item[0]), item));
    const auto ones = queue.take_if([](const std::string& item) { return item[1] == '1'; });
    EXPECT_EQ(ones, (std::vector<std::string>{"a1", "b1", "c1"}));
    EXPECT_EQ(queue.size(), 2U);
    EXPECT_FALSE(queue.push("c", "c2"));
    EXPECT_EQ(all(queue), "a2 b2 c2 ");
}

}  // namespace
}  // namespace pgweir::monitor
