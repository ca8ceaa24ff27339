#include "proxy/net/listening_socket.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <optional>
#include <system_error>

namespace pgweir::net {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::tcp;

const Endpoint kAnyPort = tcp::endpoint(boost::asio::ip::make_address("127.0.0.1"), 0);

Endpoint address_of(int fd) {
    Endpoint endpoint;
    auto size = static_cast<socklen_t>(endpoint.capacity());
    EXPECT_EQ(::getsockname(fd, endpoint.data(), &size), 0);
    endpoint.resize(size);
    return endpoint;
}

class Connection {
  public:
    explicit Connection(const Endpoint& to) : fd_(::socket(to.protocol().family(), SOCK_STREAM, 0)) {
        error_ = ::connect(fd_, to.data(), static_cast<socklen_t>(to.size())) == 0 ? 0 : errno;
    }
    ~Connection() { ::close(fd_); }
    [[nodiscard]] int error() const { return error_; }
    void speak() const { EXPECT_EQ(::send(fd_, "x", 1, MSG_NOSIGNAL), 1); }

  private:
    int fd_;
    int error_ = 0;
};

bool readable(int fd, std::chrono::milliseconds limit) {
    pollfd poll{fd, POLLIN, 0};
    return ::poll(&poll, 1, static_cast<int>(limit.count())) == 1;
}

int option(int fd, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

// Options of a connection that is accepted after a client has spoken.
struct Accepted {
    explicit Accepted(const ListeningSocket& socket) : client(address_of(socket.fd())) {
        client.speak();
        EXPECT_TRUE(readable(socket.fd(), 20s));
        fd = ::accept(socket.fd(), nullptr, nullptr);
        EXPECT_GE(fd, 0);
    }
    ~Accepted() { ::close(fd); }
    Connection client;
    int fd = -1;
};

TEST(ListeningSocket, ClientsInheritTheOptions) {
    const ListeningSocket socket(kAnyPort, {.keepalive = true, .keepidle = 61s, .keepintvl = 17s, .keepcnt = 7, .user_timeout = 2500ms});
    {
        const Accepted one(socket);
        EXPECT_EQ(option(one.fd, IPPROTO_TCP, TCP_NODELAY), 1);
        EXPECT_EQ(option(one.fd, SOL_SOCKET, SO_KEEPALIVE), 1);
        EXPECT_EQ(option(one.fd, IPPROTO_TCP, TCP_KEEPIDLE), 61);
        EXPECT_EQ(option(one.fd, IPPROTO_TCP, TCP_KEEPINTVL), 17);
        EXPECT_EQ(option(one.fd, IPPROTO_TCP, TCP_KEEPCNT), 7);
        EXPECT_EQ(option(one.fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 2500);
    }
    socket.set_options({.keepalive = false, .keepidle = 0s, .keepintvl = 0s, .keepcnt = 0, .user_timeout = 1s});
    const Accepted another(socket);
    EXPECT_EQ(option(another.fd, IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(option(another.fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    EXPECT_EQ(option(another.fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 1000);
}

TEST(ListeningSocket, TellsOfASilentClientToo) {
    const ListeningSocket socket(kAnyPort, {});
    const Connection silent(address_of(socket.fd()));
    EXPECT_EQ(silent.error(), 0);
    EXPECT_FALSE(readable(socket.fd(), 200ms));
    EXPECT_TRUE(readable(socket.fd(), 20s));
}

TEST(ListeningSocket, RefusesWhenItIsTold) {
    const ListeningSocket socket(kAnyPort, {});
    const Endpoint at = address_of(socket.fd());
    EXPECT_EQ(Connection(at).error(), 0);
    socket.refuse();
    EXPECT_EQ(Connection(at).error(), ECONNREFUSED);
    EXPECT_EQ(::accept4(socket.fd(), nullptr, nullptr, 0), -1);
    EXPECT_EQ(errno, EINVAL);
    const ListeningSocket next(at, {});  // its port is free at once
}

TEST(ListeningSocket, SaysWhatIsWrong) {
    const ListeningSocket socket(kAnyPort, {});
    std::optional<std::error_code> code;
    try {
        const ListeningSocket same(address_of(socket.fd()), {});
    } catch (const std::system_error& error) {
        code = error.code();
    }
    EXPECT_EQ(code, std::errc::address_in_use);
}

}  // namespace
}  // namespace pgweir::net
