// What the sweep does: idle and lifetime ends, min_pool_size, late logins, waiters that gave up.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "tests/unit/proxy/pool/support.hpp"

namespace pgweir::pool {
namespace {

using namespace std::chrono_literals;
using Next = Released::Next;

constexpr TimePoint kNow = at(0ms);

// `count` idle connections, released 1 ms apart.
std::vector<TestSlot*> fill(World& world, int count, TimePoint now) {
    std::vector<TestSlot*> slots;
    for (int i = 0; i < count; ++i) slots.push_back(world.lease(now));
    for (int i = 0; i < count; ++i) {
        EXPECT_EQ(world.pool.release(*slots[static_cast<std::size_t>(i)], now + i * 1ms).next, Next::idle);
    }
    return slots;
}

TEST(PoolSweep, ClosesWhatWasIdleTooLong) {
    PoolLimits limits;
    limits.server_idle_timeout = 10s;
    World world(3, limits);
    const auto slots = fill(world, 3, kNow);
    EXPECT_EQ(world.pool.next_deadline(), at(10s));
    EXPECT_TRUE(world.pool.sweep(at(10s) - 1ns).close.empty());
    EXPECT_EQ(world.pool.sweep(at(10s)).close, std::vector<ServerSlot*>{slots[0]});
    EXPECT_EQ(slots[0]->state(), SlotState::closing);
    EXPECT_EQ(world.pool.next_deadline(), at(10s + 1ms));
    EXPECT_EQ(world.pool.sweep(at(1min)).close, (std::vector<ServerSlot*>{slots[1], slots[2]}));
    EXPECT_EQ(world.pool.next_deadline(), TimePoint::max());
}

TEST(PoolSweep, KeepsMinPoolSize) {
    PoolLimits limits;
    limits.server_idle_timeout = 10s;
    World world(5, limits);
    const auto slots = fill(world, 5, kNow);
    limits.min_pool_size = 2;
    world.pool.set_limits(limits);
    EXPECT_EQ(world.pool.sweep(at(1h)).close, (std::vector<ServerSlot*>{slots[0], slots[1], slots[2]}))
        << "those used longest ago go";
    EXPECT_EQ(world.pool.next_deadline(), TimePoint::max()) << "nothing to spare: no reason to wake up";
    EXPECT_TRUE(world.pool.sweep(at(1h)).close.empty()) << "the closing ones are not counted twice";
    for (int i = 0; i < 3; ++i) world.pool.closed(*slots[static_cast<std::size_t>(i)]);
    EXPECT_TRUE(world.pool.sweep(at(2h)).close.empty());
    EXPECT_EQ(world.pool.connects_wanted(at(2h)), 0U);
}

TEST(PoolSweep, ReplacesWornOutConnectionsBelowMinPoolSize) {
    PoolLimits limits;
    limits.server_lifetime = 60s;
    limits.min_pool_size = 1;
    World world(1, limits);
    const auto slots = fill(world, 1, kNow);
    EXPECT_EQ(world.pool.next_deadline(), slots[0]->history().expires);
    ASSERT_EQ(world.pool.sweep(slots[0]->history().expires).close, std::vector<ServerSlot*>{slots[0]});
    world.pool.closed(*slots[0]);
    EXPECT_EQ(world.pool.connects_wanted(at(60s)), 1U);
}

TEST(PoolSweep, ZeroMeansNoTimeout) {
    World world(2);
    TestWaiter waiter;
    const auto slots = fill(world, 1, kNow);
    ASSERT_EQ(world.lease(kNow), slots[0]);
    TestSlot* other = world.lease(kNow);
    ASSERT_NE(other, nullptr);
    (void)world.pool.acquire(waiter, kNow);
    const Sweep swept = world.pool.sweep(at(24h * 365));
    EXPECT_TRUE(swept.close.empty() && swept.late.empty() && swept.timed_out.empty());
    EXPECT_EQ(world.pool.next_deadline(), TimePoint::max());
}

TEST(PoolSweep, LifetimesSpreadOverTenPercentEitherWay) {
    PoolLimits limits;
    limits.server_lifetime = 1000s;
    std::set<Duration> lifetimes;
    for (const WorkerId worker : {WorkerId{0}, WorkerId{1}}) {
        World world(50, limits, worker);
        for (int i = 0; i < 50; ++i) {
            TestSlot* slot = world.lease(at(std::chrono::seconds(i)));
            ASSERT_NE(slot, nullptr);
            lifetimes.insert(slot->history().expires - slot->created());
        }
    }
    EXPECT_EQ(lifetimes.size(), 100U) << "no two end together";
    EXPECT_GE(*lifetimes.begin(), 900s);
    EXPECT_LE(*lifetimes.rbegin(), 1100s);
    EXPECT_LT(*lifetimes.begin(), 910s) << "and the range is used";
    EXPECT_GT(*lifetimes.rbegin(), 1090s);
    Duration widest{};
    for (auto a = lifetimes.begin(), b = std::next(a); b != lifetimes.end(); ++a, ++b)
        widest = std::max(widest, *b - *a);
    EXPECT_LT(widest, 15s) << "evenly";
}

TEST(PoolSweep, AnExpiredConnectionIsNeitherLeasedNorKept) {
    PoolLimits limits;
    limits.server_lifetime = 10s;
    World world(2, limits);
    TestSlot* slot = world.lease(kNow);
    ASSERT_EQ(world.pool.release(*slot, kNow).next, Next::idle);
    TestWaiter waiter;
    EXPECT_EQ(world.pool.acquire(waiter, at(12s)).outcome, Acquired::Outcome::queued);
    world.pool.cancel_wait(waiter);
    EXPECT_EQ(world.pool.acquire(waiter, at(1s)).slot, slot);
    EXPECT_EQ(world.pool.release(*slot, at(12s)).next, Next::close);
}

TEST(PoolSweep, ReportsLateLoginsUntilTheyFail) {
    PoolLimits limits;
    limits.server_connect_timeout = 5s;
    World world(2, limits);
    TestWaiter a, b;
    (void)world.pool.acquire(a, kNow);
    ASSERT_EQ(world.pool.connects_wanted(kNow), 1U);
    TestSlot& first = world.start_login(kNow);
    (void)world.pool.acquire(b, at(1s));
    ASSERT_EQ(world.pool.connects_wanted(at(1s)), 1U);
    TestSlot& second = world.start_login(at(1s));
    EXPECT_EQ(world.pool.next_deadline(), at(5s));
    EXPECT_EQ(world.pool.sweep(at(5s)).late, std::vector<ServerSlot*>{&first});
    EXPECT_EQ(first.state(), SlotState::login);
    world.pool.login_failed(&first, at(5s), 0);
    EXPECT_EQ(world.pool.sweep(at(6s)).late, std::vector<ServerSlot*>{&second});
    world.pool.login_failed(&second, at(6s), 0);
    EXPECT_EQ(world.pool.login_failures(), 1U);
}

TEST(PoolSweep, WaitersGiveUpOldestFirst) {
    PoolLimits limits;
    limits.query_wait_timeout = 2s;
    World world(0, limits);
    TestWaiter a, b, c;
    (void)world.pool.acquire(a, kNow);
    (void)world.pool.acquire(b, at(500ms));
    (void)world.pool.acquire(c, at(1s));
    EXPECT_EQ(world.pool.next_deadline(), at(2s));
    EXPECT_EQ(world.pool.sweep(at(2500ms)).timed_out, (std::vector<Waiter*>{&a, &b}));
    EXPECT_FALSE(a.waiting() || b.waiting());
    EXPECT_TRUE(c.waiting());
    EXPECT_EQ(world.pool.next_deadline(), at(3s));
    EXPECT_EQ(world.budget->hungriest(WorkerId{5}, std::nullopt), WorkerId{0});
    EXPECT_EQ(world.pool.sweep(at(3s)).timed_out.size(), 1U);
    EXPECT_EQ(world.budget->hungriest(WorkerId{5}, std::nullopt), std::nullopt);
}

TEST(PoolSweep, NewLimitsHoldAtOnce) {
    World world(1);
    const auto slots = fill(world, 1, kNow);
    PoolLimits limits;
    limits.server_idle_timeout = 1s;
    world.pool.set_limits(limits);
    EXPECT_EQ(world.pool.next_deadline(), at(1s));
    EXPECT_EQ(world.pool.sweep(at(1s)).close.size(), 1U);
}

TEST(PoolLimits, AreTheConfigurations) {
    config::Pool pool;
    pool.max_waiters = 17;
    pool.query_wait_timeout = 3s;
    pool.server_idle_timeout = 4s;
    pool.server_lifetime = 5s;
    pool.server_connect_timeout = 6s;
    pool.server_login_retry = 7s;
    const PoolLimits limits(pool, 9);
    EXPECT_EQ(limits.min_pool_size, 9U);
    EXPECT_EQ(limits.max_waiters, 17U);
    EXPECT_EQ(limits.query_wait_timeout, 3s);
    EXPECT_EQ(limits.server_idle_timeout, 4s);
    EXPECT_EQ(limits.server_lifetime, 5s);
    EXPECT_EQ(limits.server_connect_timeout, 6s);
    EXPECT_EQ(limits.server_login_retry, 7s);
}

TEST(PoolReload, ALifetimeCountsForTheConnectionsThatAreHere) {
    World world(2);
    const auto slots = fill(world, 2, kNow);
    EXPECT_TRUE(world.pool.sweep(at(10h)).close.empty());
    PoolLimits limits;
    limits.server_lifetime = 1h;
    world.pool.set_limits(limits);
    EXPECT_LE(world.pool.next_deadline(), at(2h));
    EXPECT_EQ(world.pool.sweep(at(2h)).close.size(), 2U);
    (void)slots;
}

TEST(PoolDrain, KeepsNothingReady) {
    PoolLimits limits;
    limits.min_pool_size = 1;
    World world(3, limits);
    TestSlot* slot = world.lease(kNow);
    ASSERT_NE(slot, nullptr);
    EXPECT_EQ(world.pool.release(*slot, kNow).next, Released::Next::idle);
    world.pool.drain();
    EXPECT_EQ(world.pool.sweep(kNow).close, std::vector<ServerSlot*>{slot});
    world.pool.closed(*slot);
    EXPECT_EQ(world.pool.connects_wanted(kNow), 0U);
    EXPECT_EQ(world.budget->taken(), 0U);
}

TEST(PoolDrain, WhatNobodyWaitsForIsClosed) {
    World world(3);
    TestSlot* busy = world.lease(kNow);
    ASSERT_NE(busy, nullptr);
    TestSlot* idle = world.lease(kNow);
    ASSERT_NE(idle, nullptr);
    EXPECT_EQ(world.pool.release(*idle, kNow).next, Released::Next::idle);
    world.pool.drain();
    EXPECT_EQ(world.pool.next_deadline(), TimePoint::min());
    EXPECT_EQ(world.pool.give_idle(WorkerId{1}), nullptr);
    EXPECT_EQ(world.pool.sweep(kNow).close, std::vector<ServerSlot*>{idle});
    world.pool.closed(*idle);
    TestWaiter waiter;  // in the middle of something that needs a connection here
    EXPECT_EQ(world.pool.acquire(waiter, kNow).outcome, Acquired::Outcome::queued);
    const Released first = world.pool.release(*busy, kNow);
    EXPECT_EQ(first.next, Released::Next::to_waiter);
    EXPECT_EQ(world.pool.release(*busy, kNow).next, Released::Next::close);
    world.pool.closed(*busy);
    EXPECT_TRUE(world.pool.empty());
}

}  // namespace
}  // namespace pgweir::pool
