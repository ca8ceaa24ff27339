// Accepts clients on a worker's own thread. Of all workers that wait the system wakes one; it keeps the client, unless another
// worker has fewer.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "proxy/net/listening_socket.hpp"
#include "proxy/net/poller.hpp"
#include "proxy/net/worker.hpp"

namespace pgweir::net {

class Acceptor {
  public:
    explicit Acceptor(Worker& worker) noexcept : worker_(worker) {}
    ~Acceptor() { listen({}); }
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;

    // From these from now on, and no others.
    void listen(const std::vector<std::shared_ptr<const ListeningSocket>>& sockets);
    // Now and then: goes on when there may be file descriptors again.
    void tick(TimePoint now);

  private:
    struct Door final : Poller::Watcher {
        Door(Acceptor& owner, std::shared_ptr<const ListeningSocket> from) : acceptor(owner), socket(std::move(from)) {}
        void on_events(std::uint32_t events) override;

        Acceptor& acceptor;
        std::shared_ptr<const ListeningSocket> socket;
        std::size_t burst = 1;  // accepted in one wake: more, when so many were there
        bool watched = false;
    };

    void watch(Door& door);
    void unwatch(Door& door) noexcept;
    // False: nobody is there, or nobody can be taken.
    [[nodiscard]] bool accept_one(Door& door);
    void place(int fd, const Endpoint& from);

    Worker& worker_;
    std::deque<Door> doors_;  // stay where they are
    TimePoint paused_until_{};
};

}  // namespace pgweir::net
