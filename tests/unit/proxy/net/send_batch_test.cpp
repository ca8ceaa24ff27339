#include "proxy/net/send_batch.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <deque>
#include <filesystem>
#include <string>
#include <utility>

namespace pgweir::net {
namespace {

// A socket to send to, and what has been told of it.
struct Target final : SendBatch::Sender {
    explicit Target(SendBatch& to) : batch(to) { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0); }
    ~Target() {
        for (const int fd : ends) ::close(fd);
    }
    [[nodiscard]] bool add(std::string_view text) { return batch.add(ends[0], as_bytes(text), *this); }
    [[nodiscard]] std::string take() const {
        std::array<char, 8192> buffer;
        const ssize_t got = ::read(ends[1], buffer.data(), buffer.size());
        return {buffer.data(), static_cast<std::size_t>(got > 0 ? got : 0)};
    }
    void on_sent(Bytes bytes, std::ptrdiff_t count, int why) noexcept override {
        ++told;
        size = bytes.size();
        sent = count;
        error = why;
    }
    SendBatch& batch;
    std::array<int, 2> ends{};
    int told = 0, error = 0;
    std::size_t size = 0;
    std::ptrdiff_t sent = 0;
};

// Two ends of a TCP connection over the loopback, of which a full one takes a part: Unix domain sockets take all or nothing.
std::array<int, 2> tcp_pair() {
    const int listening = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listening, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listening, 1), 0);
    EXPECT_EQ(::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size), 0);
    const int from = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(from, reinterpret_cast<const sockaddr*>(&address), size), 0);
    const int to = ::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK);
    ::close(listening);
    return {from, to};
}

// The descriptor of the process's only ring, or -1.
int ring_descriptor() {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code none;
        if (std::filesystem::read_symlink(entry, none).string().find("io_uring") != std::string::npos) return std::stoi(entry.path().filename());
    }
    return -1;
}

class SendBatchTest : public testing::Test {
  protected:
    void SetUp() override {
        if (const int error = batch_.open(); error != 0) GTEST_SKIP() << "no io_uring here: errno " << error;
    }
    void add_targets(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) targets_.emplace_back(batch_);
    }

    SendBatch batch_;
    std::deque<Target> targets_;
};

TEST(SendBatch, TakesNothingWithoutARing) {
    SendBatch batch;
    Target target(batch);
    EXPECT_FALSE(batch.is_open());
    EXPECT_FALSE(target.add("a"));
    batch.flush();
    EXPECT_EQ(target.told, 0);
}

TEST_F(SendBatchTest, SendsEachItsOwnOnce) {
    for (std::size_t count = 1; count < 40; ++count) {
        targets_.clear();
        add_targets(count);
        for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(targets_[i].add(std::string(i + 1, static_cast<char>('a' + i))));
        batch_.flush();
        for (std::size_t i = 0; i < count; ++i) {
            EXPECT_EQ(targets_[i].told, 1);
            EXPECT_EQ(targets_[i].sent, static_cast<std::ptrdiff_t>(i + 1));
            EXPECT_EQ(targets_[i].size, i + 1);
            EXPECT_EQ(targets_[i].take(), std::string(i + 1, static_cast<char>('a' + i)));
        }
        batch_.flush();
        EXPECT_EQ(targets_[0].told, 1);
    }
}

TEST_F(SendBatchTest, SendsNothingBeforeItIsTold) {
    add_targets(2);
    for (Target& target : targets_) ASSERT_TRUE(target.add("x"));
    EXPECT_EQ(targets_[0].take(), "");
    EXPECT_EQ(targets_[0].told, 0);
}

TEST_F(SendBatchTest, OfLargeOnesAsManyAsFit) {
    const std::string most(SendBatch::kMostBytes, 'm');
    add_targets(30);
    for (Target& target : targets_) ASSERT_TRUE(target.add(most));
    batch_.flush();
    for (Target& target : targets_) EXPECT_EQ(target.take(), most);
    EXPECT_FALSE(targets_[0].add(most + 'x'));
}

TEST_F(SendBatchTest, OneFailureIsNotTheOthers) {
    add_targets(4);
    ::close(std::exchange(targets_[1].ends[1], -1));
    const std::string part(1000, 'f');
    while (::send(targets_[2].ends[0], part.data(), part.size(), MSG_DONTWAIT) > 0) {
    }
    for (Target& target : targets_) ASSERT_TRUE(target.add("abc"));
    batch_.flush();
    EXPECT_EQ(targets_[0].take(), "abc");
    EXPECT_EQ(targets_[1].sent, -1);
    EXPECT_EQ(targets_[1].error, EPIPE);
    EXPECT_EQ(targets_[2].sent, -1);
    EXPECT_EQ(targets_[2].error, EAGAIN);
    EXPECT_EQ(targets_[3].take(), "abc");
}

TEST_F(SendBatchTest, WhatTheSocketTakesInPartIsTold) {
    add_targets(2);
    for (const int fd : targets_[0].ends) ::close(fd);
    targets_[0].ends = tcp_pair();
    const int small = 20'000;
    ASSERT_EQ(::setsockopt(targets_[0].ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    const std::string most(SendBatch::kMostBytes, 'm');
    bool in_part = false;
    for (int i = 0; i < 100 && !in_part; ++i) {
        ASSERT_TRUE(targets_[0].add(most));
        ASSERT_TRUE(targets_[1].add("abc"));
        batch_.flush();
        if (targets_[0].sent < 0) break;
        in_part = targets_[0].sent < static_cast<std::ptrdiff_t>(most.size());
    }
    ASSERT_TRUE(in_part);
    EXPECT_EQ(targets_[0].size, most.size());
}

TEST_F(SendBatchTest, ARingThatFailsLosesNothing) {
    add_targets(5);
    for (Target& target : targets_) ASSERT_TRUE(target.add("abc"));
    const int ring = ring_descriptor();
    ASSERT_GE(ring, 0);
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(::dup2(null, ring), ring);  // what is behind the descriptor is no ring any more
    ::close(null);
    batch_.flush();
    for (Target& target : targets_) {
        EXPECT_EQ(target.told, 1);
        EXPECT_EQ(target.take(), "abc");
    }
    EXPECT_FALSE(batch_.is_open());
    EXPECT_FALSE(targets_[0].add("more"));
}

}  // namespace
}  // namespace pgweir::net
