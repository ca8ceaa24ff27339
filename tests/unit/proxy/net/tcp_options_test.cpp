#include "proxy/net/tcp_options.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace pgweir::net {
namespace {

using namespace std::chrono_literals;

class TcpOptions : public ::testing::Test {
  protected:
    ~TcpOptions() override { ::close(fd_); }
    [[nodiscard]] int get(int level, int option) const {
        int value = -1;
        socklen_t size = sizeof value;
        EXPECT_EQ(::getsockopt(fd_, level, option, &value, &size), 0);
        return value;
    }
    [[nodiscard]] int tcp(int option) const { return get(IPPROTO_TCP, option); }

    int fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
};

TEST_F(TcpOptions, TheDefaultsAreTheSystems) {
    const int idle = tcp(TCP_KEEPIDLE), interval = tcp(TCP_KEEPINTVL), count = tcp(TCP_KEEPCNT);
    set_tcp_options(fd_, {});
    EXPECT_EQ(tcp(TCP_NODELAY), 1);
    EXPECT_EQ(get(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(tcp(TCP_KEEPIDLE), idle);
    EXPECT_EQ(tcp(TCP_KEEPINTVL), interval);
    EXPECT_EQ(tcp(TCP_KEEPCNT), count);
    EXPECT_EQ(tcp(TCP_USER_TIMEOUT), 0);
}

TEST_F(TcpOptions, EachIsSet) {
    set_tcp_options(fd_, {.keepalive = true, .keepidle = 61s, .keepintvl = 1500ms, .keepcnt = 7, .user_timeout = 2500ms});
    EXPECT_EQ(tcp(TCP_KEEPIDLE), 61);
    EXPECT_EQ(tcp(TCP_KEEPINTVL), 2) << "rounded up";
    EXPECT_EQ(tcp(TCP_KEEPCNT), 7);
    EXPECT_EQ(tcp(TCP_USER_TIMEOUT), 2500);
}

TEST_F(TcpOptions, WithoutKeepalive) {
    const int idle = tcp(TCP_KEEPIDLE);
    set_tcp_options(fd_, {.keepalive = false, .keepidle = 61s, .keepintvl = 0s, .keepcnt = 0, .user_timeout = 2500ms});
    EXPECT_EQ(get(SOL_SOCKET, SO_KEEPALIVE), 0);
    EXPECT_EQ(tcp(TCP_KEEPIDLE), idle);
    EXPECT_EQ(tcp(TCP_USER_TIMEOUT), 2500);
}

TEST_F(TcpOptions, RenewedOnesAreTheSystemsAgain) {
    const int idle = tcp(TCP_KEEPIDLE), interval = tcp(TCP_KEEPINTVL), count = tcp(TCP_KEEPCNT);
    set_tcp_options(fd_, {.keepalive = true, .keepidle = 61s, .keepintvl = 17s, .keepcnt = 5, .user_timeout = 2500ms});
    renew_tcp_options(fd_, {.keepalive = true, .keepidle = 0s, .keepintvl = 18s, .keepcnt = 0, .user_timeout = 0s});
    EXPECT_EQ(tcp(TCP_NODELAY), 1);
    EXPECT_EQ(get(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(tcp(TCP_KEEPIDLE), idle);
    EXPECT_EQ(tcp(TCP_KEEPINTVL), 18);
    EXPECT_EQ(tcp(TCP_KEEPCNT), count);
    EXPECT_EQ(tcp(TCP_USER_TIMEOUT), 0);
    renew_tcp_options(fd_, {.keepalive = false, .keepidle = 0s, .keepintvl = 0s, .keepcnt = 0, .user_timeout = 0s});
    EXPECT_EQ(get(SOL_SOCKET, SO_KEEPALIVE), 0);
    EXPECT_EQ(tcp(TCP_KEEPINTVL), interval);
}

}  // namespace
}  // namespace pgweir::net
