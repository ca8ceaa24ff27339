// Metrics and health over HTTP: GET and HEAD of /metrics, /health and /ready. Unencrypted and without authentication,
// so it listens on loopback unless told otherwise.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>

#include "config/config.hpp"
#include "proxy/admin/http_session.hpp"
#include "proxy/admin/sources.hpp"

namespace pgweir::admin {

class HttpServer {
  public:
    // `io` runs on one thread only. `io`, `http` and `sources` must outlive the server and its last pending work.
    HttpServer(boost::asio::io_context& io, const config::Http& http, const Sources& sources, HttpLimits limits = {});
    ~HttpServer();  // stops
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    // Listens. Throws boost::system::system_error, or std::invalid_argument for an address that is none. listen_addr
    // "*" is every address; listen_port 0 takes any free port: that 0 means "off" in the file is the caller's business.
    void start();
    // Closes the listener and every connection. On the io_context's thread, or while that does not run.
    void stop() noexcept;
    // The port listened on; 0 before start().
    [[nodiscard]] std::uint16_t port() const noexcept;
    // Open connections.
    [[nodiscard]] std::size_t connections() const noexcept;

  private:
    class Listener;

    boost::asio::io_context& io_;
    const config::Http& http_;
    std::shared_ptr<HttpRoutes> routes_;
    HttpLimits limits_;
    std::shared_ptr<Listener> listener_;
};

}  // namespace pgweir::admin
