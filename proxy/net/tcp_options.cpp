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
    using std::chrono::ceil, std::chrono::seconds;
    const int fresh = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);  // has the system's values
    // Each is set once: somebody may connect in between.
    const auto renew = [fd, fresh](int option, auto wanted) {
        int value = static_cast<int>(wanted);
        socklen_t size = sizeof value;
        if (value > 0 || ::getsockopt(fresh, IPPROTO_TCP, option, &value, &size) == 0) set(fd, IPPROTO_TCP, option, value);
    };
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(tcp.user_timeout.count()));
    renew(TCP_KEEPIDLE, ceil<seconds>(tcp.keepidle).count());
    renew(TCP_KEEPINTVL, ceil<seconds>(tcp.keepintvl).count());
    renew(TCP_KEEPCNT, tcp.keepcnt);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, tcp.keepalive ? 1 : 0);
    if (fresh >= 0) ::close(fresh);
}

}  // namespace pgweir::net
