#include "proxy/net/peer.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace pgweir::net {

namespace {

bool is_only_busy(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

Peer::~Peer() { close_socket(); }

void Peer::on_connected(int) {}

void Peer::on_encrypted(const std::string&) {}

void Peer::adopt(int fd, std::unique_ptr<Tls> tls) noexcept {
    fd_ = fd;
    tls_ = std::move(tls);
}

void Peer::start_tls(std::shared_ptr<const TlsContext> context, Tls::Role role, const std::string& host) {
    tls_ = std::make_unique<Tls>(std::move(context), fd_, role, host);
    handshaking_ = true;
    watch(EPOLLIN | EPOLLOUT);  // writable at once: the handshake begins from the loop
}

void Peer::shake_hands() {
    poller_.sends().flush();  // this takes its time
    const Tls::Status status = tls_->handshake();
    if (status == Tls::Status::wants_read) return watch(EPOLLIN);
    if (status == Tls::Status::wants_write) return watch(EPOLLOUT);
    handshaking_ = false;
    watch(reading_ ? std::uint32_t{EPOLLIN} : 0);
    if (reading_) remind();
    on_encrypted(status == Tls::Status::done ? std::string() : tls_->error());
}

// The socket will not tell of what was taken from it already.
void Peer::remind() {
    if (!tls_ || !tls_->has_more()) return;
    poller_.post([weak = weak_from_this()] {
        const std::shared_ptr<Peer> self = weak.lock();
        if (self && self->open() && std::exchange(self->reading_, false)) self->on_readable();
    });
}

int Peer::release_socket() noexcept {
    send_batched();
    unwatch();
    reading_ = false;
    return std::exchange(fd_, -1);
}

// Whoever met the failure may be anywhere: the owner is told from the loop.
void Peer::lose() {
    if (std::exchange(lost_, true)) return;
    poller_.post([weak = weak_from_this()] {
        const std::shared_ptr<Peer> self = weak.lock();
        if (self && self->open()) self->on_lost();
    });
}

void Peer::watch(std::uint32_t events) {
    if (in_poller_ && events == watched_) return;
    watched_ = events;
    if (in_poller_) return poller_.change(fd_, events, *this);
    in_poller_ = poller_.add(fd_, events, *this);
    if (!in_poller_) lose();
}

void Peer::unwatch() noexcept {
    if (std::exchange(in_poller_, false)) poller_.remove(fd_, *this);
    watched_ = 0;
}

void Peer::connect(const Endpoint& to) {
    connecting_ = true;
    fd_ = ::socket(to.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = errno;
    if (fd_ >= 0) {
        const int status = ::connect(fd_, to.data(), static_cast<socklen_t>(to.size()));
        error = errno;
        // A connection that stands at once is writable at once, too.
        if (status == 0 || error == EINPROGRESS) return watch(EPOLLOUT);
    }
    poller_.post([weak = weak_from_this(), error] {
        const std::shared_ptr<Peer> self = weak.lock();
        if (!self || !std::exchange(self->connecting_, false)) return;
        self->close_socket();
        self->on_connected(error);
    });
}

void Peer::finish_connect() {
    connecting_ = false;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) close_socket();
    on_connected(error);
}

void Peer::on_events(std::uint32_t events) {
    const std::shared_ptr<Peer> keep_alive = shared_from_this();
    if (connecting_) return finish_connect();
    if (handshaking_) return shake_hands();
    if ((watched_ & EPOLLOUT) != 0 && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) flush_unsent();
    if (!open() || (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0) return;
    if (std::exchange(reading_, false)) return on_readable();
    // Nobody wants to read now. Errors are told whatever is asked for, and would be told for ever.
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) return unwatch();
    watch(watched_ & ~static_cast<std::uint32_t>(EPOLLIN));
}

void Peer::send(Bytes bytes) {
    send_batched();
    if (bytes.empty() || lost_ || !open()) return;
    if (!unsent_.empty()) {
        unsent_.append(bytes);
        return;
    }
    const ssize_t sent = tls_ ? tls_->send(bytes) : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    on_sent(bytes, sent, errno);
}

void Peer::send_soon(Bytes bytes) {
    const bool at_once = in_batch_ || tls_ || bytes.empty() || lost_ || !open() || blocked();
    if (at_once || !poller_.sends().add(fd_, bytes, *this)) return send(bytes);
    in_batch_ = true;
}

void Peer::on_sent(Bytes bytes, std::ptrdiff_t sent, int error) noexcept {
    in_batch_ = false;
    if (sent < 0 && !is_only_busy(error)) return lose();
    const auto taken = static_cast<std::size_t>(sent < 0 ? 0 : sent);
    if (taken == bytes.size()) return;
    unsent_.assign(bytes.subspan(taken));
    watch(watched_ | EPOLLOUT);
}

void Peer::flush_unsent() {
    const KeptBytes rest = std::exchange(unsent_, {});
    send(rest.bytes());
    if (lost_ || blocked()) return;
    watch(watched_ & ~static_cast<std::uint32_t>(EPOLLOUT));
    on_drained();
}

void Peer::arm_read() {
    if (reading_ || lost_ || !open()) return;
    reading_ = true;
    if (handshaking_) return;
    watch(watched_ | EPOLLIN);
    remind();
}

std::ptrdiff_t Peer::receive(char* into, std::size_t room) {
    const ssize_t got = tls_ ? tls_->receive(into, room) : ::recv(fd_, into, room, MSG_DONTWAIT);
    if (got >= 0) return got;
    if (is_only_busy(errno)) return kNothing;
    lost_ = true;
    return 0;
}

bool Peer::hung_up() noexcept {
    char byte = 0;
    const ssize_t got = tls_ ? tls_->peek(byte) : ::recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return got == 0 || (got < 0 && !is_only_busy(errno));
}

void Peer::end_sending() noexcept {
    if (!open()) return;
    send_batched();
    if (tls_ && !handshaking_) tls_->close_notify();
    ::shutdown(fd_, SHUT_WR);
    std::array<char, 4096> discard;
    for (int i = 0; i < 64 && receive(discard.data(), discard.size()) > 0; ++i) {
    }
}

void Peer::close_socket() noexcept {
    send_batched();
    if (open()) {
        unwatch();
        if (tls_ && !handshaking_ && !lost_) tls_->close_notify();
        tls_.reset();
        ::close(fd_);
    }
    fd_ = -1;
    reading_ = connecting_ = handshaking_ = false;
    unsent_ = {};
}

}  // namespace pgweir::net
