// Random steps on one pool beside a plain model of it: states, order of the queue, budget. The seeds are fixed.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>

#include "tests/unit/proxy/pool/support.hpp"

namespace pgweir::pool {
namespace {

using namespace std::chrono_literals;
using Next = Released::Next;
using Outcome = Acquired::Outcome;

constexpr std::uint32_t kLimit = 4;
constexpr std::size_t kMaxWaiters = 6;

PoolLimits limits_of_model() {
    PoolLimits limits;
    limits.max_waiters = kMaxWaiters;
    limits.min_pool_size = 1;
    limits.query_wait_timeout = 400ms;
    limits.server_idle_timeout = 600ms;
    limits.server_lifetime = 5s;
    limits.server_connect_timeout = 300ms;
    limits.server_login_retry = 1s;
    return limits;
}

class Model {
  public:
    explicit Model(std::uint32_t seed) : random_(seed), world_(kLimit, limits_of_model()) {}

    void step() {
        now_ += std::chrono::milliseconds(pick(30));
        switch (pick(10)) {
            case 0:
            case 1:
            case 2:
                acquire();
                break;
            case 3:
                cancel_wait();
                break;
            case 4:
                finish_login();
                break;
            case 5:
            case 6:
                release();
                break;
            case 7:
                toggle_cancel();
                break;
            case 8:
                lose();
                break;
            default:
                sweep();
                break;
        }
        start_logins();
        check();
    }

    void drain() {
        for (auto& waiter : waiters_) world_.pool.cancel_wait(*waiter);
        queue_.clear();
        while (!states_.empty()) gone(states_.begin()->first);
        EXPECT_TRUE(world_.pool.empty());
        EXPECT_EQ(world_.budget->taken(), 0U);
    }

  private:
    std::size_t pick(std::size_t below) { return random_() % below; }

    ServerSlot* any(SlotState state) {
        std::vector<ServerSlot*> found;
        for (const auto& [slot, its] : states_) {
            if (its == state) found.push_back(slot);
        }
        // In order of making, not of address: the same in every run.
        std::ranges::sort(found, {}, [this](ServerSlot* slot) { return made_[slot]; });
        return found.empty() ? nullptr : found[pick(found.size())];
    }

    std::size_t count(SlotState state) const {
        return static_cast<std::size_t>(
            std::ranges::count_if(states_, [&](const auto& entry) { return entry.second == state; }));
    }

    void acquire() {
        TestWaiter& waiter = *waiters_.emplace_back(std::make_unique<TestWaiter>());
        const Acquired acquired = world_.pool.acquire(waiter, now_);
        switch (acquired.outcome) {
            case Outcome::leased:
                EXPECT_TRUE(queue_.empty()) << "barged";
                ASSERT_EQ(states_.at(acquired.slot), SlotState::idle);
                EXPECT_GT(acquired.slot->history().expires, now_);
                states_[acquired.slot] = SlotState::active;
                break;
            case Outcome::queued:
                queue_.push_back(&waiter);
                break;
            case Outcome::refused:
                EXPECT_EQ(queue_.size(), kMaxWaiters);
                break;
        }
    }

    void cancel_wait() {
        if (queue_.empty()) return;
        const auto place = queue_.begin() + static_cast<std::ptrdiff_t>(pick(queue_.size()));
        world_.pool.cancel_wait(**place);
        queue_.erase(place);
    }

    void placed(ServerSlot& slot, const Released& released) {
        switch (released.next) {
            case Next::to_waiter:
                ASSERT_FALSE(queue_.empty());
                EXPECT_EQ(released.waiter, queue_.front()) << "not the oldest";
                queue_.pop_front();
                states_[&slot] = SlotState::active;
                return;
            case Next::idle:
                EXPECT_TRUE(queue_.empty()) << "somebody waits";
                states_[&slot] = SlotState::idle;
                return;
            case Next::close:
                EXPECT_LE(slot.history().expires, now_);
                states_[&slot] = SlotState::closing;
                return;
            case Next::hand_over:
                FAIL() << "to whom?";
        }
    }

    void finish_login() {
        ServerSlot* slot = any(SlotState::login);
        if (slot == nullptr) return;
        if (pick(3) == 0) {
            world_.pool.login_failed(slot, now_, 0.5);
            states_.erase(slot);
            EXPECT_GT(world_.pool.login_failures(), 0U);
        } else {
            placed(*slot, world_.pool.login_succeeded(*slot, now_));
            EXPECT_EQ(world_.pool.login_failures(), 0U);
        }
    }

