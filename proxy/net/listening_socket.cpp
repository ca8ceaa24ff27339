#include "proxy/net/listening_socket.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "proxy/net/tcp_options.hpp"

namespace pgweir::net {

namespace {

constexpr int kBacklog = 4096;
// PostgreSQL's clients speak first, so the system tells of one when its first bytes are there: one wake instead of two.
// Of a client that says nothing it tells after so many seconds.
constexpr int kDeferSeconds = 1;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

void turn_on(int fd, int level, int option, int value = 1) {
    if (::setsockopt(fd, level, option, &value, sizeof value) != 0) fail("setsockopt");
}

}  // namespace

ListeningSocket::ListeningSocket(const Endpoint& at, const config::Tcp& tcp)
    : fd_(::socket(at.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    if (fd_ < 0) fail("socket");
    try {
        open(at, tcp);
    } catch (...) {
        ::close(fd_);
        throw;
    }
}

ListeningSocket::~ListeningSocket() { ::close(fd_); }

void ListeningSocket::open(const Endpoint& at, const config::Tcp& tcp) {
    turn_on(fd_, SOL_SOCKET, SO_REUSEADDR);
    if (at.protocol().family() == AF_INET6) turn_on(fd_, IPPROTO_IPV6, IPV6_V6ONLY);
    turn_on(fd_, IPPROTO_TCP, TCP_DEFER_ACCEPT, kDeferSeconds);
    set_tcp_options(fd_, tcp);
    if (::bind(fd_, at.data(), static_cast<socklen_t>(at.size())) != 0) fail("bind");
    if (::listen(fd_, kBacklog) != 0) fail("listen");
}

void ListeningSocket::set_options(const config::Tcp& tcp) const noexcept { renew_tcp_options(fd_, tcp); }

void ListeningSocket::refuse() const noexcept { ::shutdown(fd_, SHUT_RDWR); }

}  // namespace pgweir::net
