// The raw relay that scripts/bench measures beside the proxies: bytes both ways, unread. What it costs is what two sockets and
// epoll cost; whoever reads the bytes, too, can only come near it, or save system calls.
//   relay LISTEN_PORT SERVER_PORT     both on 127.0.0.1; SIGTERM ends it

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <unordered_map>
#include <vector>

namespace {

constexpr std::size_t buffer_size = 64 * 1024;

struct Pair;

/// One side of a connection through the relay.
struct End {
  int fd = -1;
  End* peer = nullptr;
  Pair* pair = nullptr;
  std::vector<char> unsent;   // what the socket did not take; the peer is not read meanwhile
  std::uint32_t awaited = 0;  // as epoll knows it
};

struct Pair {
  End client, server;
  bool closed = false;

  Pair(int client_fd, int server_fd) {
    client.fd = client_fd;
    server.fd = server_fd;
    client.peer = &server;
    server.peer = &client;
    client.pair = server.pair = this;
  }
  ~Pair() {
    ::close(client.fd);
    ::close(server.fd);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
};

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void set(int fd, int level, int option) {
  const int on = 1;
  ::setsockopt(fd, level, option, &on, sizeof on);
}

int listen_on(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  set(fd, SOL_SOCKET, SO_REUSEADDR);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 1024) != 0) fail("listen");
  return fd;
}

/// A non-blocking connection to the server, or -1.
int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return -1;
  }
  const int nonblocking = 1;  // after the connect, which is immediate on the loopback
  ::ioctl(fd, FIONBIO, &nonblocking);
  set(fd, IPPROTO_TCP, TCP_NODELAY);
  return fd;
}

class Relay {
 public:
  Relay(std::uint16_t listen_port, std::uint16_t server_port)
      : epoll_(::epoll_create1(EPOLL_CLOEXEC)), listener_(listen_on(listen_port)), server_port_(server_port) {
    epoll_event event{};
    event.events = EPOLLIN;  // and no pointer: the listener
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event) != 0) fail("epoll_ctl");
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      if (count < 0 && errno != EINTR) fail("epoll_wait");
      for (int i = 0; i < count; ++i) handle(events[static_cast<std::size_t>(i)]);
      for (Pair* pair : closed_) pairs_.erase(pair);  // only now: later events may have pointed to them
      closed_.clear();
    }
  }

 private:
  void handle(const epoll_event& event) {
    End* end = static_cast<End*>(event.data.ptr);
    if (end == nullptr) return accept();
    if (!end->pair->closed && (event.events & EPOLLOUT) != 0) flush(*end);
    if (end->pair->closed) return;
    const bool broken = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
    if (end->peer->unsent.empty()) {
      if (broken || (event.events & EPOLLIN) != 0) forward(*end);
    } else if (broken) {
      close(*end->pair);  // nothing may be read before the peer has taken what it has, and epoll would not stop saying it
    }
  }

  void accept() {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) return;
    const int server = connect_to(server_port_);
    if (server < 0) {
      ::close(client);
      return;
    }
    set(client, IPPROTO_TCP, TCP_NODELAY);
    auto pair = std::make_unique<Pair>(client, server);
    for (End* end : {&pair->client, &pair->server}) {
      epoll_event event = wanted(*end);
      end->awaited = event.events;
      if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, end->fd, &event) != 0) fail("epoll_ctl");
    }
    Pair* key = pair.get();
    pairs_.emplace(key, std::move(pair));
  }

  static epoll_event wanted(End& end) {
    epoll_event event{};
    event.events = (end.peer->unsent.empty() ? EPOLLIN : 0U) | (end.unsent.empty() ? 0U : EPOLLOUT);
    event.data.ptr = &end;
    return event;
  }

  void arm(End& end) {
    epoll_event event = wanted(end);
    if (event.events == end.awaited) return;
    end.awaited = event.events;
    if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, end.fd, &event) != 0) fail("epoll_ctl");
  }

  void forward(End& from) {
    const ssize_t received = ::recv(from.fd, buffer_.data(), buffer_.size(), 0);
    if (received < 0 && errno == EAGAIN) return;
    if (received <= 0) return close(*from.pair);
    send(*from.peer, buffer_.data(), static_cast<std::size_t>(received));
  }

  void flush(End& to) {
    const std::vector<char> rest = std::move(to.unsent);
    to.unsent.clear();
    send(to, rest.data(), rest.size());
  }

  void send(End& to, const char* data, std::size_t size) {
    ssize_t sent = ::send(to.fd, data, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) sent = 0;
    if (sent < 0) return close(*to.pair);
    to.unsent.assign(data + sent, data + size);
    arm(to);
    arm(*to.peer);
  }

  void close(Pair& pair) {
    pair.closed = true;
    closed_.push_back(&pair);
  }

  int epoll_;
  int listener_;
  std::uint16_t server_port_;
  std::array<char, buffer_size> buffer_{};
  std::unordered_map<Pair*, std::unique_ptr<Pair>> pairs_;
  std::vector<Pair*> closed_;
};

std::uint16_t port(const char* text) {
  const long number = std::strtol(text, nullptr, 10);
  if (number < 1 || number > 65535) {
    std::fprintf(stderr, "relay: '%s' is no port\n", text);
    std::exit(2);
  }
  return static_cast<std::uint16_t>(number);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: relay LISTEN_PORT SERVER_PORT\n");
    return 2;
  }
  static Relay relay(port(arguments[1]), port(arguments[2]));
  relay.run();
}
