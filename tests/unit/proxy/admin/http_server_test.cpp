// The HTTP server over real sockets on loopback.
#include "proxy/admin/http_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <boost/system/system_error.hpp>
#include <future>
#include <thread>

#include "tests/unit/proxy/admin/world.hpp"

namespace pgweir::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using namespace std::chrono_literals;
using testing::HasSubstr;

using Response = http::response<http::string_body>;

HttpLimits small_limits() {
    HttpLimits limits;
    limits.connections = 8;
    limits.timeout = 300ms;
    return limits;
}

class HttpServerTest : public testing::Test {
  protected:
    void SetUp() override {
        world.config.http.listen_port = 0;
        server.start();
        thread = std::thread([this] { world.io.run(); });
    }
    void TearDown() override {
        asio::post(world.io, [this] { server.stop(); });
        thread.join();  // run() returns only when nothing is pending: stop() leaves nothing behind
    }

    tcp::socket connect() {
        tcp::socket socket(client);
        socket.connect({asio::ip::address_v4::loopback(), server.port()});
        return socket;
    }
    static Response read_response(tcp::socket& socket, beast::flat_buffer& buffer, bool head = false) {
        http::response_parser<http::string_body> parser;
        parser.skip(head);
        http::read(socket, buffer, parser);
        return parser.release();
    }
    Response ask(std::string_view target, http::verb verb = http::verb::get) {
        tcp::socket socket = connect();
        http::request<http::empty_body> request{verb, target, 11};
        request.set(http::field::host, "localhost");
        http::write(socket, request);
        beast::flat_buffer buffer;
        return read_response(socket, buffer, verb == http::verb::head);
    }
    // Sends these bytes and reads what comes until the server closes.
    std::string raw(std::string_view bytes) {
        tcp::socket socket = connect();
        boost::system::error_code error;
        asio::write(socket, asio::buffer(bytes), error);
        return read_to_end(socket);
    }
    static std::string read_to_end(tcp::socket& socket) {
        std::string text;
        boost::system::error_code error;
        asio::read(socket, asio::dynamic_buffer(text), error);
        return text;
    }
    template <class F>
    void on_server(F change) {
        std::promise<void> done;
        asio::post(world.io, [&] {
            change();
            done.set_value();
        });
        done.get_future().wait();
    }

    test::World world;
    HttpServer server{world.io, world.config.http, world.sources, small_limits()};
    asio::io_context client;
    std::thread thread;
};

TEST_F(HttpServerTest, HealthSaysOkAndUptime) {
    const Response response = ask("/health");
    EXPECT_EQ(response.result_int(), 200u);
    EXPECT_EQ(response[http::field::content_type], "application/json");
    const auto body = boost::json::parse(response.body()).as_object();
    EXPECT_EQ(body.at("status").as_string(), "ok");
    EXPECT_GE(body.at("uptime").to_number<double>(), 0);
}

TEST_F(HttpServerTest, HealthGivesTheReason) {
    on_server([&] { world.unhealthy = "worker \"1\" died\n"; });
    const Response response = ask("/health");
    EXPECT_EQ(response.result_int(), 503u);
    EXPECT_EQ(boost::json::parse(response.body()).as_object().at("reason").as_string(), "worker \"1\" died\n");
}

TEST_F(HttpServerTest, SilentWorkersAreUnhealthyButDoNotStopTheScrape) {
    on_server([&] { world.workers_answer = false; });
    const Response health = ask("/health");
    EXPECT_EQ(health.result_int(), 503u);
    EXPECT_THAT(health.body(), HasSubstr("workers do not answer"));
    const Response metrics = ask("/metrics");
    EXPECT_EQ(metrics.result_int(), 200u);
    EXPECT_THAT(metrics.body(), HasSubstr("pgweir_workers 2"));
}

TEST_F(HttpServerTest, PingIsPreferredToRows) {
    on_server([&] {
        world.workers_answer = false;
        world.sources.ping = [&](std::function<void()> done) { asio::post(world.io, done); };
    });
    EXPECT_EQ(ask("/health").result_int(), 200u);
}

