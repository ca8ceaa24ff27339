#include "proxy/pool/budget.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tests/unit/proxy/pool/support.hpp"

namespace pgweir::pool {
namespace {

using namespace std::chrono_literals;

constexpr WorkerId kA{0}, kB{1}, kC{2}, kLast{kMaxWorkers - 1};

TEST(Budget, TakesUpToTheLimit) {
    Budget budget(2);
    EXPECT_TRUE(budget.try_take());
    EXPECT_TRUE(budget.try_take());
    EXPECT_FALSE(budget.try_take());
    EXPECT_EQ(budget.taken(), 2U);
    budget.give_back();
    EXPECT_TRUE(budget.try_take());
    EXPECT_FALSE(Budget(0).try_take());
}

TEST(Budget, ALowerLimitDrains) {
    Budget budget(3);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(budget.try_take());
    budget.set_limit(1);
    budget.give_back();
    EXPECT_FALSE(budget.try_take());
    budget.give_back();
    EXPECT_FALSE(budget.try_take());
    budget.give_back();
    EXPECT_TRUE(budget.try_take());
    budget.set_limit(2);
    EXPECT_TRUE(budget.try_take());
}

TEST(Budget, PublishTellsWhetherNobodyWasSeen) {
    Budget budget(1);
    EXPECT_TRUE(budget.publish_hunger(kA, at(1ms)));
    EXPECT_FALSE(budget.publish_hunger(kA, at(2ms)));
    EXPECT_TRUE(budget.claim(kA));
    EXPECT_FALSE(budget.claim(kA)) << "one hunger draws one connection";
    EXPECT_TRUE(budget.publish_hunger(kA, at(2ms))) << "it was claimed in between";
    EXPECT_FALSE(budget.publish_hunger(kA, std::nullopt));
    EXPECT_FALSE(budget.claim(kA));
}

TEST(Budget, ClaimsWhoWaitedLongest) {
    Budget budget(1);
    (void)budget.publish_hunger(kA, at(30ms));
    (void)budget.publish_hunger(kB, at(10ms));
    (void)budget.publish_hunger(kLast, at(20ms));
    EXPECT_EQ(budget.hungriest(kC, std::nullopt), kB);
    EXPECT_EQ(budget.claim_hungriest(kC, std::nullopt), kB);
    EXPECT_EQ(budget.claim_hungriest(kC, std::nullopt), kLast);
    EXPECT_EQ(budget.claim_hungriest(kC, std::nullopt), kA);
    EXPECT_EQ(budget.claim_hungriest(kC, std::nullopt), std::nullopt);
}

TEST(Budget, NobodyIsHungriestForItself) {
    Budget budget(1);
    (void)budget.publish_hunger(kA, at(0ms));
    EXPECT_EQ(budget.hungriest(kA, std::nullopt), std::nullopt);
    EXPECT_TRUE(budget.hungry(kA).empty());
    EXPECT_TRUE(budget.hungry(kB).contains(kA));
}

TEST(Budget, OnesOwnComeFirstWithinTheMargin) {
    Budget budget(1);
    (void)budget.publish_hunger(kB, at(100ms));
    EXPECT_EQ(budget.hungriest(kA, at(90ms)), std::nullopt);
    EXPECT_EQ(budget.hungriest(kA, at(100ms)), std::nullopt);
    EXPECT_EQ(budget.hungriest(kA, at(100ms) + kFairnessMargin), std::nullopt);
    EXPECT_EQ(budget.hungriest(kA, at(100ms) + kFairnessMargin + 1ns), kB);
    EXPECT_EQ(budget.hungriest(kA, std::nullopt), kB);
    EXPECT_TRUE(budget.claim(kB)) << "hungriest() claims nothing";
}

TEST(Budget, ATimeOfZeroIsSomebody) {
    Budget budget(1);
    (void)budget.publish_hunger(kB, TimePoint());
    EXPECT_EQ(budget.hungriest(kA, std::nullopt), kB);
}

TEST(WorkerSet, IsEmptiedInOrder) {
    WorkerSet set;
    for (const WorkerId worker : {kLast, kA, kC, kA}) set.add(worker);
    EXPECT_FALSE(set.contains(kB));
    EXPECT_EQ(set.take(), kA);
    EXPECT_EQ(set.take(), kC);
    EXPECT_EQ(set.take(), kLast);
    EXPECT_EQ(set.take(), std::nullopt);
}

TEST(Budget, IsStrictAmongThreads) {
    constexpr std::uint32_t kLimit = 3;
    Budget budget(kLimit);
    std::atomic<std::uint32_t> held{0}, most{0};
    std::atomic<int> refused{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < 2000; ++i) {
                    if (!budget.try_take()) {
                        ++refused;
                        continue;
                    }
                    const std::uint32_t now = ++held;
                    for (auto seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {
                    }
                    if (i % 64 == 0) std::this_thread::yield();
                    --held;
                    budget.give_back();
                }
            });
        }
    }
    EXPECT_LE(most, kLimit);
    EXPECT_EQ(budget.taken(), 0U);
}

TEST(Budget, OneHungerIsClaimedByOneThread) {
    Budget budget(1);
    std::atomic<int> claims{0};
    int published = 0;
    std::atomic<bool> done{false};
    {
        std::vector<std::jthread> threads;
        for (std::uint8_t t = 1; t <= 3; ++t) {
            threads.emplace_back([&, self = WorkerId{t}] {
                while (!done) {
                    if (budget.claim_hungriest(self, std::nullopt)) ++claims;
                }
            });
        }
        for (int i = 0; i < 3000; ++i) {
            if (budget.publish_hunger(kA, at(std::chrono::milliseconds(i)))) ++published;
        }
        while (!budget.hungry(kB).empty()) std::this_thread::yield();
        done = true;
    }
    EXPECT_EQ(claims, published);
}

}  // namespace
}  // namespace pgweir::pool
