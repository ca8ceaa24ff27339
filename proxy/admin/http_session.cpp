#include "proxy/admin/http_session.hpp"

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <utility>

namespace pgweir::admin {

namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::chrono::seconds kLinger{1};
constexpr std::size_t kMaxDrained = 1U << 20;

// What a request that could not be read deserves; none: only a closed connection.
std::optional<HttpAnswer> refusal(const error_code& error) {
    constexpr std::string_view kText = "text/plain; charset=utf-8";
    if (error == http::error::end_of_stream || error == http::error::partial_message) return std::nullopt;
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
        return HttpAnswer{431, kText, "request header too large\n"};
    }
    if (error == http::error::body_limit) return HttpAnswer{413, kText, "request body too large\n"};
    if (error.category() == http::make_error_code(http::error::bad_method).category()) {
        return HttpAnswer{400, kText, "malformed request\n"};
    }
    return std::nullopt;
}

template <class Body>
http::response<Body> response_head(const HttpAnswer& answer, unsigned version, bool keep_alive) {
    http::response<Body> response{static_cast<http::status>(answer.status), version};
    response.set(http::field::server, "pgweir");
    response.set(http::field::content_type, answer.content_type);
    response.set(http::field::cache_control, "no-store");
    if (answer.status == 405) response.set(http::field::allow, "GET, HEAD");
    response.content_length(answer.body.size());
    response.keep_alive(keep_alive);
    return response;
}

}  // namespace

HttpSession::HttpSession(boost::asio::ip::tcp::socket socket, std::shared_ptr<HttpRoutes> routes,
                         const HttpLimits& limits)
    : stream_(std::move(socket)),
      routes_(std::move(routes)),
      limits_(limits),
      buffer_(std::size_t{limits.header_bytes} + limits.body_bytes + 1024) {}

void HttpSession::close() noexcept { stream_.close(); }

void HttpSession::read() {
    parser_.emplace();
    parser_->header_limit(limits_.header_bytes);
    parser_->body_limit(limits_.body_bytes);
    stream_.expires_after(limits_.timeout);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](const error_code& error, std::size_t) { self->on_read(error); });
}

void HttpSession::on_read(const error_code& error) {
    if (error) return refuse(error);
    answer();
}

void HttpSession::refuse(const error_code& error) {
    const auto answer = refusal(error);
    if (!answer) return close();
    write(*answer, 11, false, false);
}

void HttpSession::answer() {
    const Request& request = parser_->get();
    const std::string method(request.method_string());
    const std::string target(request.target());
    const auto done = [self = shared_from_this(), version = request.version(), keep_alive = request.keep_alive(),
                       head_only = request.method() == http::verb::head](const HttpAnswer& answer) {
        self->write(answer, version, keep_alive, head_only);
    };
    // The routes bound their own time; the stream's clock must not cut that short.
    stream_.expires_never();
    routes_->answer(method, target, done);
}

void HttpSession::write(const HttpAnswer& answer, unsigned version, bool keep_alive, bool head_only) {
    stream_.expires_after(limits_.timeout);
    const auto send = [&](http::message_generator message) {
        boost::beast::async_write(stream_, std::move(message),
                                  [self = shared_from_this(), keep_alive](const error_code& error, std::size_t) {
                                      self->on_write(error, keep_alive);
                                  });
    };
    if (head_only) return send(response_head<http::empty_body>(answer, version, keep_alive));
    auto response = response_head<http::string_body>(answer, version, keep_alive);
    response.body() = answer.body;
    send(std::move(response));
}

void HttpSession::on_write(const error_code& error, bool keep_alive) {
    if (error) return close();
    if (keep_alive) return read();
    linger();
}

// Closing while bytes of the client wait unread makes the kernel send a reset, which can destroy our answer on its way:
// so the rest is read and thrown away for a moment.
void HttpSession::linger() {
    error_code ignored;
    stream_.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
    stream_.expires_after(kLinger);
    drain();
}

void HttpSession::drain() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(4096), [self = shared_from_this()](const error_code& error, std::size_t n) {
        self->drained_ += n;
        if (error || self->drained_ > kMaxDrained) return self->close();
        self->drain();
    });
}

}  // namespace pgweir::admin
