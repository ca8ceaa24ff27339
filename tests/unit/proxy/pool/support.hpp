// What the pool's tests share: slots and waiters without a connection behind them, and a time that the test makes.
#pragma once

#include <memory>
#include <vector>

#include "proxy/pool/pool.hpp"

namespace pgweir::pool {

struct TestSlot : ServerSlot {};
struct TestWaiter : Waiter {};

constexpr TimePoint at(std::chrono::milliseconds time) { return TimePoint(std::chrono::hours(1) + time); }

// One worker's pool; it owns the slots, so that a test can forget them.
struct World {
    explicit World(std::uint32_t limit, PoolLimits limits = {}, WorkerId worker = WorkerId{0})
        : World(std::make_shared<Budget>(limit), limits, worker) {}
    World(std::shared_ptr<Budget> shared, PoolLimits limits, WorkerId worker)
        : budget(std::move(shared)), pool(limits, budget, worker) {}

    TestSlot& make_slot() { return *slots.emplace_back(std::make_unique<TestSlot>()); }

    // Starts one login, which the pool must have asked for.
    TestSlot& start_login(TimePoint now) {
        TestSlot& slot = make_slot();
        pool.login_started(slot, now);
        return slot;
    }

    // A connection in the hands of a client, by way of a waiter and a login.
    TestSlot* lease(TimePoint now) {
        TestWaiter waiter;
        const Acquired acquired = pool.acquire(waiter, now);
        if (acquired.outcome == Acquired::Outcome::leased) return static_cast<TestSlot*>(acquired.slot);
        if (acquired.outcome == Acquired::Outcome::refused || pool.connects_wanted(now) != 1) return nullptr;
        TestSlot& slot = start_login(now);
        const Released released = pool.login_succeeded(slot, now);
        return released.next == Released::Next::to_waiter && released.waiter == &waiter ? &slot : nullptr;
    }

    std::shared_ptr<Budget> budget;
    Pool pool;
    std::vector<std::unique_ptr<TestSlot>> slots;
};

}  // namespace pgweir::pool