TEST_F(HttpServerTest, ReadyNeedsAPrimaryAndAListener) {
    EXPECT_EQ(ask("/ready").result_int(), 200u);
    on_server([&] { world.not_ready = "shutting down"; });
    const Response stopping = ask("/ready");
    EXPECT_EQ(stopping.result_int(), 503u);
    EXPECT_THAT(stopping.body(), HasSubstr("shutting down"));
    on_server([&] {
        world.not_ready.reset();
        world.snapshot->primary.reset();
    });
    EXPECT_EQ(ask("/ready").result_int(), 503u);
}

TEST_F(HttpServerTest, MetricsAreThere) {
    on_server([&] { world.rows.pools.push_back({"app", "u", "pg1", 1, 0, 0, 0, 0, 0, 0, 0, {}, {}, 20}); });
    const Response response = ask("/metrics?x=y");
    EXPECT_EQ(response.result_int(), 200u);
    EXPECT_EQ(response[http::field::content_type], "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_THAT(response.body(), HasSubstr("pgweir_pools_size{database=\"app\",user=\"u\",server=\"pg1\"} 20"));
}

TEST_F(HttpServerTest, HeadHasTheLengthAndNoBody) {
    const Response response = ask("/ready", http::verb::head);
    EXPECT_EQ(response.result_int(), 200u);
    EXPECT_EQ(response[http::field::content_length], std::to_string(ask("/ready").body().size()));
    EXPECT_EQ(response.body(), "");
    // On a connection kept alive a body would be taken for the next answer.
    const std::string both = raw("HEAD /ready HTTP/1.1\r\n\r\nGET /nowhere HTTP/1.1\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(both, HasSubstr("\r\n\r\nHTTP/1.1 404"));
}

TEST_F(HttpServerTest, StatusCodes) {
    const std::vector<std::tuple<std::string_view, http::verb, unsigned>> cases = {
        {"/", http::verb::get, 404},          {"/metricsx", http::verb::get, 404},
        {"/metrics/", http::verb::get, 404},  {"/../metrics", http::verb::get, 404},
        {"/metrics", http::verb::post, 405},  {"/health", http::verb::delete_, 405},
        {"/ready", http::verb::options, 405}, {"/nowhere", http::verb::post, 404},
        {"/%6detrics", http::verb::get, 404}, {"http://h/metrics", http::verb::get, 404},
    };
    for (const auto& [target, verb, status] : cases) {
        const Response response = ask(target, verb);
        EXPECT_EQ(response.result_int(), status) << verb << " " << target;
        EXPECT_EQ(response.count(http::field::allow), status == 405 ? 1u : 0u);
    }
}

TEST_F(HttpServerTest, MalformedRequestsGet400) {
    for (const std::string_view bytes :
         {"\r\n\r\n\r\nx\r\n\r\n", "GET\r\n\r\n", "GET /health HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00",
          "GET /health HTTP/1.1\r\nbad header\r\n\r\n", "POST /health HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
          "POST /health HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
        EXPECT_THAT(raw(bytes), testing::StartsWith("HTTP/1.1 400 ")) << bytes;
    }
    EXPECT_EQ(ask("/health").result_int(), 200u);
}

TEST_F(HttpServerTest, LargeHeadersAndBodiesAreRefused) {
    EXPECT_THAT(raw("GET /health HTTP/1.1\r\nX: " + std::string(9'000, 'x') + "\r\n\r\n"),
                testing::StartsWith("HTTP/1.1 431 "));
    EXPECT_THAT(raw("GET /" + std::string(300'000, 'x')), testing::StartsWith("HTTP/1.1 431 "));
    EXPECT_THAT(raw("POST /health HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"),
                testing::StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServerTest, KeepAliveAndPipelining) {
    tcp::socket socket = connect();
    beast::flat_buffer buffer;
    for (int i = 0; i < 5; ++i) {
        asio::write(socket, asio::buffer(std::string_view("GET /ready HTTP/1.1\r\n\r\n")));
        EXPECT_EQ(read_response(socket, buffer).result_int(), 200u);
    }
    asio::write(socket, asio::buffer(std::string_view("GET /ready HTTP/1.1\r\n\r\nGET /health HTTP/1.1\r\n\r\n")));
    EXPECT_THAT(read_response(socket, buffer).body(), HasSubstr("ready"));
    EXPECT_THAT(read_response(socket, buffer).body(), HasSubstr("uptime"));
    EXPECT_THAT(raw("GET /ready HTTP/1.0\r\n\r\n"), HasSubstr("200 OK"));  // and closed: read to the end
}

TEST_F(HttpServerTest, SlowClientsAreDropped) {
    const auto start = std::chrono::steady_clock::now();
    tcp::socket half = connect();
    asio::write(half, asio::buffer(std::string_view("GET /hea")));
    tcp::socket silent = connect();
    EXPECT_EQ(read_to_end(half), "");
    EXPECT_EQ(read_to_end(silent), "");
    EXPECT_GE(std::chrono::steady_clock::now() - start, 250ms);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
}

// One byte at a time must not win more time.
TEST_F(HttpServerTest, ADrippingClientIsDroppedToo) {
    tcp::socket socket = connect();
    const auto start = std::chrono::steady_clock::now();
    boost::system::error_code error;
    while (!error && std::chrono::steady_clock::now() - start < 3s) {
        asio::write(socket, asio::buffer("x", 1), error);
        std::this_thread::sleep_for(20ms);
    }
    EXPECT_TRUE(error);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
}

TEST_F(HttpServerTest, ConnectionsAreBoundedAndComeBack) {
    std::vector<tcp::socket> held;
    for (std::size_t i = 0; i < small_limits().connections; ++i) {
        held.push_back(connect());
        beast::flat_buffer buffer;
        asio::write(held.back(), asio::buffer(std::string_view("GET /ready HTTP/1.1\r\n\r\n")));
        EXPECT_EQ(read_response(held.back(), buffer).result_int(), 200u);
    }
    on_server([&] { EXPECT_EQ(server.connections(), small_limits().connections); });
    tcp::socket extra = connect();
    EXPECT_EQ(read_to_end(extra), "");
    held.clear();
    std::this_thread::sleep_for(50ms);
    EXPECT_EQ(ask("/ready").result_int(), 200u);
}

TEST_F(HttpServerTest, ManyConnectionsOneAfterAnother) {
    for (int i = 0; i < 300; ++i) ASSERT_EQ(ask(i % 2 == 0 ? "/ready" : "/health").result_int(), 200u) << i;
}

TEST_F(HttpServerTest, AClientThatLeavesDuringTheAnswerIsHarmless) {
    for (int i = 0; i < 20; ++i) {
        tcp::socket socket = connect();
        asio::write(socket, asio::buffer(std::string_view("GET /metrics HTTP/1.1\r\n\r\n")));
        socket.set_option(asio::socket_base::linger(true, 0));
        socket.close();
    }
    EXPECT_EQ(ask("/ready").result_int(), 200u);
}

TEST_F(HttpServerTest, StopClosesOpenConnectionsAndTheListener) {
    tcp::socket open = connect();
    beast::flat_buffer buffer;
    asio::write(open, asio::buffer(std::string_view("GET /ready HTTP/1.1\r\n\r\n")));
    EXPECT_EQ(read_response(open, buffer).result_int(), 200u);
    const std::uint16_t port = server.port();
    on_server([&] { server.stop(); });
    EXPECT_EQ(read_to_end(open), "");
    tcp::socket late(client);
    boost::system::error_code error;
    late.connect({asio::ip::address_v4::loopback(), port}, error);
    EXPECT_TRUE(error);
}

TEST(HttpServerStart, RefusesAnAddressThatIsNoneOrTaken) {
    test::World world;
    world.config.http.listen_addr = "no address";
    HttpServer wrong(world.io, world.config.http, world.sources);
    EXPECT_THROW(wrong.start(), std::invalid_argument);
    EXPECT_EQ(wrong.port(), 0u);
    config::Http any{"127.0.0.1", 0};
    HttpServer first(world.io, any, world.sources);
    first.start();
    const config::Http same{"127.0.0.1", first.port()};
    HttpServer second(world.io, same, world.sources);
    EXPECT_THROW(second.start(), boost::system::system_error);
}

TEST(HttpServerStart, AStarIsEveryAddress) {
    test::World world;
    const config::Http http{"*", 0};
    HttpServer server(world.io, http, world.sources);
    server.start();
    asio::io_context client;
    tcp::socket socket(client);
    EXPECT_NO_THROW(socket.connect({asio::ip::address_v4::loopback(), server.port()}));
}

}  // namespace
}  // namespace pgweir::admin
