// Two or three workers' pools with one budget: the steps of budget.hpp, one at a time.
#include <gtest/gtest.h>

#include "tests/unit/proxy/pool/support.hpp"

namespace pgweir::pool {
namespace {

using namespace std::chrono_literals;
using Next = Released::Next;
using Outcome = Acquired::Outcome;

constexpr WorkerId kA{0}, kB{1}, kC{2};
constexpr TimePoint kNow = at(0ms);

class PoolWorkers : public testing::Test {
  protected:
    std::shared_ptr<Budget> budget_ = std::make_shared<Budget>(1);
    World a_{budget_, {}, kA};
    World b_{budget_, {}, kB};
    World c_{budget_, {}, kC};
};

TEST_F(PoolWorkers, AnIdleConnectionIsGivenToWhoAsks) {
    TestSlot* slot = a_.lease(kNow);
    ASSERT_EQ(a_.pool.release(*slot, kNow).next, Next::idle);
    EXPECT_EQ(a_.pool.give_idle(kB), nullptr) << "nobody waits there";
    EXPECT_EQ(slot->state(), SlotState::idle);

    TestWaiter waiter;
    ASSERT_EQ(b_.pool.acquire(waiter, kNow).outcome, Outcome::queued);
    EXPECT_EQ(b_.pool.connects_wanted(kNow), 0U);
    EXPECT_TRUE(b_.pool.take_ask());
    EXPECT_EQ(a_.pool.give_idle(kB), slot);
    EXPECT_EQ(slot->state(), SlotState::detached);
    EXPECT_EQ(slot->pool(), nullptr);
    EXPECT_EQ(budget_->taken(), 1U) << "its unit travels with it";
    EXPECT_TRUE(a_.pool.empty());

    TestSlot& arrived = b_.make_slot();
    const Released released = b_.pool.adopt(arrived, slot->history(), at(1ms));
    EXPECT_EQ(released.next, Next::to_waiter);
    EXPECT_EQ(released.waiter, &waiter);
    EXPECT_EQ(arrived.created(), slot->created());
    EXPECT_EQ(arrived.used(), at(1ms));
    EXPECT_FALSE(b_.pool.take_ask());
    EXPECT_EQ(budget_->taken(), 1U);
}

// A pool that is closed lives on beside the one that has taken its place.
TEST_F(PoolWorkers, AnOldPoolOfTheSameWorkerDoesNotHideItsHunger) {
    TestWaiter waiter;
    {
        World old(budget_, {}, kB);
        old.pool.drain();
        (void)a_.lease(kNow);
        ASSERT_EQ(b_.pool.acquire(waiter, kNow).outcome, Outcome::queued);
        EXPECT_EQ(budget_->hungriest(kA, {}), kB);
        (void)old.pool.sweep(at(1ms));
        EXPECT_EQ(budget_->hungriest(kA, {}), kB);
    }
    EXPECT_EQ(budget_->hungriest(kA, {}), kB);
    b_.pool.cancel_wait(waiter);
    EXPECT_EQ(budget_->hungriest(kA, {}), std::nullopt);
}

TEST_F(PoolWorkers, OneHungerDrawsOneConnection) {
    budget_->set_limit(2);
    std::array<TestSlot*, 2> slots = {a_.lease(kNow), a_.lease(kNow)};
    for (TestSlot* slot : slots) ASSERT_EQ(a_.pool.release(*slot, kNow).next, Next::idle);
    TestWaiter first, second;
    (void)b_.pool.acquire(first, kNow);
    (void)b_.pool.acquire(second, kNow);
    EXPECT_TRUE(b_.pool.take_ask());
    ServerSlot* given = a_.pool.give_idle(kB);
    ASSERT_NE(given, nullptr);
    EXPECT_EQ(a_.pool.give_idle(kB), nullptr);
    // Step 8: the second is seen, and asks.
    EXPECT_EQ(b_.pool.adopt(*given, given->history(), kNow).waiter, &first);
    EXPECT_TRUE(b_.pool.take_ask());
    given = a_.pool.give_idle(kB);
    ASSERT_NE(given, nullptr);
    EXPECT_EQ(b_.pool.adopt(*given, given->history(), kNow).waiter, &second);
}

TEST_F(PoolWorkers, AReleaseGoesToWhoWaitedLongest) {
    TestSlot* slot = a_.lease(kNow);
    TestWaiter own, other;
    (void)b_.pool.acquire(other, at(0ms));
    (void)a_.pool.acquire(own, at(1ms));
    Released released = a_.pool.release(*slot, at(5ms));
    EXPECT_EQ(released.next, Next::to_waiter) << "within kFairnessMargin one's own come first";
    EXPECT_EQ(released.waiter, &own);

    (void)a_.pool.acquire(own, at(6ms));
    released = a_.pool.release(*slot, at(7ms));
    EXPECT_EQ(released.next, Next::hand_over);
    EXPECT_EQ(released.worker, kB);
    EXPECT_EQ(slot->state(), SlotState::detached);
    EXPECT_TRUE(own.waiting());
    EXPECT_EQ(budget_->hungriest(kC, std::nullopt), kA) << "the own waiter is seen by the others";
}

TEST_F(PoolWorkers, ALoginMayServeAnotherWorker) {
    TestWaiter passing;
    (void)a_.pool.acquire(passing, at(50ms));
    ASSERT_EQ(a_.pool.connects_wanted(at(50ms)), 1U);
    TestWaiter waiter;
    (void)b_.pool.acquire(waiter, at(0ms));
    TestSlot& slot = a_.start_login(at(50ms));
    const Released released = a_.pool.login_succeeded(slot, at(60ms));
    EXPECT_EQ(released.next, Next::hand_over);
    EXPECT_EQ(released.worker, kB);
    EXPECT_TRUE(a_.pool.take_ask()) << "its own waiter is left without prospect";
}

TEST_F(PoolWorkers, AnAdoptedConnectionMayTravelOn) {
    TestSlot* slot = a_.lease(kNow);
    TestWaiter b, c;
    (void)b_.pool.acquire(b, at(0ms));
    (void)c_.pool.acquire(c, at(10ms));
    ASSERT_EQ(a_.pool.release(*slot, at(20ms)).worker, kB);
    b_.pool.cancel_wait(b);
    EXPECT_EQ(b_.pool.adopt(*slot, slot->history(), at(21ms)).worker, kC);
    EXPECT_EQ(c_.pool.adopt(*slot, slot->history(), at(22ms)).waiter, &c);
    EXPECT_EQ(budget_->taken(), 1U);
}

TEST_F(PoolWorkers, AdoptedTooLateItIsIdle) {
    TestSlot* slot = a_.lease(kNow);
    TestWaiter waiter;
    (void)b_.pool.acquire(waiter, kNow);
    ASSERT_EQ(a_.pool.release(*slot, kNow).next, Next::hand_over);
    b_.pool.cancel_wait(waiter);
    EXPECT_EQ(b_.pool.adopt(*slot, slot->history(), kNow).next, Next::idle);
}

TEST_F(PoolWorkers, AnAdoptedWornOutConnectionIsClosed) {
    TestSlot* slot = a_.lease(kNow);
    TestWaiter waiter;
    (void)b_.pool.acquire(waiter, kNow);
    EXPECT_TRUE(b_.pool.take_ask());
    ASSERT_EQ(a_.pool.release(*slot, kNow).next, Next::hand_over);
    SlotHistory history = slot->history();
    history.expires = at(1ms);
    EXPECT_EQ(b_.pool.adopt(*slot, history, at(2ms)).next, Next::close);
    EXPECT_TRUE(budget_->hungry(kA).contains(kB)) << "its hunger, that was claimed, is published again";
    EXPECT_TRUE(b_.pool.take_ask());
    b_.pool.closed(*slot);
    EXPECT_EQ(b_.pool.connects_wanted(at(2ms)), 1U);
}

TEST_F(PoolWorkers, AFailedAdoptionFreesTheUnitAndIsSeenAgain) {
    TestSlot* slot = a_.lease(kNow);
    TestWaiter waiter;
    (void)b_.pool.acquire(waiter, kNow);
    EXPECT_TRUE(b_.pool.take_ask());
    ASSERT_EQ(a_.pool.release(*slot, kNow).next, Next::hand_over);
    EXPECT_TRUE(budget_->hungry(kA).empty()) << "claimed";
    b_.pool.adoption_failed();
    EXPECT_EQ(budget_->taken(), 0U);
    EXPECT_TRUE(budget_->hungry(kA).contains(kB));
    EXPECT_TRUE(b_.pool.take_ask());
    EXPECT_EQ(b_.pool.connects_wanted(kNow), 1U);
}

TEST_F(PoolWorkers, FreedBudgetWakesTheHungry) {
    TestSlot* slot = a_.lease(kNow);
    TestWaiter waiter;
    (void)b_.pool.acquire(waiter, kNow);
    EXPECT_EQ(b_.pool.connects_wanted(kNow), 0U);
    EXPECT_TRUE(a_.pool.hungry_elsewhere().empty()) << "there is nothing for them";
    a_.pool.closed(*slot);
    EXPECT_EQ(a_.pool.connects_wanted(kNow), 0U);
    const WorkerSet woken = a_.pool.hungry_elsewhere();
    EXPECT_TRUE(woken.contains(kB));
    EXPECT_FALSE(woken.contains(kC));
    EXPECT_EQ(b_.pool.connects_wanted(kNow), 1U);
}

TEST_F(PoolWorkers, ARetiredIdleConnectionIsNotGivenAway) {
    TestSlot* slot = a_.lease(kNow);
    ASSERT_EQ(a_.pool.release(*slot, kNow).next, Next::idle);
    slot->retire();
    TestWaiter waiter;
    (void)b_.pool.acquire(waiter, kNow);
    EXPECT_EQ(a_.pool.give_idle(kB), nullptr);
    EXPECT_TRUE(budget_->hungry(kA).contains(kB)) << "and the hunger is not claimed for nothing";
}

TEST_F(PoolWorkers, ASweepPublishesAgain) {
    TestWaiter waiter;
    budget_->set_limit(0);
    (void)b_.pool.acquire(waiter, kNow);
    EXPECT_TRUE(b_.pool.take_ask());
    ASSERT_TRUE(budget_->claim(kB));  // and what was to come is lost
    (void)b_.pool.sweep(at(1s));
    EXPECT_TRUE(budget_->hungry(kA).contains(kB));
    EXPECT_TRUE(b_.pool.take_ask());
}

}  // namespace
}  // namespace pgweir::pool
