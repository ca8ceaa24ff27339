#include "proxy/net/tcp_options.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

namespace pgweir::net {

namespace {

void set(int fd, int level, int option, int value) noexcept { ::setsockopt(fd, level, option, &value, sizeof value); }

// 0 is the system's value.
void set_if_given(int fd, int option, auto value) noexcept {
    if (value > 0) set(fd, IPPROTO_TCP, option, static_cast<int>(value));
}

}  // namespace

void set_tcp_options(int fd, const config::Tcp& tcp) noexcept {
    using std::chrono::ceil, std::chrono::seconds;
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_if_given(fd, TCP_USER_TIMEOUT, tcp.user_timeout.count());
    if (!tcp.keepalive) return;
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_if_given(fd, TCP_KEEPIDLE, ceil<seconds>(tcp.keepidle).count());
    set_if_given(fd, TCP_KEEPINTVL, ceil<seconds>(tcp.keepintvl).count());
    set_if_given(fd, TCP_KEEPCNT, tcp.keepcnt);
}

void renew_tcp_options(int fd, const config::Tcp& tcp) noexcept {
    const int fresh = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (const int option : {TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT}) {
        int value = 0;
        socklen_t size = sizeof value;
        if (::getsockopt(fresh, IPPROTO_TCP, option, &value, &size) == 0) set(fd, IPPROTO_TCP, option, value);
    }
    if (fresh >= 0) ::close(fresh);
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 0);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
    set_tcp_options(fd, tcp);
}

}  // namespace pgweir::net
