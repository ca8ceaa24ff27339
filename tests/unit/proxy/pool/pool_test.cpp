// Leases, queue, logins and cancels of one worker's pool.
#include "proxy/pool/pool.hpp"

#include <gtest/gtest.h>

#include "tests/unit/proxy/pool/support.hpp"

namespace pgweir::pool {
namespace {

using namespace std::chrono_literals;
using Outcome = Acquired::Outcome;
using Next = Released::Next;

constexpr TimePoint kNow = at(0ms);

TEST(Pool, AFirstClientWaitsForALogin) {
    World world(2);
    TestWaiter waiter;
    EXPECT_EQ(world.pool.acquire(waiter, kNow).outcome, Outcome::queued);
    EXPECT_TRUE(waiter.waiting());
    EXPECT_EQ(world.pool.connects_wanted(kNow), 1U);
    EXPECT_EQ(world.budget->taken(), 1U) << "taken before the connection is opened";
    EXPECT_EQ(world.pool.connects_wanted(kNow), 0U) << "the waiter has its login";
    EXPECT_FALSE(world.pool.take_ask());

    TestSlot& slot = world.start_login(kNow);
    EXPECT_EQ(slot.state(), SlotState::login);
    EXPECT_EQ(slot.pool(), &world.pool);
    EXPECT_EQ(world.pool.connects_wanted(kNow), 0U);

    const Released released = world.pool.login_succeeded(slot, at(5ms));
    EXPECT_EQ(released.next, Next::to_waiter);
    EXPECT_EQ(released.waiter, &waiter);
    EXPECT_EQ(slot.state(), SlotState::active);
    EXPECT_FALSE(waiter.waiting());
    EXPECT_EQ(waiter.queued(), kNow);
    EXPECT_EQ(slot.used(), at(5ms));
    EXPECT_EQ(slot.created(), kNow);
}

TEST(Pool, LeasesTheIdleConnectionUsedLast) {
    World world(2);
    TestSlot* first = world.lease(kNow);
    TestSlot* second = world.lease(kNow);
    ASSERT_TRUE(first != nullptr && second != nullptr);
    EXPECT_EQ(world.pool.release(*second, at(1ms)).next, Next::idle);
    EXPECT_EQ(world.pool.release(*first, at(2ms)).next, Next::idle);
    TestWaiter waiter;
    const Acquired acquired = world.pool.acquire(waiter, at(3ms));
    EXPECT_EQ(acquired.outcome, Outcome::leased);
    EXPECT_EQ(acquired.slot, first);
    EXPECT_EQ(first->state(), SlotState::active);
    EXPECT_FALSE(waiter.waiting());
}

TEST(Pool, ServesInOrderOfArrivalAndNobodyBarges) {
    World world(1);
    TestSlot* slot = world.lease(kNow);
    ASSERT_NE(slot, nullptr);
    std::array<TestWaiter, 4> waiters;
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(world.pool.acquire(waiters[i], at(std::chrono::milliseconds(i))).outcome, Outcome::queued);
    }
    world.pool.cancel_wait(waiters[1]);
    for (const std::size_t next : {0U, 2U, 3U}) {
        const Released released = world.pool.release(*slot, at(10ms));
        EXPECT_EQ(released.next, Next::to_waiter);
        ASSERT_EQ(released.waiter, &waiters[next]);
        // The newcomer of each turn goes to the end.
        if (next == 0) {
            EXPECT_EQ(world.pool.acquire(waiters[1], at(10ms)).outcome, Outcome::queued);
        }
    }
    EXPECT_EQ(world.pool.release(*slot, at(10ms)).waiter, &waiters[1]);
    EXPECT_EQ(world.pool.release(*slot, at(10ms)).next, Next::idle);
}

TEST(Pool, ANewcomerDoesNotOvertakeTheQueueWhenASlotIsIdle) {
    // An idle slot beside a queue: it was worn out when the waiter came. A retired one must not be leased either.
    World world(1);
    TestSlot* slot = world.lease(kNow);
    ASSERT_NE(slot, nullptr);
    ASSERT_EQ(world.pool.release(*slot, kNow).next, Next::idle);
    slot->retire();
    TestWaiter first, second;
    EXPECT_EQ(world.pool.acquire(first, kNow).outcome, Outcome::queued);
    EXPECT_EQ(world.pool.acquire(second, kNow).outcome, Outcome::queued);
    const Sweep swept = world.pool.sweep(kNow);
    ASSERT_EQ(swept.close, std::vector<ServerSlot*>{slot});
    EXPECT_EQ(world.pool.connects_wanted(kNow), 0U) << "the budget is its own until it is gone";
    world.pool.closed(*slot);
    EXPECT_EQ(world.pool.connects_wanted(kNow), 1U);
    EXPECT_EQ(world.pool.login_succeeded(world.start_login(kNow), kNow).waiter, &first);
}

TEST(Pool, RefusesAtMaxWaiters) {
    PoolLimits limits;
    limits.max_waiters = 2;
    World world(1, limits);
    TestWaiter a, b, c;
    EXPECT_EQ(world.pool.acquire(a, kNow).outcome, Outcome::queued);
    EXPECT_EQ(world.pool.acquire(b, kNow).outcome, Outcome::queued);
    EXPECT_EQ(world.pool.acquire(c, kNow).outcome, Outcome::refused);
    EXPECT_FALSE(c.waiting());
    world.pool.cancel_wait(a);
    EXPECT_EQ(world.pool.acquire(c, kNow).outcome, Outcome::queued);
}

TEST(Pool, CancelWaitIsIdempotentAndWaitersLeaveWhenTheyDie) {
    World world(1);
    TestWaiter waiter;
    world.pool.cancel_wait(waiter);
    {
        TestWaiter passing;
        (void)world.pool.acquire(passing, kNow);
        EXPECT_EQ(world.pool.counts(at(7ms)).waiting, 1U);
        EXPECT_EQ(world.pool.counts(at(7ms)).oldest_wait, 7ms);
    }
    EXPECT_TRUE(world.pool.empty());
    EXPECT_EQ(world.pool.connects_wanted(kNow), 0U);
}

TEST(Pool, IsAtRestWithIdleConnectionsOnly) {
    World world(1);
    EXPECT_TRUE(world.pool.at_rest());
    TestSlot* slot = world.lease(kNow);
    ASSERT_NE(slot, nullptr);
    EXPECT_FALSE(world.pool.at_rest()) << "a client, or what it has left behind";
    ASSERT_EQ(world.pool.release(*slot, kNow).next, Next::idle);
    EXPECT_TRUE(world.pool.at_rest());
    EXPECT_FALSE(world.pool.empty());
    world.pool.closing(*slot);
    EXPECT_FALSE(world.pool.at_rest());
    world.pool.closed(*slot);
    EXPECT_TRUE(world.pool.at_rest() && world.pool.empty());
    TestWaiter waiter;
    (void)world.pool.acquire(waiter, kNow);
    EXPECT_FALSE(world.pool.at_rest());
}

TEST(Pool, TakeWaitersEmptiesTheQueueOldestFirst) {
    World world(1);
    TestWaiter a, b;
    (void)world.pool.acquire(a, kNow);
    (void)world.pool.acquire(b, kNow);
    EXPECT_EQ(world.pool.take_waiters(), (std::vector<Waiter*>{&a, &b}));
    EXPECT_FALSE(a.waiting() || b.waiting());
    EXPECT_TRUE(world.budget->hungry(WorkerId{9}).empty());
    EXPECT_FALSE(world.pool.take_ask());
}

TEST(Pool, LoginsStopAtTheBudget) {
    World world(3);
    std::array<TestWaiter, 5> waiters;
    for (TestWaiter& waiter : waiters) (void)world.pool.acquire(waiter, kNow);
    EXPECT_EQ(world.pool.connects_wanted(kNow), 3U);
    EXPECT_EQ(world.pool.connects_wanted(kNow), 0U);
    EXPECT_EQ(world.budget->taken(), 3U);
    EXPECT_TRUE(world.pool.take_ask()) << "two have no prospect";
    EXPECT_FALSE(world.pool.take_ask()) << "once";
}

TEST(Pool, ALoginThatNobodyWaitsForAnyMoreGoesIdle) {
    World world(1);
    {
        TestWaiter gone;
        (void)world.pool.acquire(gone, kNow);
        ASSERT_EQ(world.pool.connects_wanted(kNow), 1U);
    }
    EXPECT_EQ(world.pool.login_succeeded(world.start_login(kNow), kNow).next, Next::idle);
}

TEST(Pool, MinPoolSizeIsOpenedWithoutWaiters) {
    PoolLimits limits;
    limits.min_pool_size = 2;
    World world(3, limits);
    EXPECT_LE(world.pool.next_deadline(), kNow) << "there is something to do";
    EXPECT_EQ(world.pool.connects_wanted(kNow), 2U);
    EXPECT_EQ(world.pool.login_succeeded(world.start_login(kNow), kNow).next, Next::idle);
    EXPECT_EQ(world.pool.login_succeeded(world.start_login(kNow), kNow).next, Next::idle);
    EXPECT_EQ(world.pool.connects_wanted(kNow), 0U);
    World small(1, limits);
    EXPECT_EQ(small.pool.connects_wanted(kNow), 1U) << "the budget is the stronger";
    EXPECT_EQ(small.pool.next_deadline(), TimePoint::max());
}

TEST(Pool, FailedLoginsBackOffAndThenTryOneAtATime) {
    World world(4);
    std::array<TestWaiter, 3> waiters;
    for (TestWaiter& waiter : waiters) (void)world.pool.acquire(waiter, kNow);
    ASSERT_EQ(world.pool.connects_wanted(kNow), 3U);
    TestSlot& a = world.start_login(kNow);
    TestSlot& b = world.start_login(kNow);
    world.pool.login_failed(nullptr, kNow, 0);  // it came to nothing before there was a slot
    world.pool.login_failed(&a, kNow, 0);
    EXPECT_EQ(a.state(), SlotState::detached);
    EXPECT_EQ(world.pool.login_failures(), 1U);
    world.pool.login_failed(&b, at(150ms), 0);
    EXPECT_EQ(world.pool.login_failures(), 1U) << "was under way with the others, however late it fails";
    EXPECT_EQ(world.budget->taken(), 0U);
    EXPECT_EQ(world.pool.counts(kNow).waiting, 3U) << "the waiters stay";
    EXPECT_TRUE(world.pool.take_ask());

    EXPECT_EQ(world.pool.connects_wanted(at(99ms)), 0U);
    EXPECT_EQ(world.pool.next_connect_time(), at(100ms));
    EXPECT_EQ(world.pool.next_deadline(), at(100ms));
    EXPECT_EQ(world.pool.connects_wanted(at(100ms)), 1U);
    EXPECT_EQ(world.pool.connects_wanted(at(100ms)), 0U);
    EXPECT_EQ(world.pool.next_deadline(), TimePoint::max());
    TestSlot& c = world.start_login(at(100ms));
    EXPECT_EQ(world.pool.login_succeeded(c, at(101ms)).waiter, &waiters[0]);
    EXPECT_EQ(world.pool.connects_wanted(at(101ms)), 2U) << "and all at once when the server lets us in";
}

TEST(Pool, DeadlineDoesNotSpinOnABudgetThatOthersHold) {
    World world(1);
    TestWaiter waiter;
    (void)world.pool.acquire(waiter, kNow);
    ASSERT_EQ(world.pool.connects_wanted(kNow), 1U);
    world.pool.login_failed(nullptr, kNow, 0);
    ASSERT_TRUE(world.budget->try_take());
    EXPECT_EQ(world.pool.next_deadline(), TimePoint::max());
    world.budget->give_back();
    EXPECT_EQ(world.pool.next_deadline(), at(100ms));
}

TEST(Pool, ACancelHoldsTheRelease) {
    World world(1);
    TestSlot* slot = world.lease(kNow);
    ASSERT_NE(slot, nullptr);
    world.pool.set_canceling(*slot);
    world.pool.set_canceling(*slot);
    EXPECT_EQ(slot->state(), SlotState::canceling);
    EXPECT_EQ(world.pool.counts(kNow).canceling, 1U);
    world.pool.clear_canceling(*slot);
    EXPECT_EQ(slot->state(), SlotState::canceling) << "the second is under way";
    TestWaiter waiter;
    EXPECT_EQ(world.pool.acquire(waiter, kNow).outcome, Outcome::queued);
    world.pool.clear_canceling(*slot);
    EXPECT_EQ(slot->state(), SlotState::active);
    EXPECT_EQ(world.pool.release(*slot, kNow).waiter, &waiter);
    world.pool.clear_canceling(*slot);
    EXPECT_EQ(slot->state(), SlotState::active) << "one too many changes nothing";
}

TEST(Pool, ACancelThatEndsAfterTheConnectionIsHarmless) {
    World world(1);
    TestSlot* slot = world.lease(kNow);
    world.pool.set_canceling(*slot);
    world.pool.closed(*slot);
    world.pool.closed(*slot);
    world.pool.clear_canceling(*slot);
    EXPECT_EQ(slot->state(), SlotState::detached);
    EXPECT_EQ(slot->pool(), nullptr);
    EXPECT_EQ(world.budget->taken(), 0U) << "given back once";
}

#ifndef NDEBUG
TEST(PoolDeathTest, ReleaseDuringACancelIsAMistake) {
    World world(1);
    TestSlot* slot = world.lease(kNow);
    world.pool.set_canceling(*slot);
    EXPECT_DEATH((void)world.pool.release(*slot, kNow), "active");
}
#endif

TEST(Pool, AConnectionMayEndInAnyState) {
    for (const SlotState state :
         {SlotState::login, SlotState::idle, SlotState::active, SlotState::canceling, SlotState::closing}) {
        World world(1);
        TestSlot* slot = nullptr;
        if (state == SlotState::login) {
            TestWaiter waiter;
            (void)world.pool.acquire(waiter, kNow);
            ASSERT_EQ(world.pool.connects_wanted(kNow), 1U);
            slot = &world.start_login(kNow);
        } else {
            slot = world.lease(kNow);
            ASSERT_NE(slot, nullptr);
            if (state == SlotState::canceling) world.pool.set_canceling(*slot);
            if (state == SlotState::closing) slot->retire();
            if (state != SlotState::active && state != SlotState::canceling) (void)world.pool.release(*slot, kNow);
        }
        ASSERT_EQ(slot->state(), state);
        EXPECT_EQ(world.budget->taken(), 1U);
        world.slots.clear();  // the destructor leaves the pool
        EXPECT_EQ(world.budget->taken(), 0U);
        EXPECT_TRUE(world.pool.empty());
    }
}

TEST(Pool, RetiredConnectionsAreClosedWhenReleased) {
    World world(3);
    TestSlot* active = world.lease(kNow);
    TestSlot* idle = world.lease(kNow);
    ASSERT_EQ(world.pool.release(*idle, kNow).next, Next::idle);
    TestWaiter waiter, other;
    ASSERT_EQ(world.pool.acquire(waiter, kNow).outcome, Outcome::leased);
    ASSERT_EQ(world.pool.release(*idle, kNow).next, Next::idle);
    world.pool.retire_all();
    EXPECT_LE(world.pool.next_deadline(), kNow);
    EXPECT_EQ(world.pool.sweep(kNow).close, std::vector<ServerSlot*>{idle});
    EXPECT_EQ(world.pool.acquire(other, kNow).outcome, Outcome::queued);
    const Released released = world.pool.release(*active, kNow);
    EXPECT_EQ(released.next, Next::close) << "though somebody waits";
    EXPECT_EQ(active->state(), SlotState::closing);
    EXPECT_EQ(world.pool.counts(kNow).closing, 2U);
    world.pool.closed(*active);
    ASSERT_EQ(world.pool.connects_wanted(kNow), 1U);
    EXPECT_EQ(world.pool.login_succeeded(world.start_login(kNow), kNow).waiter, &other)
        << "a connection made afterwards is not retired";
}

TEST(Pool, ALoginUnderWayIsRetiredToo) {
    World world(1);
    TestWaiter waiter;
    (void)world.pool.acquire(waiter, kNow);
    ASSERT_EQ(world.pool.connects_wanted(kNow), 1U);
    TestSlot& slot = world.start_login(kNow);
    world.pool.retire_all();
    EXPECT_EQ(world.pool.login_succeeded(slot, kNow).next, Next::close);
    EXPECT_TRUE(waiter.waiting());
}

TEST(Pool, ALowerLimitClosesWhatIsFreed) {
    World world(2);
    TestSlot* a = world.lease(kNow);
    TestSlot* b = world.lease(kNow);
    world.budget->set_limit(1);
    EXPECT_EQ(world.pool.release(*a, kNow).next, Next::close);
    EXPECT_EQ(world.pool.release(*b, kNow).next, Next::idle) << "the closing one is not counted twice";
    world.budget->set_limit(0);
    EXPECT_LE(world.pool.next_deadline(), kNow);
    EXPECT_EQ(world.pool.sweep(kNow).close, std::vector<ServerSlot*>{b});
}

TEST(Pool, ItsEndDetachesEverything) {
    auto budget = std::make_shared<Budget>(5);
    TestWaiter waiter;
    TestSlot slot;
    {
        World world(budget, {}, WorkerId{3});
        (void)world.pool.acquire(waiter, kNow);
        TestWaiter second;
        (void)world.pool.acquire(second, kNow);
        ASSERT_EQ(world.pool.connects_wanted(kNow), 2U);
        world.pool.login_started(slot, kNow);  // and one is only promised
    }
    EXPECT_EQ(budget->taken(), 0U);
    EXPECT_FALSE(waiter.waiting());
    EXPECT_EQ(slot.state(), SlotState::detached);
    EXPECT_TRUE(budget->hungry(WorkerId{0}).empty());
}

}  // namespace
}  // namespace pgweir::pool
