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

cluster::Member member(std::string name, std::string host, std::uint16_t port, std::vector<std::string> addresses = {}) {
    return cluster::Member(config::Server{.name = std::move(name), .host = std::move(host), .port = port}, std::move(addresses));
}

TEST_F(MonitorTest, MembersComeAndGo) {
    tcp::acceptor acceptor(io_, kAnyPort);
    accept(acceptor, "HTTP");
    const std::uint16_t port = acceptor.local_endpoint().port();
    watch(port);
    monitor_->start();
    run(100);
    const auto servers = [&]() -> const std::vector<cluster::ServerView>& { return snapshots_.back()->servers; };
    const std::uint64_t first = servers()[0].member;
    monitor_->set_members({member("a", "127.0.0.1", port), member("b", "127.0.0.1", port)});
    ASSERT_EQ(servers().size(), 2U);
    EXPECT_EQ(servers()[0].member, first) << "it has not left";
    EXPECT_EQ(servers()[1].name, "b");
    run(100);
    EXPECT_EQ(servers()[1].rotation, cluster::Rotation::unreachable) << "it was probed";
    monitor_->set_members({member("b", "127.0.0.1", port)});
    EXPECT_TRUE(servers()[0].gone);
    EXPECT_FALSE(servers()[1].gone);
    taken_.clear();
    monitor_->set_members({member("b", "127.0.0.1", port), member("a", "127.0.0.1", port)});
    ASSERT_EQ(servers().size(), 3U) << "the slot is still referred to";
    EXPECT_NE(servers()[2].member, first);
    monitor_->set_members({member("b", "127.0.0.1", port)});
    monitor_->release(cluster::HostIndex{0}, first);
    monitor_->set_members({member("b", "127.0.0.1", port), member("c", "127.0.0.1", port)});
    ASSERT_EQ(servers().size(), 3U);
    EXPECT_EQ(servers()[0].name, "c");
    monitor_->release(cluster::HostIndex{0}, first);  // late, and about another one
    EXPECT_FALSE(servers()[0].gone);
}

TEST_F(MonitorTest, ANameThatLeadsElsewhereIsAnotherServer) {
    watch(1);
    monitor_->start();
    const auto servers = [&]() -> const std::vector<cluster::ServerView>& { return snapshots_.back()->servers; };
    monitor_->set_members({member("a", "db.example", 1)});
    EXPECT_EQ(servers().back().last_error, "its name has not been found yet") << "and libpq was not asked";
    const std::uint64_t found = servers().back().member;
    monitor_->set_members({member("a", "db.example", 1, {"127.0.0.1", "127.0.0.2"})});
    EXPECT_EQ(servers().back().member, found);
    EXPECT_EQ(servers().back().addresses.size(), 2U);
    monitor_->set_members({member("a", "db.example", 1, {"127.0.0.2", "127.0.0.3"})});
    EXPECT_EQ(servers().back().member, found) << "one of them is the same";
    monitor_->set_members({member("a", "db.example", 1, {"127.0.0.4"})});
    EXPECT_NE(servers().back().member, found);
    const std::size_t count = snapshots_.size();
    monitor_->set_members({member("a", "db.example", 1, {"127.0.0.4"})});
    EXPECT_EQ(snapshots_.size(), count) << "nothing has changed";
}

// As after a reload that names its discovery anew: the name is not watched for a moment.
TEST_F(MonitorTest, ANameThatIsLookedUpAnewLeadsWhereItLed) {
    watch(1);
    monitor_->start();
    const auto servers = [&]() -> const std::vector<cluster::ServerView>& { return snapshots_.back()->servers; };
    monitor_->set_members({member("a", "db.example", 1, {"127.0.0.1"})});
    const std::uint64_t found = servers().back().member;
    const std::size_t count = snapshots_.size();
    monitor_->set_members({member("a", "db.example", 1)});
    EXPECT_EQ(snapshots_.size(), count) << "nothing has changed";
    cluster::Member heavier = member("a", "db.example", 1);
    heavier.weight = 7;
    monitor_->set_members({heavier});
    EXPECT_EQ(servers().back().weight, 7U);
    EXPECT_EQ(servers().back().addresses, std::vector<std::string>{"127.0.0.1"});
    EXPECT_NE(servers().back().last_error, "its name has not been found yet");
    monitor_->set_members({member("a", "db.example", 1, {"127.0.0.2"})});
    EXPECT_NE(servers().back().member, found) << "another server does not take its place";
    monitor_->set_members({member("a", "other.example", 1)});
    EXPECT_TRUE(servers().back().addresses.empty()) << "another name leads elsewhere";
}

}  // namespace
}  // namespace pgweir::monitor
