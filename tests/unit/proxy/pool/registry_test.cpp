#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "proxy/pool/budget_registry.hpp"

namespace pgweir::pool {
namespace {

TEST(BudgetRegistry, OneBudgetForEachKey) {
    BudgetRegistry registry;
    const auto first = registry.get({"pg1", "shop", "ann"}, 20);
    EXPECT_EQ(first->limit(), 20U);
    EXPECT_EQ(registry.get({"pg1", "shop", "ann"}, 20), first);
    for (const PoolKey& other : {PoolKey{"pg2", "shop", "ann"},
                                 {"pg1", "stock", "ann"},
                                 {"pg1", "shop", "bob"},
                                 {"pg1shop", "", "ann"},
                                 {"pg1", "shopann", ""}}) {
        EXPECT_NE(registry.get(other, 5), first) << other.server << other.database << other.user;
    }
    EXPECT_EQ(first->limit(), 20U);
}

TEST(BudgetRegistry, AReloadChangesTheLimitOfTheLivingBudget) {
    BudgetRegistry registry;
    const auto budget = registry.get({"pg1", "shop", "ann"}, 2);
    ASSERT_TRUE(budget->try_take());
    ASSERT_TRUE(budget->try_take());
    EXPECT_EQ(registry.get({"pg1", "shop", "ann"}, 1), budget);
    EXPECT_EQ(budget->limit(), 1U);
    EXPECT_EQ(budget->taken(), 2U) << "what is taken above it drains";
    EXPECT_FALSE(budget->try_take());
}

TEST(BudgetRegistry, ABudgetDiesWithItsLastPool) {
    BudgetRegistry registry;
    auto budget = registry.get({"pg1", "shop", "ann"}, 2);
    const auto other = registry.get({"pg1", "shop", "bob"}, 2);
    ASSERT_TRUE(budget->try_take());
    EXPECT_EQ(registry.size(), 2U);
    budget.reset();
    EXPECT_EQ(registry.size(), 1U);
    EXPECT_EQ(registry.get({"pg1", "shop", "ann"}, 2)->taken(), 0U) << "a new one";
    EXPECT_EQ(registry.size(), 1U);
}

TEST(BudgetRegistry, WorkersMayAskAtOnce) {
    BudgetRegistry registry;
    const auto kept = registry.get({"pg1", "shop", "0"}, 1);
    std::atomic<int> strangers{0};
    std::vector<std::jthread> workers;
    for (int worker = 0; worker < 4; ++worker) {
        workers.emplace_back([&] {
            for (int i = 0; i < 500; ++i) {
                if (registry.get({"pg1", "shop", "0"}, 1) != kept) ++strangers;
                const auto passing = registry.get({"pg1", "shop", std::to_string(1 + i % 3)}, 1);
                if (passing == kept || registry.size() > 4) ++strangers;
            }
        });
    }
    workers.clear();
    EXPECT_EQ(strangers, 0);
    EXPECT_EQ(registry.size(), 1U);
}

}  // namespace
}  // namespace pgweir::pool
