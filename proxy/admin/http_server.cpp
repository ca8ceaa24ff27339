#include "proxy/admin/http_server.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

namespace pgweir::admin {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// After a failed accept (no file descriptor left) trying again at once would spin.
constexpr std::chrono::milliseconds kAcceptPause{100};

tcp::endpoint endpoint_of(const config::Http& http) {
    if (http.listen_addr == "*") return {tcp::v6(), http.listen_port};
    if (http.listen_addr == "localhost") return {asio::ip::address_v4::loopback(), http.listen_port};
    error_code error;
    const auto address = asio::ip::make_address(http.listen_addr, error);
    if (error) throw std::invalid_argument("http.listen_addr is no address: " + http.listen_addr);
    return {address, http.listen_port};
}

tcp::acceptor listen_on(asio::io_context& io, const tcp::endpoint& endpoint, bool every_address) {
    tcp::acceptor acceptor(io, endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    if (every_address) acceptor.set_option(asio::ip::v6_only(false));
    acceptor.bind(endpoint);
    acceptor.listen();
    return acceptor;
}

// A machine without IPv6 still has "every address".
tcp::acceptor listen_for(asio::io_context& io, const config::Http& http) {
    const bool every_address = http.listen_addr == "*";
    try {
        return listen_on(io, endpoint_of(http), every_address);
    } catch (const boost::system::system_error& error) {
        if (!every_address || error.code() != asio::error::address_family_not_supported) throw;
        return listen_on(io, {tcp::v4(), http.listen_port}, false);
    }
}

}  // namespace

class HttpServer::Listener : public std::enable_shared_from_this<Listener> {
  public:
    Listener(asio::io_context& io, const config::Http& http, std::shared_ptr<HttpRoutes> routes, HttpLimits limits)
        : acceptor_(listen_for(io, http)), pause_(io), routes_(std::move(routes)), limits_(limits) {}

    void accept() {
        acceptor_.async_accept([self = shared_from_this()](const error_code& error, tcp::socket socket) {
            if (!self->acceptor_.is_open()) return;
            if (error) return self->accept_later();
            self->admit(std::move(socket));
            self->accept();
        });
    }

    void stop() noexcept {
        error_code ignored;
        acceptor_.close(ignored);
        pause_.cancel();
        for (const auto& entry : sessions_) {
            if (const auto session = entry.lock()) session->close();
        }
        sessions_.clear();
    }

    [[nodiscard]] std::uint16_t port() const noexcept {
        error_code ignored;
        return acceptor_.local_endpoint(ignored).port();
    }

    [[nodiscard]] std::size_t connections() noexcept {
        std::erase_if(sessions_, [](const auto& session) { return session.expired(); });
        return sessions_.size();
    }

  private:
    void accept_later() {
        pause_.expires_after(kAcceptPause);
        pause_.async_wait([self = shared_from_this()](const error_code& error) {
            if (!error) self->accept();
        });
    }

    // Over the limit the socket is closed by leaving.
    void admit(tcp::socket socket) {
        if (connections() >= limits_.connections) return;
        auto session = std::make_shared<HttpSession>(std::move(socket), routes_, limits_);
        sessions_.push_back(session);
        session->start();
    }

    tcp::acceptor acceptor_;
    asio::steady_timer pause_;
    std::shared_ptr<HttpRoutes> routes_;
    HttpLimits limits_;
    std::vector<std::weak_ptr<HttpSession>> sessions_;
};

HttpServer::HttpServer(asio::io_context& io, const config::Http& http, const Sources& sources, HttpLimits limits)
    : io_(io), http_(http), routes_(std::make_shared<HttpRoutes>(io, sources)), limits_(limits) {}

HttpServer::~HttpServer() { stop(); }

void HttpServer::start() {
    listener_ = std::make_shared<Listener>(io_, http_, routes_, limits_);
    listener_->accept();
}

void HttpServer::stop() noexcept {
    if (listener_) listener_->stop();
}

std::uint16_t HttpServer::port() const noexcept { return listener_ ? listener_->port() : std::uint16_t{0}; }

std::size_t HttpServer::connections() const noexcept { return listener_ ? listener_->connections() : 0; }

}  // namespace pgweir::admin
