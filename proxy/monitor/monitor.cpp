#include "proxy/monitor/monitor.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/steady_timer.hpp>
#include <vector>

#include "proxy/cluster/state.hpp"
#include "proxy/monitor/prober.hpp"
#include "proxy/monitor/server_options.hpp"

namespace pgweir::monitor {

namespace {

constexpr std::chrono::milliseconds kFreshenGap{5};

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

cluster::StateOptions options_of(const config::Config& config) {
    cluster::StateOptions options = cluster::state_options(config);
    options.seed = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    return options;
}

}  // namespace

class Monitor::Impl : public std::enable_shared_from_this<Impl> {
  public:
    Impl(boost::asio::io_context& io, const config::Config& config, std::string cluster, cluster::SampleClock& clock,
         Publish publish, Remembered remembered)
        : io_(io),
          config_(config),
          cluster_(std::move(cluster)),
          servers_(servers_of(config, cluster_)),
          clock_(clock),
          publish_(std::move(publish)),
          remembered_(std::move(remembered)),
          state_(cluster_, servers_, options_of(config), remembered_.memory),
          timer_(io) {}

    void start() {
        for (std::size_t i = 0; i < servers_.size(); ++i) {
            const auto host = static_cast<cluster::HostIndex>(i);
            auto answered = [weak = weak_from_this(), host](const cluster::ProbeResult& result, TimePoint started) {
                if (const auto self = weak.lock()) self->on_answer(host, result, started);
            };
            auto failed = [weak = weak_from_this(), host](cluster::ProbeFailure how, std::string error) {
                if (const auto self = weak.lock()) self->on_failure(host, how, std::move(error));
            };
            ProberOptions options = options_for(config_, servers_[i]);
            options.number = [this, host] { return number_for(host); };  // called by a prober of ours that is not stopped
            probers_.push_back(std::make_shared<Prober>(io_, std::move(options), std::move(answered), std::move(failed)));
        }
        hurried_.resize(servers_.size());
        publish();
        for (const auto& prober : probers_) prober->start();
        arm();
    }

    void stop() {
        stopped_ = true;
        timer_.cancel();
        for (const auto& prober : probers_) prober->stop();
    }

    void report_failure(cluster::HostIndex host, cluster::TrafficFailure how, std::string what) {
        if (stopped_) return;
        state_.on_traffic_failure(host, how, one_line(std::move(what)), std::chrono::steady_clock::now());
        after_change();
        publish();  // even when only the breaker counts it
        probers_[cluster::index_of(host)]->hurry();
    }

    void report_success(cluster::HostIndex host) {
        if (stopped_ || !state_.view(host).awaits_success) return;  // another worker was first
        state_.on_traffic_success(host, std::chrono::steady_clock::now());
        after_change();
        publish();
    }

    void probe_now(cluster::HostIndex host) {
        if (!stopped_) probers_[cluster::index_of(host)]->hurry();
    }

    void freshen() {
        if (stopped_) return;
        const std::optional<cluster::HostIndex> primary = state_.primary();
        if (primary && clock_.sample_wanted) hurry(*primary);
        if (clock_.replay_wanted) hurry_replicas();
    }

  private:
    // Those who come from now on have to ask for another one.
    std::uint64_t number_for(cluster::HostIndex host) {
        (state_.primary() == host ? clock_.sample_wanted : clock_.replay_wanted).store(false);
        return clock_.started.fetch_add(1) + 1;
    }

    void hurry(cluster::HostIndex host) {
        hurried_[cluster::index_of(host)] = clock_.next();
        probers_[cluster::index_of(host)]->hurry(kFreshenGap);
    }

    void hurry_replicas() {
        for (std::size_t i = 0; i < servers_.size(); ++i) {
            const auto host = static_cast<cluster::HostIndex>(i);
            if (state_.view(host).rotation == cluster::Rotation::in) hurry(host);
        }
    }

    void on_answer(cluster::HostIndex host, const cluster::ProbeResult& result, TimePoint started) {
        state_.on_probe(host, result, started, std::chrono::steady_clock::now());
        after_change();
        const bool is_primary = state_.primary() == host;
        std::uint64_t& hurried = hurried_[cluster::index_of(host)];
        if (hurried != 0 && !stopped_) {
            if (result.number >= hurried) hurried = 0;
            publish();
            if (is_primary) hurry_replicas();  // whoever wanted the sample wants to know next who has replayed it
        }
        if (is_primary) freshen();
    }

    void on_failure(cluster::HostIndex host, cluster::ProbeFailure how, std::string error) {
        state_.on_probe_failed(host, how, one_line(std::move(error)), std::chrono::steady_clock::now());
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
        remember();
        if (!events.empty()) publish();
    }

    void remember() {
        const cluster::Memory& known = state_.memory();
        if (known == remembered_.memory || known.timeline == 0 || !remembered_.keep) return;
        if (remembered_.keep(known)) remembered_.memory = known;
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
    cluster::SampleClock& clock_;
    Publish publish_;
    Remembered remembered_;
    cluster::ClusterState state_;
    std::vector<std::shared_ptr<Prober>> probers_;
    std::vector<std::uint64_t> hurried_;  // by server: its answers are published at once, through this number; 0: not
    boost::asio::steady_timer timer_;
    bool stopped_ = false;
};

Monitor::Monitor(boost::asio::io_context& io, const config::Config& config, std::string cluster_name, cluster::SampleClock& clock,
                 Publish publish, Remembered remembered)
    : impl_(std::make_shared<Impl>(io, config, std::move(cluster_name), clock, std::move(publish), std::move(remembered))) {}

Monitor::~Monitor() { stop(); }

void Monitor::start() { impl_->start(); }
void Monitor::stop() { impl_->stop(); }
void Monitor::report_failure(cluster::HostIndex host, cluster::TrafficFailure how, std::string what) {
    impl_->report_failure(host, how, std::move(what));
}
void Monitor::report_success(cluster::HostIndex host) { impl_->report_success(host); }
void Monitor::freshen() { impl_->freshen(); }
void Monitor::probe_now(cluster::HostIndex host) { impl_->probe_now(host); }

}  // namespace pgweir::monitor
