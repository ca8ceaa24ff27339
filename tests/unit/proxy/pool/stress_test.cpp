// Workers on threads of their own, with mailboxes, following the protocol of budget.hpp. No sweep ever runs: a lost
// wake-up is a worker that sleeps for good, and the test's deadline finds it.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <thread>
#include <variant>

#include "tests/unit/proxy/pool/support.hpp"

namespace pgweir::pool {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Next = Released::Next;

struct Hungry {
    WorkerId who;
};
struct Retry {};
struct Handover {
    SlotHistory history;
};
struct Stop {};
using Mail = std::variant<Hungry, Retry, Handover, Stop>;

class Mailbox {
  public:
    void post(const Mail& mail) {
        const std::lock_guard lock(mutex_);
        mails_.push_back(mail);
        arrived_.notify_one();
    }
    std::deque<Mail> take() { return take_by(TimePoint::min()); }
    // Waits for mail until `deadline`.
    std::deque<Mail> take_by(TimePoint deadline) {
        std::unique_lock lock(mutex_);
        if (mails_.empty() && deadline != TimePoint::min()) {
            arrived_.wait_until(lock, deadline, [this] { return !mails_.empty(); });
        }
        return std::exchange(mails_, {});
    }

  private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<Mail> mails_;
};

struct Scenario {
    std::uint32_t limit;
    std::size_t workers;
    int clients;        // of each worker
    int leases;         // of each client
    unsigned failures;  // per mille of logins, leases and hand-overs
};

// What all workers see.
struct Town {
    explicit Town(const Scenario& its)
        : scenario(its), budget(std::make_shared<Budget>(its.limit)), mailboxes(its.workers) {}

    void count_open() {
        if (++open > scenario.limit || budget->taken() > scenario.limit) over = true;
    }

    Scenario scenario;
    std::shared_ptr<Budget> budget;
    std::vector<Mailbox> mailboxes;
    TimePoint deadline = Clock::now() + 30s;
    std::atomic<std::uint32_t> open{0};  // connections that exist, by the workers' own count
    std::atomic<bool> over{false};
    std::atomic<std::size_t> finished{0};
    std::atomic<std::int64_t> longest_wait{0};
    std::atomic<std::uint32_t> handed_over{0};
};

struct Client : TestWaiter {
    int left = 0;
    TestSlot* slot = nullptr;
};

class Worker {
  public:
    Worker(Town& town, WorkerId id)
        : town_(town),
          id_(id),
          random_(static_cast<std::uint32_t>(index_of(id)) + 1),
          pool_(limits(), town.budget, id) {
        for (int i = 0; i < town.scenario.clients; ++i) clients_.emplace_back().left = town.scenario.leases;
    }

    void run() {
        bool reported = false;
        while (!stopped_ && Clock::now() < town_.deadline) {
            for (const Mail& mail : busy() ? mailbox(id_).take() : mailbox(id_).take_by(wake_up())) {
                std::visit([this](const auto& its) { handle(its); }, mail);
            }
            turn();
            pump();
            if (!reported && std::ranges::all_of(clients_, [](const Client& client) { return client.left == 0; })) {
                reported = true;
                if (++town_.finished == town_.scenario.workers) {
                    for (Mailbox& box : town_.mailboxes) box.post(Stop{});
                }
            }
        }
        while (!slots_.empty()) close(*slots_.back());
    }

  private:
    static PoolLimits limits() {
        PoolLimits limits;
        limits.server_login_retry = 1ms;
        return limits;
    }

    Mailbox& mailbox(WorkerId worker) { return town_.mailboxes[index_of(worker)]; }
    bool coin() { return random_() % 2 == 0; }
    bool mishap() { return random_() % 1000 < town_.scenario.failures; }

    // Whether it has something to do without mail.
    bool busy() const {
        const bool clients = std::ranges::any_of(clients_, [](const Client& client) {
            return client.slot != nullptr || (client.left > 0 && !client.waiting());
        });
        return clients ||
               std::ranges::any_of(slots_, [](const auto& slot) { return slot->state() == SlotState::login; });
    }
    TimePoint wake_up() const { return std::min(pool_.next_deadline(), town_.deadline); }

    void turn() {
        for (Client& client : clients_) {
            if (client.slot != nullptr) {
                if (coin()) finish(client);
            } else if (client.left > 0 && !client.waiting() && coin()) {
                const Acquired acquired = pool_.acquire(client, Clock::now());
                if (acquired.outcome == Acquired::Outcome::leased) client.slot = static_cast<TestSlot*>(acquired.slot);
            }
        }
        std::vector<TestSlot*> logins;
        for (const auto& slot : slots_) {
            if (slot->state() == SlotState::login && coin()) logins.push_back(slot.get());
        }
        for (TestSlot* slot : logins) {
            if (mishap()) {
                --town_.open;
                pool_.login_failed(slot, Clock::now(), 0.9);
                forget(*slot);
            } else {
                settle(*slot, pool_.login_succeeded(*slot, Clock::now()));
            }
        }
    }

