#include "proxy/monitor/monitor.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <vector>

#include "config/network.hpp"
#include "proxy/cluster/state.hpp"
#include "proxy/monitor/prober.hpp"
#include "proxy/monitor/server_options.hpp"

namespace pgweir::monitor {

namespace {

constexpr std::chrono::milliseconds kFreshenGap{5};
constexpr std::chrono::milliseconds kLookGap{20};

// Of every cluster: a server that leaves and comes back is another member.
std::uint64_t next_member() noexcept {
    static std::uint64_t last = 0;
    return ++last;
}

std::vector<cluster::Member> members_of(const config::Config& config, const std::string& cluster) {
    std::vector<cluster::Member> members;
    for (const config::Server& server : config.servers) {
        if (server.cluster == cluster) members.emplace_back(server);
    }
    return members;
}

// A name that leads to none of the addresses that it had leads to another server.
bool same_place(const cluster::Member& a, const cluster::Member& b) {
    if (a.host != b.host || a.port != b.port) return false;
    if (a.addresses.empty() || b.addresses.empty()) return true;
    return std::ranges::find_first_of(a.addresses, b.addresses) != a.addresses.end();
}

ProberOptions options_for(const config::Config& config, const cluster::Member& server) {
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

bool is_loss_of_primary(const cluster::Event& event) noexcept {
    return event.kind == cluster::EventKind::primary_lost || event.kind == cluster::EventKind::primary_away;
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
          clock_(clock),
          publish_(std::move(publish)),
          remembered_(std::move(remembered)),
          state_(cluster_, {}, options_of(config), remembered_.memory),
          timer_(io) {
        change_members(members_of(config, cluster_));
    }

    void start() {
        started_ = true;
        publish();
        for (std::size_t i = 0; i < slots_.size(); ++i) watch(static_cast<cluster::HostIndex>(i));
        arm();
    }

    void stop() {
        stopped_ = true;
        timer_.cancel();
        for (Slot& slot : slots_) slot.stop();
    }

    void set_members(const std::vector<cluster::Member>& members) {
        if (stopped_ || !change_members(members)) return;
        after_change();
        publish();
    }

    void release(cluster::HostIndex host, std::uint64_t member) {
        Slot& slot = at(host);
        if (slot.member == member && slot.left) state_.release(host);
    }

    void reload() {
        state_.set_options(options_of(config_), std::chrono::steady_clock::now());
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            const auto host = static_cast<cluster::HostIndex>(i);
            if (started_ && !stopped_ && !slots_[i].left) watch(host);
        }
        if (started_ && !stopped_) arm();
    }

    [[nodiscard]] const cluster::Member* primary() const {
        const auto host = state_.primary();
        return host ? &slots_[cluster::index_of(*host)].server : nullptr;
    }

    void report_failure(cluster::HostIndex host, cluster::TrafficFailure how, std::string what) {
        if (stopped_) return;
        state_.on_traffic_failure(host, how, one_line(std::move(what)), std::chrono::steady_clock::now());
        after_change();
        publish();  // even when only the breaker counts it
        probe_now(host);
    }

    void report_success(cluster::HostIndex host) {
        if (stopped_ || !state_.view(host).awaits_success) return;  // another worker was first
        state_.on_traffic_success(host, std::chrono::steady_clock::now());
        after_change();
        publish();
    }

    void probe_now(cluster::HostIndex host) {
        if (!stopped_ && at(host).prober) at(host).prober->hurry();
    }

    void freshen() {
        if (stopped_) return;
        const std::optional<cluster::HostIndex> primary = state_.primary();
        if (primary && clock_.sample_wanted) hurry(*primary);
        if (clock_.replay_wanted) hurry_replicas();
    }

  private:
    struct Slot {
        cluster::Member server;
        std::uint64_t member = 0;
        bool left = false;
        std::shared_ptr<Prober> prober;  // null: not begun, or the server has left
        ProberOptions options;           // of the prober
        std::uint64_t hurried = 0;       // its answers are published at once, through this number; 0: not

        void stop() {
            if (prober) prober->stop();
            prober.reset();
        }
    };

    [[nodiscard]] Slot& at(cluster::HostIndex host) noexcept { return slots_[cluster::index_of(host)]; }

    // False: they are as they were.
    bool change_members(const std::vector<cluster::Member>& members) {
        bool changed = false;
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            Slot& slot = slots_[i];
            const auto now = std::ranges::find(members, slot.server.name, &cluster::Member::name);
            if (slot.left || (now != members.end() && same_place(slot.server, *now))) continue;
            slot.left = changed = true;
            slot.stop();
            spdlog::info("event=server_left cluster={} server={} host={} port={}", cluster_, slot.server.name, slot.server.host,
                         slot.server.port);
            state_.leave(static_cast<cluster::HostIndex>(i), std::chrono::steady_clock::now());
        }
        for (const cluster::Member& server : members) changed |= take(server);
        return changed;
    }

