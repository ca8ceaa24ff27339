#include "proxy/net/peer.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace pgweir::net {

void Peer::send(Bytes bytes) {
    if (bytes.empty() || lost_ || !socket_.is_open()) return;
    if (!unsent_.empty()) {
        unsent_.append(as_text(bytes));
        return;
    }
    const ssize_t sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        lost_ = true;
        return;
    }
    const auto taken = static_cast<std::size_t>(sent < 0 ? 0 : sent);
    if (taken == bytes.size()) return;
    unsent_.assign(as_text(bytes.subspan(taken)));
    arm_write();
}

void Peer::arm_write() {
    if (writing_ || !socket_.is_open()) return;
    writing_ = true;
    socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const boost::system::error_code& error) {
        self->writing_ = false;
        if (error || !self->socket_.is_open()) return;
        const std::string rest = std::exchange(self->unsent_, {});
        self->send(as_bytes(rest));
        if (self->lost_) return self->on_lost();
        if (self->unsent_.empty()) self->on_drained();
    });
}

void Peer::arm_read() {
    if (reading_ || lost_ || !socket_.is_open()) return;
    reading_ = true;
    socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
        self->reading_ = false;
        if (!error && self->socket_.is_open()) self->on_readable();
    });
}

std::ptrdiff_t Peer::receive(char* into, std::size_t room) {
    const ssize_t got = ::recv(socket_.native_handle(), into, room, MSG_DONTWAIT);
    if (got >= 0) return got;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return kNothing;
    lost_ = true;
    return 0;
}

bool Peer::hung_up() noexcept {
    char byte = 0;
    const ssize_t got = ::recv(socket_.native_handle(), &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

void Peer::close_socket() noexcept {
    boost::system::error_code ignored;
    socket_.close(ignored);
    unsent_ = {};
}

}  // namespace pgweir::net
