// A worker's event loop: which of its sockets are ready (epoll), and what other threads have handed to it.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "proxy/net/send_batch.hpp"

namespace pgweir::net {

// Level-triggered: a socket that is read whenever it is readable costs one epoll_ctl in its life. Asio's waits cost one at
// every wake, which was 6 % of a transaction's processor time here; timers, resolving and HTTP stay with Asio.
class Poller {
  public:
    // Whoever wants to hear of a socket's readiness, and, if he uses sends(), of their ends.
    class Watcher : public SendBatch::Sender {
      public:
        // `events`: EPOLLIN and its like, one or more.
        virtual void on_events(std::uint32_t events) = 0;
        void on_sent(Bytes, std::ptrdiff_t, int) noexcept override {}

      protected:
        ~Watcher() = default;
    };

    // Throws std::system_error when the system has no descriptors left.
    Poller();
    ~Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    // --- On the loop's own thread.
    // False: the system refused (errno says why). `events`: what is wanted besides EPOLLERR and EPOLLHUP; with EPOLLEXCLUSIVE
    // one of all loops that wait for the descriptor is woken, and change() is not possible.
    [[nodiscard]] bool add(int fd, std::uint32_t events, Watcher& watcher) noexcept;
    void change(int fd, std::uint32_t events, Watcher& watcher) noexcept;
    // The watcher hears nothing any more, not even of what came in the same wake. Before the descriptor is closed:
    // close() does not end it while somebody else, as a tool that lists the process's files, holds the file for a moment.
    void remove(int fd, const Watcher& watcher) noexcept;
    // Waits for readiness or a task, `limit` at most; dispatch() then tells what has come. First of all the ends of
    // connections: no client is given a server connection whose end came in the same wake.
    void wait(std::chrono::milliseconds limit) noexcept;
    void dispatch();

    // What is to be sent by the end of the wake.
    [[nodiscard]] SendBatch& sends() noexcept { return sends_; }

    // --- From any thread: runs on the loop's thread, in order.
    void post(std::function<void()> task);

  private:
    class Wakeup final : public Watcher {
      public:
        explicit Wakeup(Poller& poller) : poller_(poller) {}
        void on_events(std::uint32_t events) override;

      private:
        Poller& poller_;
    };
    static constexpr std::size_t kEvents = 128;  // told of in one wake

    void run_tasks();

    int epoll_ = -1;
    int event_ = -1;  // an eventfd: tasks have come
    Wakeup wakeup_{*this};
    std::span<epoll_event> coming_;  // of this wake, not yet told
    std::array<epoll_event, kEvents> events_;
    SendBatch sends_;
    std::mutex mutex_;
    std::vector<std::function<void()>> tasks_;  // under mutex_
};

}  // namespace pgweir::net
