#include "proxy/net/acceptor.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pgweir::net {

namespace {

constexpr std::size_t kAcceptsPerWake = 64;
constexpr std::uint32_t kOverLimit = 100;  // connections over max_client_conn that are listened to
constexpr std::chrono::milliseconds kPause{100};  // when the process is out of file descriptors

}  // namespace

void Acceptor::listen(const std::vector<std::shared_ptr<const ListeningSocket>>& sockets) {
    for (Door& door : doors_) unwatch(door);
    doors_.clear();
    for (const auto& socket : sockets) watch(doors_.emplace_back(*this, socket));
}

void Acceptor::watch(Door& door) {
    door.watched = worker_.poller().add(door.socket->fd(), EPOLLIN | EPOLLEXCLUSIVE, door);
    if (door.watched) return;
    spdlog::error("event=accept_failed cause=\"{}\"", std::strerror(errno));
    paused_until_ = worker_.now() + kPause;
}

void Acceptor::unwatch(Door& door) noexcept {
    if (std::exchange(door.watched, false)) worker_.poller().remove(door.socket->fd(), door);
}

void Acceptor::tick(TimePoint now) {
    if (now < paused_until_) return;
    for (Door& door : doors_) {
        if (!door.watched) watch(door);
    }
}

// One more call would tell that nobody else is there: it is made only where many come at once.
void Acceptor::Door::on_events(std::uint32_t) {
    std::size_t accepted = 0;
    while (accepted < burst && acceptor.accept_one(*this)) ++accepted;
    burst = accepted == burst ? std::min(burst * 2, kAcceptsPerWake) : std::max<std::size_t>(accepted, 1);
}

bool Acceptor::accept_one(Door& door) {
    while (true) {
        Endpoint from;
        auto size = static_cast<socklen_t>(from.capacity());
        const int fd = ::accept4(door.socket->fd(), from.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            from.resize(std::min<std::size_t>(size, from.capacity()));
            place(fd, from);
            return true;
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
        if (errno != EINVAL) spdlog::error("event=accept_failed cause=\"{}\"", std::strerror(errno));  // EINVAL: it refuses
        paused_until_ = worker_.now() + kPause;
        unwatch(door);
        return false;
    }
}

void Acceptor::place(int fd, const Endpoint& from) {
    Shared& shared = worker_.shared();
    const std::uint32_t there = shared.clients.fetch_add(1);
    const std::uint32_t limit = worker_.config().proxy.max_client_conn;
    // Over the limit administrators still get in, and others are told why not; but not without end.
    if (there >= limit + kOverLimit) {
        shared.clients.fetch_sub(1);
        ::close(fd);
        return;
    }
    Worker* least = &worker_;
    for (Worker* other : shared.workers) {
        if (other->load() < least->load()) least = other;
    }
    const bool over = there >= limit;
    if (least == &worker_) worker_.take_client(fd, from, over);
    else least->adopt_client(fd, from, over);
}

}  // namespace pgweir::net
