// The cap on reads that the primary runs for want of replicas, with real workers.
#include "proxy/net/primary_reads.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "proxy/net/worker.hpp"

namespace pgweir::net {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const Settings> settings_with(std::uint32_t limit) {
    config::Config config;
    config.servers.push_back({.name = "a", .host = "127.0.0.1"});
    config.databases.emplace_back().name = "*";
    config.routing.max_primary_reads = limit;
    return std::make_shared<const Settings>(config);
}

// Asks for a place as a client does.
struct Read final : PrimaryReads::Reader, std::enable_shared_from_this<Read> {
    explicit Read(PrimaryReads& of) : reads(of) {}
    void ask() { place = reads.take(shared_from_this()); }
    void look_for_place() override {
        ++looked;
        if (needs_one) ask();
    }
    [[nodiscard]] bool has_place() const noexcept override { return place.held(); }
    [[nodiscard]] pool::TimePoint queued_since() const noexcept override { return since; }

    PrimaryReads& reads;
    PrimaryReads::Place place;
    pool::TimePoint since = std::chrono::steady_clock::now();
    bool needs_one = true;  // else a replica has come
    int looked = 0;
};

class PrimaryReadsTest : public ::testing::Test {
  protected:
    explicit PrimaryReadsTest(std::uint32_t limit = 1) : shared_(settings_with(limit)) {
        for (Worker* worker : {&one_, &two_}) shared_.workers.push_back(worker);
    }
    [[nodiscard]] pool::Budget& budget() { return *shared_.settings->clusters[0].primary_reads; }
    std::shared_ptr<Read> read(Worker& worker) {
        auto made = std::make_shared<Read>(worker.primary_reads(0));
        made->ask();
        return made;
    }
    // What has been posted to it runs.
    static void turn(Worker& worker) {
        worker.poller().wait(0ms);
        worker.poller().dispatch();
    }

    Shared shared_;
    Worker one_{shared_, pool::WorkerId{0}}, two_{shared_, pool::WorkerId{1}};
};

TEST_F(PrimaryReadsTest, TheOthersComeInTurn) {
    const auto first = read(one_), second = read(one_), third = read(one_);
    EXPECT_TRUE(first->has_place());
    EXPECT_FALSE(second->has_place() || third->has_place());
    EXPECT_EQ(one_.primary_reads(0).waiting(), 2U);
    EXPECT_EQ(one_.stats().primary_reads.get(), 1);
    first->place.give_back();
    EXPECT_EQ(second->looked, 0) << "not from within what has just ended";
    turn(one_);
    EXPECT_TRUE(second->has_place());
    EXPECT_EQ(third->looked, 0);
    second->place.give_back();
    turn(one_);
    EXPECT_TRUE(third->has_place());
    third->place.give_back();
    turn(one_);
    EXPECT_EQ(budget().taken(), 0U);
    EXPECT_EQ(one_.stats().primary_reads.get(), 0);
}

TEST_F(PrimaryReadsTest, WhoeverComesBetweenDoesNotOvertake) {
    const auto first = read(one_), second = read(one_);
    first->place.give_back();
    const auto third = read(one_);
    EXPECT_FALSE(third->has_place()) << "the place is free, but the second one's";
    turn(one_);
    EXPECT_TRUE(second->has_place());
    EXPECT_FALSE(third->has_place());
}

TEST_F(PrimaryReadsTest, OneThatFindsNoneKeepsItsTurn) {
    const auto first = read(one_), second = read(one_), third = read(one_);
    one_.primary_reads(0).wake_one();  // for nothing
    EXPECT_EQ(second->looked, 1);
    EXPECT_EQ(third->looked, 0);
    first->place.give_back();
    turn(one_);
    EXPECT_TRUE(second->has_place());
}

TEST_F(PrimaryReadsTest, WhoLeavesOrNeedsNoneLeavesItToTheNext) {
    const auto first = read(one_), second = read(one_), third = read(one_), fourth = read(one_);
    one_.primary_reads(0).leave(*second);
    third->needs_one = false;
    first->place.give_back();
    turn(one_);
    EXPECT_EQ(second->looked, 0);
    EXPECT_EQ(third->looked, 1);
    EXPECT_TRUE(fourth->has_place());
}

TEST_F(PrimaryReadsTest, AllLookWhenReplicasHaveCome) {
    const auto first = read(one_), second = read(one_), third = read(one_);
    second->needs_one = third->needs_one = false;
    one_.primary_reads(0).wake_all();
    EXPECT_EQ(second->looked + third->looked, 2);
    EXPECT_EQ(one_.primary_reads(0).waiting(), 0U);
}

TEST_F(PrimaryReadsTest, AHigherLimitLetsMoreIn) {
    const auto first = read(one_), second = read(one_), third = read(one_), fourth = read(one_);
    budget().set_limit(3);
    one_.primary_reads(0).wake_all();
    EXPECT_TRUE(second->has_place() && third->has_place());
    EXPECT_FALSE(fourth->has_place());
    EXPECT_EQ(one_.primary_reads(0).waiting(), 1U);
    budget().set_limit(0);
    second->place.give_back();
    turn(one_);
    EXPECT_FALSE(fourth->has_place()) << "there are more than may be";
}

TEST_F(PrimaryReadsTest, AnotherWorkersReaderIsWoken) {
    const auto here = read(one_), there = read(two_);
    EXPECT_FALSE(there->has_place()) << "the limit is the process's";
    here->place.give_back();
    turn(one_);
    EXPECT_FALSE(there->has_place());
    turn(two_);
    EXPECT_TRUE(there->has_place());
    EXPECT_EQ(one_.stats().primary_reads.get(), 0);
    EXPECT_EQ(two_.stats().primary_reads.get(), 1);
}

// Every read of every worker gets its place again and again: a wake that is lost would leave one waiting for ever.
TEST_F(PrimaryReadsTest, NoWakeIsLostBetweenThreads) {
    constexpr int kRounds = 2'000, kReads = 3;
    struct Again final : PrimaryReads::Reader, std::enable_shared_from_this<Again> {
        Again(Worker& on, std::atomic<int>& rounds) : worker(on), left(rounds) {}
        void look_for_place() override {
            place = worker.primary_reads(0).take(shared_from_this());
            if (has_place()) worker.post([self = shared_from_this()] { self->done(); });
        }
        [[nodiscard]] bool has_place() const noexcept override { return place.held(); }
        [[nodiscard]] pool::TimePoint queued_since() const noexcept override { return worker.now(); }
        void done() {
            place.give_back();
            --left;
            if (++mine < kRounds) look_for_place();
        }
        Worker& worker;
        std::atomic<int>& left;
        PrimaryReads::Place place;
        int mine = 0;
    };
    std::atomic<int> left{2 * kReads * kRounds};
    for (Worker* worker : {&one_, &two_}) {
        worker->start();
        for (int i = 0; i < kReads; ++i) {
            worker->post([worker, &left] { std::make_shared<Again>(*worker, left)->look_for_place(); });
        }
    }
    const auto limit = std::chrono::steady_clock::now() + 60s;
    while (left > 0 && std::chrono::steady_clock::now() < limit) std::this_thread::sleep_for(1ms);
    for (Worker* worker : {&one_, &two_}) worker->stop();
    for (Worker* worker : {&one_, &two_}) worker->join();
    EXPECT_EQ(left, 0);
    EXPECT_EQ(budget().taken(), 0U);
}

}  // namespace
}  // namespace pgweir::net
