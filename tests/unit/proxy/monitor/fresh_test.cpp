// Questions out of turn, their numbers, and a connection that ends between two of them (semantics.md E), with a server that
// answers as a primary.
#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/monitor/monitor.hpp"
#include "tests/support/wire.hpp"

namespace pgweir::monitor {
namespace {

using boost::asio::ip::tcp;
using std::chrono::milliseconds;

// As far as one probe at a time goes: a startup packet, then a Query in each packet that comes.
class Primary {
  public:
    explicit Primary(boost::asio::io_context& io) : acceptor_(io, {boost::asio::ip::address_v4::loopback(), 0}) { accept(); }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    void hang_up() { client_->close(); }

    int connections = 0;
    std::vector<std::chrono::steady_clock::time_point> questions;
    std::function<void()> on_question = [] {};

  private:
    void accept() {
        acceptor_.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
            if (error) return;
            ++connections;
            client_ = std::make_shared<tcp::socket>(std::move(socket));
            read(true);
            accept();
        });
    }
    void read(bool startup) {
        client_->async_read_some(boost::asio::buffer(in_), [this, startup, client = client_](const auto& error, std::size_t) {
            if (error) return;
            if (!startup) {
                questions.push_back(std::chrono::steady_clock::now());
                on_question();
            }
            const std::string answer = startup ? test::message('R', std::string(4, '\0')) + test::ready() : row();
            boost::system::error_code ignored;
            boost::asio::write(*client, boost::asio::buffer(answer), ignored);
            read(false);
        });
    }
    static std::string row() {
        const std::vector<std::string> values = {"f", "0/3000100", "0/3000100", "f", "7", "00000001", "", "150000", "16777216"};
        std::string columns, data;
        append_be16(columns, static_cast<std::uint16_t>(values.size()));
        append_be16(data, static_cast<std::uint16_t>(values.size()));
        for (const std::string& value : values) {
            columns += test::text("c") + std::string(6, '\0');
            append_be32(columns, 25);
            columns += std::string(8, '\0');
            append_be32(data, static_cast<std::uint32_t>(value.size()));
            data += value;
        }
        return test::message('T', columns) + test::message('D', data) + test::complete("SELECT 1") + test::ready();
    }

    tcp::acceptor acceptor_;
    std::shared_ptr<tcp::socket> client_;
    std::array<char, 4096> in_{};
};

class FreshTest : public ::testing::Test {
  protected:
    FreshTest() {
        config::Server server;
        server.name = "a";
        server.cluster = "main";
        server.host = "127.0.0.1";
        server.port = primary_.port();
        config_.servers.push_back(server);
        config_.users.push_back({.name = "u", .password = "p"});
        config_.server_tls.sslmode = config::TlsMode::disable;
        config_.monitor.interval = milliseconds(60'000);
        config_.monitor.timeout = milliseconds(5'000);
        monitor_.emplace(io_, config_, "main", clock_, [this](auto snapshot) { last_ = std::move(snapshot); });
        monitor_->start();
        run_until([this] { return last_->primary.has_value(); });
    }
    void run(int ms) {
        boost::asio::steady_timer timer(io_, milliseconds(ms));
        timer.async_wait([this](const auto&) { io_.stop(); });
        io_.restart();
        io_.run();
    }
    void run_until(const std::function<bool()>& condition) {
        for (int i = 0; i < 500 && !condition(); ++i) run(10);
        ASSERT_TRUE(condition());
    }

    boost::asio::io_context io_;
    config::Config config_;
    cluster::SampleClock clock_;
    Primary primary_{io_};
    std::shared_ptr<const cluster::Snapshot> last_;
    std::optional<Monitor> monitor_;
};

TEST_F(FreshTest, ASampleThatIsWantedIsTakenAndPublishedAtOnce) {
    EXPECT_EQ(clock_.started, 1U);
    EXPECT_EQ(last_->epoch, 1U);
    monitor_->freshen();  // nobody wants any
    run(50);
    EXPECT_EQ(primary_.questions.size(), 1U);
    const std::uint64_t need = clock_.next();
    clock_.sample_wanted = true;
    monitor_->freshen();
    run_until([&] { return last_->samples.at_or_after(need).has_value(); });
    EXPECT_EQ(last_->samples.at_or_after(need), Lsn{0x3000100});
    EXPECT_FALSE(clock_.sample_wanted);
    EXPECT_EQ(primary_.questions.size(), 2U);
    EXPECT_EQ(primary_.connections, 1);
}

// What is wanted while a question is under way is not answered by that one.
TEST_F(FreshTest, AWishDuringAQuestionMakesAnother) {
    std::uint64_t need = 0;
    primary_.on_question = [&] {
        if (need != 0) return;
        need = clock_.next();
        clock_.sample_wanted = true;
        monitor_->freshen();
    };
    clock_.sample_wanted = true;
    monitor_->freshen();
    run_until([&] { return need != 0 && last_->samples.at_or_after(need).has_value(); });
    ASSERT_EQ(primary_.questions.size(), 3U);
    EXPECT_GE(primary_.questions[2] - primary_.questions[1], milliseconds(4));  // but not in a stream
}

TEST_F(FreshTest, AConnectionThatEndsBetweenTwoQuestionsIsNoticedAtOnce) {
    const std::uint32_t before = last_->servers[0].incarnation;
    const auto epoch = last_->epoch;
    primary_.hang_up();
    run_until([&] { return last_->servers[0].incarnation > before; });
    EXPECT_FALSE(last_->servers[0].reachable);
    EXPECT_EQ(last_->epoch, epoch);
    EXPECT_EQ(last_->primary, cluster::HostIndex{0});
}

}  // namespace
}  // namespace pgweir::monitor
