// One HTTP connection: reads a request, answers it, and again while kept alive.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message_generator.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/admin/http_routes.hpp"

namespace pgweir::admin {

struct HttpLimits {
    std::size_t connections = 64;               // one more is closed at once
    std::uint32_t header_bytes = 8192;          // more is answered with 431
    std::uint32_t body_bytes = 1024;            // more is answered with 413; no request of ours needs any
    std::chrono::milliseconds timeout{10'000};  // to send a whole request, to take a whole answer, idle between two
};

// Kept alive by its own pending operations. All of it runs on the io_context's one thread.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
  public:
    HttpSession(boost::asio::ip::tcp::socket socket, std::shared_ptr<HttpRoutes> routes, const HttpLimits& limits);

    void start() { read(); }
    // Closes the connection at once; pending operations end.
    void close() noexcept;

  private:
    using Request = boost::beast::http::request<boost::beast::http::string_body>;

    void read();
    void on_read(const boost::system::error_code& error);
    void refuse(const boost::system::error_code& error);
    void answer();
    void write(const HttpAnswer& answer, unsigned version, bool keep_alive, bool head_only);
    void on_write(const boost::system::error_code& error, bool keep_alive);
    void linger();
    void drain();

    boost::beast::tcp_stream stream_;
    std::shared_ptr<HttpRoutes> routes_;
    HttpLimits limits_;
    boost::beast::flat_buffer buffer_;
    std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
    std::size_t drained_ = 0;
};

}  // namespace pgweir::admin
