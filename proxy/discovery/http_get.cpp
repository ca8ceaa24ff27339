#include "proxy/discovery/http_get.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <sstream>
#include <utility>

#include "config/network.hpp"

namespace pgweir::discovery {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kReadSize = 16 * 1024;

// One request from beginning to end; it lives in its own callbacks.
class Get : public std::enable_shared_from_this<Get> {
  public:
    Get(asio::io_context& io, HttpRequest request, std::function<void(HttpAnswer)> done)
        : request_(std::move(request)), done_(std::move(done)), resolver_(io), timer_(io), stream_(io) {
        http::request<http::empty_body> message(http::verb::get, request_.url.path + request_.target, 11);
        const bool is_v6 = request_.url.host.find(':') != std::string::npos;
        message.set(http::field::host, is_v6 ? '[' + request_.url.host + ']' : request_.url.host);
        message.set(http::field::user_agent, "pgweir/" PGWEIR_VERSION);
        message.set(http::field::accept, "application/json");
        message.set(http::field::connection, "close");
        request_text_ = (std::ostringstream() << message).str();
        parser_.eager(true);
        parser_.body_limit(request_.max_body);
    }

    void start() {
        timer_.expires_after(request_.timeout);
        timer_.async_wait([self = shared_from_this()](const error_code& error) {
            if (!error) self->finish({{}, "no answer within " + std::to_string(self->request_.timeout.count()) + " ms"});
        });
        resolver_.async_resolve(request_.url.host, std::to_string(request_.url.port),
                                [self = shared_from_this()](const error_code& error, const tcp::resolver::results_type& found) {
                                    if (!self->failed(error, "look-up")) self->connect(found);
                                });
    }

  private:
    void connect(const tcp::resolver::results_type& found) {
        stream_.async_connect(found, [self = shared_from_this()](const error_code& error, const tcp::endpoint&) {
            if (!self->failed(error, "connect")) self->begin();
        });
    }

    void begin() {
        if (!request_.url.tls) return send(stream_);
        encrypted_.emplace(stream_, *request_.tls);
        const std::string& host = request_.url.host;
        const bool is_address = config::parse_address(host).has_value();
        if (!is_address && SSL_set_tlsext_host_name(encrypted_->native_handle(), host.c_str()) != 1) {
            return finish({{}, "TLS: the host's name cannot be sent"});
        }
        encrypted_->set_verify_callback(asio::ssl::host_name_verification(host));
        encrypted_->async_handshake(asio::ssl::stream_base::client, [self = shared_from_this()](const error_code& error) {
            if (!self->failed(error, "TLS")) self->send(*self->encrypted_);
        });
    }

    template <class Stream>
    void send(Stream& stream) {
        asio::async_write(stream, asio::buffer(request_text_),
                          [self = shared_from_this(), &stream](const error_code& error, std::size_t) {
                              if (!self->failed(error, "request")) self->read(stream);
                          });
    }

    // Beast's own reading and writing, of either kind of stream, more than double the time that this file takes to compile.
    template <class Stream>
    void read(Stream& stream) {
        stream.async_read_some(buffer_.prepare(kReadSize),
                               [self = shared_from_this(), &stream](const error_code& error, std::size_t size) {
                                   if (self->take(error, size)) self->read(stream);
                               });
    }

    // False when there is nothing more to read.
    bool take(error_code error, std::size_t size) {
        const bool ended = error == asio::error::eof || error == asio::ssl::error::stream_truncated;
        if (failed(ended ? error_code() : error, "answer")) return false;
        buffer_.commit(size);
        error_code parsed;
        if (ended && !parser_.got_some()) {
            parsed = http::error::end_of_stream;
        } else if (ended) {
            parser_.put_eof(parsed);
        } else {
            buffer_.consume(parser_.put(buffer_.data(), parsed));
            if (parsed == http::error::need_more) parsed = {};
        }
        if (failed(parsed, "answer")) return false;
        if (parser_.is_done()) answered();
        return !parser_.is_done();
    }

    void answered() {
        const auto& message = parser_.get();
        if (message.result() != http::status::ok) return finish({{}, "HTTP status " + std::to_string(message.result_int())});
        finish({message.body(), {}});
    }

    bool failed(const error_code& error, const char* what) {
        if (error) finish({{}, std::string(what) + ": " + error.message()});
        return error || !done_;
    }

    void finish(HttpAnswer answer) {
        const auto done = std::exchange(done_, nullptr);
        if (!done) return;
        timer_.cancel();
        resolver_.cancel();
        stream_.close();
        done(std::move(answer));
    }

    HttpRequest request_;
    std::function<void(HttpAnswer)> done_;  // null: it is over
    tcp::resolver resolver_;
    asio::steady_timer timer_;
    beast::tcp_stream stream_;
    std::optional<asio::ssl::stream<beast::tcp_stream&>> encrypted_;
    std::string request_text_;
    http::response_parser<http::string_body> parser_;
    beast::flat_buffer buffer_;
};

}  // namespace

void http_get(boost::asio::io_context& io, HttpRequest request, std::function<void(HttpAnswer)> done) {
    std::make_shared<Get>(io, std::move(request), std::move(done))->start();
}

}  // namespace pgweir::discovery