    // One who is a member already, or comes now.
    bool take(cluster::Member server) {
        const auto known = std::ranges::find_if(slots_, [&](const Slot& slot) { return !slot.left && slot.server.name == server.name; });
        if (known == slots_.end()) return join(server);
        // Its name is looked up anew, as after a reload: until it is found it leads where it led.
        if (server.addresses.empty()) server.addresses = known->server.addresses;
        if (known->server == server) return false;
        known->server = server;
        const auto host = static_cast<cluster::HostIndex>(known - slots_.begin());
        state_.update(host, server, std::chrono::steady_clock::now());
        if (started_) watch(host);
        return true;
    }

    bool join(const cluster::Member& server) {
        const std::uint64_t member = next_member();
        const auto host = state_.join(server, member, std::chrono::steady_clock::now());
        if (!host) {
            spdlog::error("event=server_refused cluster={} server={} cause=\"more than {} servers\"", cluster_, server.name,
                          cluster::kMaxServers);
            return false;
        }
        slots_.resize(state_.size());
        at(*host) = Slot{};
        at(*host).server = server;
        at(*host).member = member;
        if (started_) {
            spdlog::info("event=server_joined cluster={} server={} host={} port={}", cluster_, server.name, server.host, server.port);
            watch(*host);
        }
        return true;
    }

    // Begins to probe, or goes on with other options.
    void watch(cluster::HostIndex host) {
        Slot& slot = at(host);
        if (slot.server.addresses.empty() && config::is_host_name(slot.server.host)) {
            slot.stop();  // libpq would look it up, and block
            return on_failure(host, cluster::ProbeFailure::refused, "its name has not been found yet");
        }
        ProberOptions options = options_for(config_, slot.server);
        if (slot.prober && slot.options.same_as(options)) return;
        slot.stop();
        slot.options = options;
        options.number = [this, host] { return number_for(host); };  // called by a prober of ours that is not stopped
        auto answered = [weak = weak_from_this(), host](const cluster::ProbeResult& result, TimePoint started) {
            if (const auto self = weak.lock()) self->on_answer(host, result, started);
        };
        auto failed = [weak = weak_from_this(), host](cluster::ProbeFailure how, std::string error) {
            if (const auto self = weak.lock()) self->on_failure(host, how, std::move(error));
        };
        slot.prober = std::make_shared<Prober>(io_, std::move(options), std::move(answered), std::move(failed));
        slot.prober->start();
    }

    // Those who come from now on have to ask for another one.
    std::uint64_t number_for(cluster::HostIndex host) {
        (state_.primary() == host ? clock_.sample_wanted : clock_.replay_wanted).store(false);
        return clock_.started.fetch_add(1) + 1;
    }

    void hurry(cluster::HostIndex host) {
        if (!at(host).prober) return;
        at(host).hurried = clock_.next();
        at(host).prober->hurry(kFreshenGap);
    }

    void hurry_replicas() {
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            const auto host = static_cast<cluster::HostIndex>(i);
            if (state_.view(host).rotation == cluster::Rotation::in) hurry(host);
        }
    }

    void on_answer(cluster::HostIndex host, const cluster::ProbeResult& result, TimePoint started) {
        state_.on_probe(host, result, started, std::chrono::steady_clock::now());
        after_change();
        const bool is_primary = state_.primary() == host;
        std::uint64_t& hurried = at(host).hurried;
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
                cluster::format_event(event, cluster_, at(event.host).server.name);
            if (event.kind == cluster::EventKind::alarm) {
                spdlog::error("{}", line);
            } else {
                spdlog::info("{}", line);
            }
        }
        remember();
        if (!events.empty()) publish();
        const auto lost = std::ranges::find_if(events, is_loss_of_primary);
        if (lost != events.end()) ask_the_others(lost->host);
    }

    // One of them may have been promoted already.
    void ask_the_others(cluster::HostIndex lost) {
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            if (i != cluster::index_of(lost) && slots_[i].prober) slots_[i].prober->hurry(kLookGap);
        }
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
    cluster::SampleClock& clock_;
    Publish publish_;
    Remembered remembered_;
    cluster::ClusterState state_;
    std::vector<Slot> slots_;  // by HostIndex
    boost::asio::steady_timer timer_;
    bool started_ = false;
    bool stopped_ = false;
};

Monitor::Monitor(boost::asio::io_context& io, const config::Config& config, std::string cluster_name, cluster::SampleClock& clock,
                 Publish publish, Remembered remembered)
    : impl_(std::make_shared<Impl>(io, config, std::move(cluster_name), clock, std::move(publish), std::move(remembered))) {}

Monitor::~Monitor() { stop(); }

void Monitor::start() { impl_->start(); }
void Monitor::stop() { impl_->stop(); }
void Monitor::set_members(const std::vector<cluster::Member>& members) { impl_->set_members(members); }
void Monitor::release(cluster::HostIndex host, std::uint64_t member) { impl_->release(host, member); }
void Monitor::reload() { impl_->reload(); }
const cluster::Member* Monitor::primary() const { return impl_->primary(); }
void Monitor::report_failure(cluster::HostIndex host, cluster::TrafficFailure how, std::string what) {
    impl_->report_failure(host, how, std::move(what));
}
void Monitor::report_success(cluster::HostIndex host) { impl_->report_success(host); }
void Monitor::freshen() { impl_->freshen(); }
void Monitor::probe_now(cluster::HostIndex host) { impl_->probe_now(host); }

}  // namespace pgweir::monitor