    void release() {
        if (ServerSlot* slot = any(SlotState::active)) placed(*slot, world_.pool.release(*slot, now_));
    }

    void toggle_cancel() {
        ServerSlot* slot = any(pick(2) == 0 ? SlotState::active : SlotState::canceling);
        if (slot == nullptr) return;
        const bool begins = states_[slot] == SlotState::active;
        begins ? world_.pool.set_canceling(*slot) : world_.pool.clear_canceling(*slot);
        states_[slot] = begins ? SlotState::canceling : SlotState::active;
    }

    void gone(ServerSlot* slot) {
        world_.pool.closed(*slot);
        states_.erase(slot);
    }

    void lose() {
        constexpr SlotState kStates[] = {SlotState::closing, SlotState::closing, SlotState::closing,  SlotState::idle,
                                         SlotState::active,  SlotState::login,   SlotState::canceling};
        if (ServerSlot* slot = any(kStates[pick(std::size(kStates))])) gone(slot);
    }

    void sweep() {
        const Sweep swept = world_.pool.sweep(now_);
        for (ServerSlot* slot : swept.close) {
            ASSERT_EQ(states_.at(slot), SlotState::idle);
            states_[slot] = SlotState::closing;
        }
        for (ServerSlot* slot : swept.late) {
            EXPECT_LE(slot->created() + 300ms, now_);
            world_.pool.login_failed(slot, now_, 0.5);
            states_.erase(slot);
        }
        for (Waiter* waiter : swept.timed_out) {
            ASSERT_EQ(waiter, queue_.front());
            EXPECT_LE(waiter->queued() + 400ms, now_);
            queue_.pop_front();
        }
        if (!queue_.empty()) {
            EXPECT_GT(queue_.front()->queued() + 400ms, now_);
        }
        EXPECT_TRUE(world_.pool.sweep(now_).close.empty()) << "one sweep does it all";
    }

    void start_logins() {
        const bool allowed = world_.pool.next_connect_time() <= now_;
        const bool careful = world_.pool.login_failures() > 0;
        const std::size_t before = count(SlotState::login);
        const unsigned wanted = world_.pool.connects_wanted(now_);
        if (!allowed) {
            EXPECT_EQ(wanted, 0U);
        }
        if (careful) {
            EXPECT_LE(wanted, before > 0 ? 0U : 1U);
        }
        for (unsigned i = 0; i < wanted; ++i) {
            TestSlot& slot = world_.start_login(now_);
            made_.emplace(&slot, made_.size());
            states_[&slot] = SlotState::login;
        }
        const std::size_t logins = count(SlotState::login);
        if (allowed && !careful && states_.size() < kLimit) {
            EXPECT_GE(logins, queue_.size()) << "budget is left and somebody has no login";
            EXPECT_GE(states_.size(), 1U) << "min_pool_size";
        }
    }

    void check() {
        const PoolCounts counts = world_.pool.counts(now_);
        EXPECT_EQ(counts.active, count(SlotState::active));
        EXPECT_EQ(counts.idle, count(SlotState::idle));
        EXPECT_EQ(counts.login, count(SlotState::login));
        EXPECT_EQ(counts.canceling, count(SlotState::canceling));
        EXPECT_EQ(counts.closing, count(SlotState::closing));
        EXPECT_EQ(counts.waiting, queue_.size());
        EXPECT_EQ(counts.oldest_wait, queue_.empty() ? Duration{} : now_ - queue_.front()->queued());
        EXPECT_EQ(world_.budget->taken(), states_.size());
        EXPECT_LE(states_.size(), kLimit);
        for (const auto& [slot, state] : states_) EXPECT_EQ(slot->state(), state);
        const auto hungry = world_.budget->hungriest(WorkerId{1}, std::nullopt);
        EXPECT_EQ(hungry.has_value(), !queue_.empty()) << "the board";
    }

    std::mt19937 random_;
    std::vector<std::unique_ptr<TestWaiter>> waiters_;
    World world_;
    TimePoint now_ = at(0ms);
    std::deque<Waiter*> queue_;
    std::map<ServerSlot*, SlotState> states_;
    std::map<ServerSlot*, std::size_t> made_;
};

TEST(PoolModel, RandomStepsAgree) {
    for (const std::uint32_t seed : {1U, 20240601U, 77U, 4242U}) {
        Model model(seed);
        for (int step = 0; step < 4000; ++step) {
            model.step();
            ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed << ", step " << step;
        }
        model.drain();
    }
}

}  // namespace
}  // namespace pgweir::pool