    void finish(Client& client) {
        TestSlot& slot = *std::exchange(client.slot, nullptr);
        --client.left;
        if (mishap()) {
            close(slot);
            return pump();
        }
        settle(slot, pool_.release(slot, Clock::now()));
    }

    void settle(TestSlot& slot, const Released& released) {
        switch (released.next) {
            case Next::to_waiter: {
                auto& client = static_cast<Client&>(*released.waiter);
                client.slot = &slot;
                const std::int64_t waited = (Clock::now() - client.queued()).count();
                for (auto seen = town_.longest_wait.load();
                     seen < waited && !town_.longest_wait.compare_exchange_weak(seen, waited);) {
                }
                break;
            }
            case Next::idle:
                break;
            case Next::hand_over:
                hand_over(slot, released.worker);
                break;
            case Next::close:
                close(slot);
                break;
        }
        pump();
    }

    void pump() {
        for (unsigned wanted = pool_.connects_wanted(Clock::now()); wanted > 0; --wanted) {
            town_.count_open();
            TestSlot& slot = *slots_.emplace_back(std::make_unique<TestSlot>());
            pool_.login_started(slot, Clock::now());
        }
        if (pool_.take_ask()) {
            for (std::size_t other = 0; other < town_.scenario.workers; ++other) {
                if (other != index_of(id_)) town_.mailboxes[other].post(Hungry{id_});
            }
        }
        WorkerSet hungry = pool_.hungry_elsewhere();
        while (const auto other = hungry.take()) mailbox(*other).post(Retry{});
    }

    void hand_over(TestSlot& slot, WorkerId to) {
        ++town_.handed_over;
        const SlotHistory history = slot.history();
        forget(slot);
        mailbox(to).post(Handover{history});
    }

    void close(TestSlot& slot) {
        --town_.open;
        pool_.closed(slot);
        forget(slot);
    }

    void forget(TestSlot& slot) {
        EXPECT_EQ(slot.state(), SlotState::detached);
        std::erase_if(slots_, [&](const auto& held) { return held.get() == &slot; });
    }

    void handle(const Hungry& mail) {
        while (ServerSlot* slot = pool_.give_idle(mail.who)) hand_over(static_cast<TestSlot&>(*slot), mail.who);
    }
    void handle(const Retry&) { pump(); }
    void handle(const Handover& mail) {
        if (mishap()) {
            --town_.open;
            pool_.adoption_failed();
            return pump();
        }
        TestSlot& slot = *slots_.emplace_back(std::make_unique<TestSlot>());
        settle(slot, pool_.adopt(slot, mail.history, Clock::now()));
    }
    void handle(const Stop&) { stopped_ = true; }

    Town& town_;
    WorkerId id_;
    std::mt19937 random_;
    bool stopped_ = false;
    Pool pool_;
    std::deque<Client> clients_;
    std::vector<std::unique_ptr<TestSlot>> slots_;
};

class PoolStress : public testing::TestWithParam<Scenario> {};

TEST_P(PoolStress, NobodyStarvesAndTheLimitHolds) {
    const Scenario scenario = GetParam();
    Town town(scenario);
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < scenario.workers; ++i) {
            threads.emplace_back([&town, i] { Worker(town, static_cast<WorkerId>(i)).run(); });
        }
    }
    EXPECT_EQ(town.finished, scenario.workers) << "somebody waited until the deadline";
    EXPECT_FALSE(town.over);
    EXPECT_LT(town.longest_wait, std::chrono::nanoseconds(10s).count());
    EXPECT_GT(town.handed_over, 0U) << "the scenario tests nothing";
    // What was still travelling when everybody went home.
    for (Mailbox& box : town.mailboxes) {
        for (const Mail& mail : box.take()) {
            if (!std::holds_alternative<Handover>(mail)) continue;
            --town.open;
            town.budget->give_back();
        }
    }
    EXPECT_EQ(town.open, 0U);
    EXPECT_EQ(town.budget->taken(), 0U);
    EXPECT_TRUE(town.budget->hungry(WorkerId{kMaxWorkers - 1}).empty());
}

INSTANTIATE_TEST_SUITE_P(
    Scenarios, PoolStress,
    testing::Values(Scenario{.limit = 1, .workers = 4, .clients = 4, .leases = 1000, .failures = 0},
                    Scenario{.limit = 3, .workers = 4, .clients = 8, .leases = 1500, .failures = 0},
                    Scenario{.limit = 2, .workers = 6, .clients = 1, .leases = 4000, .failures = 5},
                    Scenario{.limit = 5, .workers = 3, .clients = 6, .leases = 1500, .failures = 20},
                    Scenario{.limit = 12, .workers = 4, .clients = 4, .leases = 3000, .failures = 20}));

}  // namespace
}  // namespace pgweir::pool
