// One server's probe connection over libpq's asynchronous calls. Nothing here blocks; one question at a time.
#pragma once

#include <libpq-fe.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/cluster/failure.hpp"
#include "proxy/cluster/probe.hpp"

namespace pgweir::monitor {

using TimePoint = std::chrono::steady_clock::time_point;

struct ProberOptions {
    std::vector<std::pair<std::string, std::string>> connection;  // libpq's keywords and values
    std::chrono::milliseconds interval{500};
    std::chrono::milliseconds timeout{1'500};  // for connecting and asking together
    std::function<std::uint64_t()> number;     // called right before each question is sent: ProbeResult::number

    // But for `number`.
    [[nodiscard]] bool same_as(const ProberOptions& other) const {
        return connection == other.connection && interval == other.interval && timeout == other.timeout;
    }
};

class Prober : public std::enable_shared_from_this<Prober> {
  public:
    using Answered = std::function<void(const cluster::ProbeResult&, TimePoint started)>;
    using Failed = std::function<void(cluster::ProbeFailure how, std::string error)>;

    Prober(boost::asio::io_context& io, ProberOptions options, Answered answered, Failed failed);
    ~Prober();
    Prober(const Prober&) = delete;
    Prober& operator=(const Prober&) = delete;

    void start();  // asks at once, then each interval
    void stop();
    // Asks now instead of at the next interval; if it is asking already, once more right after. Not sooner than `gap` after
    // the last question began.
    void hurry(std::chrono::milliseconds gap = {});

  private:
    void ask();
    void connect();
    void poll_connection(PostgresPollingStatusType status);
    void send_query();
    void read_answer();
    void wait_for(boost::asio::posix::stream_descriptor::wait_type what, void (Prober::*next)());
    void continue_connecting();
    void arm_deadline();
    void arm_next();
    void watch();
    void on_idle_event();
    void finish();
    void fail(std::string error, cluster::ProbeFailure how = cluster::ProbeFailure::refused);
    void drop();

    boost::asio::io_context& io_;
    ProberOptions options_;
    Answered answered_;
    Failed failed_;
    PGconn* connection_ = nullptr;
    std::unique_ptr<boost::asio::posix::stream_descriptor> socket_;
    boost::asio::steady_timer next_;
    boost::asio::steady_timer deadline_;
    TimePoint asked_;          // when this probe began
    TimePoint started_;        // just before its query was sent
    TimePoint wanted_ = TimePoint::max();  // somebody is in a hurry
    std::uint64_t number_ = 0;
    std::uint64_t round_ = 0;  // waits of an earlier probe are ignored
    bool asking_ = false;
    bool kept_ = false;        // this probe uses a connection of an earlier one
    bool stopped_ = false;
};

}  // namespace pgweir::monitor
