#include "proxy/monitor/monitor.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/steady_timer.hpp>
#include <vector>

#include "proxy/cluster/state.hpp"
#include "proxy/monitor/prober.hpp"
#include "proxy/monitor/server_options.hpp"

namespace pgweir::monitor {

namespace {

std::vector<config::Server> servers_of(const config::Config& config, const std::string& cluster) {
    std::vector<config::Server> servers;
    for (const config::Server& server : config.servers) {
        if (server.cluster == cluster) servers.push_back(server);
    }
    return servers;
}

ProberOptions options_for(const config::Config& config, const config::Server& server) {
    const auto [user, password] = monitor_login(config);
    ProberOptions options;
    options.interval = config.monitor.interval;
    options.timeout = config.monitor.timeout;
    options.connection = server_options(config.server_tls, server);
    options.connection.insert(options.connection.end(), {{"dbname", config.monitor.database},
                                                         {"user", user},
                                                         {"password", password},
                                                         {"application_name", "pgweir_monitor"}});
    return options;
}

}  // namespace

class Monitor::Impl : public std::enable_shared_from_this<Impl> {
  public:
    Impl(boost::asio::io_context& io, const config::Config& config, std::string cluster, Publish publish)
        : io_(io),
          config_(config),
          cluster_(std::move(cluster)),
          servers_(servers_of(config, cluster_)),
          publish_(std::move(publish)),
          state_(cluster_, servers_, cluster::state_options(config)),
          timer_(io) {}

    void start() {
        for (std::size_t i = 0; i < servers_.size(); ++i) {
            const auto host = static_cast<cluster::HostIndex>(i);
            auto answered = [weak = weak_from_this(), host](const cluster::ProbeResult& result, TimePoint started) {
                if (const auto self = weak.lock()) self->on_answer(host, result, started);
            };
            auto failed = [weak = weak_from_this(), host](std::string error) {
                if (const auto self = weak.lock()) self->on_failure(host, std::move(error));
            };
            probers_.push_back(std::make_shared<Prober>(io_, options_for(config_, servers_[i]), std::move(answered),
                                                        std::move(failed)));
        }
        publish();
        for (const auto& prober : probers_) prober->start();
        arm();
    }

    void stop() {
        stopped_ = true;
        timer_.cancel();
        for (const auto& prober : probers_) prober->stop();
    }

    void report_failure(cluster::HostIndex host) {
        if (stopped_) return;
        state_.on_traffic_failure(host, std::chrono::steady_clock::now());
        after_change();
        probers_[cluster::index_of(host)]->hurry();
    }

    void probe_now(cluster::HostIndex host) {
        if (!stopped_) probers_[cluster::index_of(host)]->hurry();
    }

  private:
    void on_answer(cluster::HostIndex host, const cluster::ProbeResult& result, TimePoint started) {
        state_.on_probe(host, result, started, std::chrono::steady_clock::now());
        after_change();
    }

    void on_failure(cluster::HostIndex host, std::string error) {
        state_.on_probe_failed(host, one_line(std::move(error)), std::chrono::steady_clock::now());
        after_change();
    }

    // What traffic depends on goes out at once; fresher positions with the next round.
    void after_change() {
        if (stopped_) return;
        const std::vector<cluster::Event> events = state_.take_events();
        for (const cluster::Event& event : events) {
            const std::string line =
                cluster::format_event(event, cluster_, servers_[cluster::index_of(event.host)].name);
            if (event.kind == cluster::EventKind::alarm) {
                spdlog::error("{}", line);
            } else {
                spdlog::info("{}", line);
            }
        }
        if (!events.empty()) publish();
    }

    void publish() { publish_(state_.snapshot()); }

    void arm() {
        timer_.expires_after(config_.monitor.interval);
        timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (error || self->stopped_) return;
            self->state_.tick(std::chrono::steady_clock::now());
            self->after_change();
            self->publish();
            self->arm();
        });
    }

    boost::asio::io_context& io_;
    const config::Config& config_;
    std::string cluster_;
    std::vector<config::Server> servers_;
    Publish publish_;
    cluster::ClusterState state_;
    std::vector<std::shared_ptr<Prober>> probers_;
    boost::asio::steady_timer timer_;
    bool stopped_ = false;
};

Monitor::Monitor(boost::asio::io_context& io, const config::Config& config, std::string cluster_name, Publish publish)
    : impl_(std::make_shared<Impl>(io, config, std::move(cluster_name), std::move(publish))) {}

Monitor::~Monitor() { stop(); }

void Monitor::start() { impl_->start(); }
void Monitor::stop() { impl_->stop(); }
void Monitor::report_failure(cluster::HostIndex host) { impl_->report_failure(host); }
void Monitor::probe_now(cluster::HostIndex host) { impl_->probe_now(host); }

}  // namespace pgweir::monitor
