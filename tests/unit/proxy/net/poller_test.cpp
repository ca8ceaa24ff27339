#include "proxy/net/poller.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

namespace pgweir::net {
namespace {

using namespace std::chrono_literals;

struct Pair {
    Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0); }
    ~Pair() {
        for (const int fd : ends) ::close(fd);
    }
    void write() const { EXPECT_EQ(::write(ends[1], "x", 1), 1); }
    std::array<int, 2> ends{};
};

struct Recorder final : Poller::Watcher {
    void on_events(std::uint32_t events) override {
        seen.push_back(events);
        if (then) then();
    }
    std::vector<std::uint32_t> seen;
    std::function<void()> then;
};

void turn(Poller& poller, std::chrono::milliseconds limit = 0ms) {
    poller.wait(limit);
    poller.dispatch();
}

TEST(Poller, TellsWhatIsReadyUntilItIsRead) {
    Poller poller;
    Pair pair;
    Recorder recorder;
    ASSERT_TRUE(poller.add(pair.ends[0], EPOLLIN, recorder));
    turn(poller);
    EXPECT_TRUE(recorder.seen.empty());
    pair.write();
    turn(poller);
    turn(poller);  // level-triggered: nobody has read it
    EXPECT_EQ(recorder.seen, (std::vector<std::uint32_t>{EPOLLIN, EPOLLIN}));
    poller.change(pair.ends[0], 0, recorder);
    turn(poller);
    EXPECT_EQ(recorder.seen.size(), 2U);
    poller.change(pair.ends[0], EPOLLOUT, recorder);
    turn(poller);
    EXPECT_EQ(recorder.seen.back(), EPOLLOUT);
}

// Whoever has come to its end is told first: nobody is to be given what is about to end in the same wake.
TEST(Poller, EndsComeFirst) {
    Poller poller;
    std::array<Pair, 3> pairs;
    std::array<Recorder, 3> recorders;
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        recorders[i].then = [&order, i] { order.push_back(i); };
        ASSERT_TRUE(poller.add(pairs[i].ends[0], EPOLLIN, recorders[i]));
        pairs[i].write();
    }
    ASSERT_EQ(::shutdown(pairs[2].ends[1], SHUT_WR), 0);
    turn(poller);
    ASSERT_EQ(order.size(), 3U);
    EXPECT_EQ(order.front(), 2U);
}

TEST(Poller, WhoIsRemovedHearsNothingOfTheSameWake) {
    Poller poller;
    Pair one, two;
    Recorder first, second;
    ASSERT_TRUE(poller.add(one.ends[0], EPOLLIN, first));
    ASSERT_TRUE(poller.add(two.ends[0], EPOLLIN, second));
    // Whichever is told first takes the other one out.
    first.then = [&] { poller.remove(two.ends[0], second); };
    second.then = [&] { poller.remove(one.ends[0], first); };
    one.write();
    two.write();
    turn(poller);
    EXPECT_EQ(first.seen.size() + second.seen.size(), 1U);
}

// Also while somebody else holds the file for a moment, as a tool does that lists the process's files.
TEST(Poller, OneThatIsRemovedAndClosedHearsNothing) {
    Poller poller;
    Pair one, two;
    Recorder first, second;
    std::vector<int> others;
    ASSERT_TRUE(poller.add(one.ends[0], EPOLLIN, first));
    ASSERT_TRUE(poller.add(two.ends[0], EPOLLIN, second));
    const auto close = [&](Pair& pair, const Recorder& recorder) {
        poller.remove(pair.ends[0], recorder);
        others.push_back(::dup(pair.ends[0]));
        ::close(std::exchange(pair.ends[0], -1));
    };
    first.then = [&] { close(two, second); };
    second.then = [&] { close(one, first); };
    one.write();
    two.write();
    turn(poller);
    EXPECT_EQ(first.seen.size() + second.seen.size(), 1U);
    Recorder& gone = first.seen.empty() ? first : second;
    turn(poller);
    EXPECT_TRUE(gone.seen.empty());
    Pair next;  // with the descriptor of the one that is gone
    Recorder third;
    ASSERT_TRUE(poller.add(next.ends[0], EPOLLIN, third));
    next.write();
    first.then = second.then = nullptr;
    turn(poller);
    EXPECT_EQ(third.seen.size(), 1U);
    EXPECT_TRUE(gone.seen.empty());
    for (const int fd : others) ::close(fd);
}

// Of a descriptor that several loops watch, each may be told: the system says no to EPOLLRDHUP with it.
TEST(Poller, AnExclusiveOneIsTold) {
    std::array<Poller, 2> pollers;
    std::array<Recorder, 2> recorders;
    Pair pair;
    for (std::size_t i = 0; i < 2; ++i) ASSERT_TRUE(pollers[i].add(pair.ends[0], EPOLLIN | EPOLLEXCLUSIVE, recorders[i]));
    pair.write();
    for (std::size_t i = 0; i < 2; ++i) {
        turn(pollers[i]);
        EXPECT_EQ(recorders[i].seen, std::vector<std::uint32_t>{EPOLLIN});
    }
    pollers[0].remove(pair.ends[0], recorders[0]);
    turn(pollers[0]);
    EXPECT_EQ(recorders[0].seen.size(), 1U);
}

TEST(Poller, ADescriptorCannotBeWatchedTwiceAndABadOneNot) {
    Poller poller;
    Pair pair;
    Recorder recorder;
    EXPECT_TRUE(poller.add(pair.ends[0], EPOLLIN, recorder));
    EXPECT_FALSE(poller.add(pair.ends[0], EPOLLIN, recorder));
    EXPECT_FALSE(poller.add(-1, EPOLLIN, recorder));
}

TEST(Poller, TasksOfOtherThreadsWakeItAndKeepTheirOrder) {
    Poller poller;
    std::vector<int> order;
    std::thread other([&] {
        for (int i = 0; i < 1000; ++i) poller.post([&order, i] { order.push_back(i); });
    });
    while (order.size() < 1000) turn(poller, 10s);
    other.join();
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(Poller, ATaskMayPostAnother) {
    Poller poller;
    int runs = 0;
    poller.post([&] {
        ++runs;
        poller.post([&] { ++runs; });
    });
    turn(poller);
    EXPECT_EQ(runs, 1);
    turn(poller, 10s);
    EXPECT_EQ(runs, 2);
}

TEST(Poller, WhatWasNeverRunIsGivenUpWithIt) {
    const auto held = std::make_shared<int>(0);
    {
        Poller poller;
        poller.post([held] {});
    }
    EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace pgweir::net
