#include "proxy/net/listener.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include "proxy/net/worker.hpp"

namespace pgweir::net {

namespace {

constexpr std::size_t kAcceptsPerWake = 64;
constexpr std::uint32_t kOverLimit = 100;  // connections over max_client_conn that are listened to
constexpr std::chrono::milliseconds kPause{100};  // when the process is out of file descriptors

}  // namespace

Listener::Listener(boost::asio::io_context& io, Shared& shared) : io_(io), shared_(shared) {}

void Listener::start() {
    using boost::asio::ip::tcp;
    const config::Proxy& proxy = shared_.settings->config.proxy;
    if (proxy.listen_addr == "*") {
        listen({tcp::v4(), proxy.listen_port});
        try {
            listen({tcp::v6(), proxy.listen_port});
        } catch (const std::runtime_error& error) {
            spdlog::warn("event=no_ipv6 cause=\"{}\"", error.what());
        }
    } else {
        listen({boost::asio::ip::make_address(proxy.listen_addr), proxy.listen_port});
    }
    for (std::size_t i = 0; i < acceptors_.size(); ++i) arm(i);
}

void Listener::listen(const boost::asio::ip::tcp::endpoint& endpoint) {
    try {
        boost::asio::ip::tcp::acceptor acceptor(io_);
        acceptor.open(endpoint.protocol());
        acceptor.set_option(boost::asio::socket_base::reuse_address(true));
        if (endpoint.address().is_v6()) acceptor.set_option(boost::asio::ip::v6_only(true));
        acceptor.bind(endpoint);
        acceptor.listen(4096);
        acceptor.non_blocking(true);
        acceptors_.push_back(std::move(acceptor));
        pauses_.emplace_back(io_);
    } catch (const boost::system::system_error& error) {
        throw std::runtime_error("cannot listen on " + endpoint.address().to_string() + " port " +
                                 std::to_string(endpoint.port()) + ": " + error.code().message());
    }
}

void Listener::stop() {
    boost::system::error_code ignored;
    for (auto& acceptor : acceptors_) acceptor.close(ignored);
    for (auto& pause : pauses_) pause.cancel();
}

void Listener::arm(std::size_t which) {
    acceptors_[which].async_wait(boost::asio::ip::tcp::acceptor::wait_read,
                                 [this, which](const boost::system::error_code& error) {
                                     if (!error) accept_all(which);
                                 });
}

void Listener::accept_all(std::size_t which) {
    for (std::size_t i = 0; i < kAcceptsPerWake; ++i) {
        const int fd = ::accept4(acceptors_[which].native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK) break;
            spdlog::error("event=accept_failed cause=\"{}\"", std::strerror(errno));
            return pause(which);
        }
        const std::uint32_t there = shared_.clients.fetch_add(1);
        const std::uint32_t limit = shared_.settings->config.proxy.max_client_conn;
        // Over the limit administrators still get in, and others are told why not; but not without end.
        if (there >= limit + kOverLimit) {
            shared_.clients.fetch_sub(1);
            ::close(fd);
            continue;
        }
        const bool over = there >= limit;
        const auto least = std::min_element(shared_.workers.begin(), shared_.workers.end(), [](Worker* a, Worker* b) {
            return a->load() < b->load();
        });
        (*least)->adopt_client(fd, over);
    }
    arm(which);
}

void Listener::pause(std::size_t which) {
    pauses_[which].expires_after(kPause);
    pauses_[which].async_wait([this, which](const boost::system::error_code& error) {
        if (!error) arm(which);
    });
}

}  // namespace pgweir::net
