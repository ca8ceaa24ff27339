// Probes against servers that refuse, hang or talk nonsense; tests/integration has the real ones.
#include "proxy/monitor/monitor.hpp"

#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <vector>

namespace pgweir::monitor {
namespace {

using boost::asio::ip::tcp;
using std::chrono::milliseconds;

const tcp::endpoint kAnyPort(boost::asio::ip::address_v4::loopback(), 0);

class MonitorTest : public ::testing::Test {
  protected:
    void watch(std::uint16_t port) {
        config::Server server;
        server.name = "a";
        server.host = "127.0.0.1";
        server.port = port;
        config_.servers.push_back(server);
        server.cluster = "other";
        config_.servers.push_back(server);
        config_.users.push_back({.name = "u", .password = "p"});
        config_.monitor.interval = milliseconds(50);
        config_.monitor.timeout = milliseconds(150);
        monitor_.emplace(io_, config_, "main", clock_, [this](auto snapshot) { snapshots_.push_back(std::move(snapshot)); });
    }
    void run(int ms) {
        boost::asio::steady_timer timer(io_, milliseconds(ms));
        timer.async_wait([this](const auto&) { io_.stop(); });
        io_.restart();
        io_.run();
    }
    // Takes every connection and sends `greeting` on it.
    void accept(tcp::acceptor& acceptor, std::string greeting) {
        acceptor.async_accept([&, greeting](const boost::system::error_code& error, tcp::socket socket) {
            if (error) return;
            boost::system::error_code ignored;
            boost::asio::write(socket, boost::asio::buffer(greeting), ignored);
            taken_.push_back(std::move(socket));
            accept(acceptor, greeting);
        });
    }
    [[nodiscard]] const cluster::ServerView& last() const { return snapshots_.back()->servers.at(0); }

    boost::asio::io_context io_;
    config::Config config_;
    cluster::SampleClock clock_;
    std::vector<tcp::socket> taken_;
    std::vector<std::shared_ptr<const cluster::Snapshot>> snapshots_;
    std::optional<Monitor> monitor_;
};

TEST_F(MonitorTest, ARefusedServerIsUnreachableAndRoundsGoOn) {
    tcp::acceptor acceptor(io_, kAnyPort);
    const std::uint16_t port = acceptor.local_endpoint().port();
    acceptor.close();
    watch(port);
    monitor_->start();
    ASSERT_EQ(snapshots_.size(), 1U);
    EXPECT_EQ(snapshots_[0]->servers.size(), 1U);  // its own cluster's only
    EXPECT_EQ(last().rotation, cluster::Rotation::unknown);
    run(400);
    EXPECT_EQ(last().rotation, cluster::Rotation::unreachable);
    EXPECT_FALSE(last().last_error.empty());
    EXPECT_EQ(last().last_error.find('\n'), std::string::npos);
    EXPECT_GE(snapshots_.size(), 4U);  // one a round, on a busy machine too
    for (std::size_t i = 1; i < snapshots_.size(); ++i) EXPECT_GT(snapshots_[i]->version, snapshots_[i - 1]->version);
}

TEST_F(MonitorTest, ASilentServerTimesOutAndIsAskedAgain) {
    tcp::acceptor acceptor(io_, kAnyPort);
    accept(acceptor, "");
    watch(acceptor.local_endpoint().port());
    monitor_->start();
    run(900);
    EXPECT_EQ(last().rotation, cluster::Rotation::unreachable);
    EXPECT_EQ(last().last_error, "no answer within 150 ms");
    EXPECT_GE(taken_.size(), 2U);
    EXPECT_LE(taken_.size(), 7U);
}

TEST_F(MonitorTest, NonsenseIsAFailure) {
    tcp::acceptor acceptor(io_, kAnyPort);
    accept(acceptor, "HTTP/1.1 400 Bad Request\r\n\r\n");
    watch(acceptor.local_endpoint().port());
    monitor_->start();
    run(300);
    EXPECT_EQ(last().rotation, cluster::Rotation::unreachable);
    EXPECT_FALSE(last().reachable);
}

TEST_F(MonitorTest, AReportedFailureProbesAtOnceAndAgainAfterTheOneInFlight) {
    tcp::acceptor acceptor(io_, kAnyPort);
    accept(acceptor, "HTTP");  // no answer to SSLRequest: each probe ends at once
    watch(acceptor.local_endpoint().port());
    config_.monitor.interval = milliseconds(60'000);
    config_.monitor.timeout = milliseconds(60'000);
    monitor_.emplace(io_, config_, "main", clock_, [this](auto snapshot) { snapshots_.push_back(std::move(snapshot)); });
    monitor_->start();
    run(150);
    ASSERT_EQ(taken_.size(), 1U);  // the next one is a minute away
    monitor_->report_failure(cluster::HostIndex{0}, cluster::TrafficFailure::lost, "refused");
    EXPECT_EQ(last().rotation, cluster::Rotation::unreachable);
    monitor_->probe_now(cluster::HostIndex{0});
    monitor_->probe_now(cluster::HostIndex{0});
    run(150);
    EXPECT_EQ(taken_.size(), 3U);  // one at once, one for all that asked meanwhile
}

TEST_F(MonitorTest, PublishesNothingAfterStop) {
    tcp::acceptor acceptor(io_, kAnyPort);
    accept(acceptor, "");
    watch(acceptor.local_endpoint().port());
    monitor_->start();
    run(80);
    monitor_->stop();
    const std::size_t published = snapshots_.size();
    monitor_->report_failure(cluster::HostIndex{0}, cluster::TrafficFailure::lost, "refused");
    monitor_->probe_now(cluster::HostIndex{0});
    run(250);
    EXPECT_EQ(snapshots_.size(), published);
    monitor_.reset();
    run(50);
}

}  // namespace
}  // namespace pgweir::monitor
