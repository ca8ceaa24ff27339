#include "proxy/cluster/state.hpp"

#include <algorithm>
#include <utility>

namespace pgweir::cluster {

// Twice the largest lag that matters, and never so short that a slow probe falls out of it (semantics.md F.1).
std::chrono::microseconds window_for(const StateOptions& options) noexcept {
    const std::chrono::microseconds least = std::chrono::seconds(30);
    return std::max({options.limits.time * 2, least, std::chrono::microseconds(options.interval * 4)});
}

namespace {

// A new value counts for an eighth, the first one wholly.
void average(std::chrono::microseconds& mean, std::chrono::microseconds value) noexcept {
    mean = mean.count() == 0 ? value : mean + (value - mean) / 8;
}

}  // namespace

StateOptions state_options(const config::Config& config) {
    return {.interval = config.monitor.interval,
            .timeout = config.monitor.timeout,
            .limits = {.time = config.routing.max_lag, .bytes = config.routing.max_lag_bytes},
            .health = {.healthy = config.monitor.healthy, .unhealthy = config.monitor.unhealthy},
            .breaker = {.failures = config.breaker.failures,
                        .cooldown = config.breaker.cooldown,
                        .max_cooldown = config.breaker.max_cooldown,
                        .trial_requests = config.breaker.trial_requests},
            .slow_start = config.routing.slow_start,
            .zone = config.proxy.zone,
            .min_healthy_percent = config.routing.min_healthy_percent};
}

ClusterState::ClusterState(std::string name, const std::vector<config::Server>& servers, StateOptions options,
                           const Memory& memory)
    : name_(std::move(name)),
      options_(std::move(options)),
      log_(window_for(options_)),
      memory_(memory),
      chance_(options_.seed) {
    for (const config::Server& server : servers) (void)join(Member(server), hosts_.size() + 1, {});
}

void ClusterState::on_probe(HostIndex index, const ProbeResult& result, TimePoint started, TimePoint now) {
    Host& host = at(index);
    if (host.view.gone) return;
    if (host.distrusted && started <= *host.distrusted) return;
    host.distrusted.reset();
    host.answered = now;
    host.health.answered();
    host.tried = true;
    host.silent = false;
    ServerView& view = host.view;
    average(view.round_trip, std::chrono::duration_cast<std::chrono::microseconds>(now - started));
    view.reachable = true;
    view.last_error.clear();
    view.role = result.in_recovery ? Role::replica : Role::primary;
    if (view.timeline != result.timeline) host.gate.lose();
    if (result.in_recovery && result.position < view.position) ++view.incarnation;  // restarted, and nobody noticed
    view.position = result.position;
    view.replay_paused = result.replay_paused;
    view.timeline = result.timeline;
    view.system_identifier = result.system_identifier;
    view.server_version = result.server_version;
    found_cluster(result);
    if (wrong_system(host)) {
        if (primary_ == index) depose("another system_identifier");
        if (contested_ == index) contested_.reset();
        forget_lag(host);
        alarm(index, "another system_identifier: not a member of this cluster");
    } else if (result.in_recovery) {
        if (primary_ == index) depose("it answers as a replica now");
        if (contested_ == index) contested_.reset();
        host.alarmed = false;
        judge(host, now);
    } else {
        forget_lag(host);
        consider(index);
        if (primary_ == index) sample(result, started);
    }
    refresh(now);
}

// The first primary says which cluster this is, or any server once all have been tried.
void ClusterState::found_cluster(const ProbeResult& result) {
    if (memory_.system_identifier != 0) return;
    const bool all_tried = std::all_of(hosts_.begin(), hosts_.end(), [](const Host& host) { return host.tried; });
    if (!result.in_recovery || all_tried) memory_.system_identifier = result.system_identifier;
}

// A server says that it is the primary: the higher timeline wins (semantics.md G).
void ClusterState::consider(HostIndex index) {
    Host& claimant = at(index);
    const std::uint32_t timeline = claimant.view.timeline;
    if (timeline < memory_.timeline) {
        if (primary_ == index) depose("it is on timeline " + std::to_string(timeline) + " now");
        return alarm(index, "a primary on timeline " + std::to_string(timeline) + ", behind the known " +
                                std::to_string(memory_.timeline) + ": fenced");
    }
    if (primary_ == index) {
        memory_.timeline = timeline;
        claimant.alarmed = false;
        return;
    }
    if (timeline == memory_.timeline) {
        if (primary_) return contest(index);
        if (contested_ && (contested_ != index || has_rival(index))) return;
    }
    crown(index, "it answers as the primary on timeline " + std::to_string(timeline));
}

// Two servers of one timeline say that they are the primary, and nothing shows which is wrong (a promotion always begins a
// timeline). Nobody gets writes until one of them answers as something else; or until the newcomer is gone.
void ClusterState::contest(HostIndex rival) {
    const std::string timeline = std::to_string(at(rival).view.timeline);
    alarm(rival, "a second primary on timeline " + timeline + ": fenced");
    if (!at(*primary_).view.reachable) return;  // away is not gone: it keeps its place
    contested_ = primary_;
    depose("there are two primaries on timeline " + timeline + ": neither gets writes");
    alarm(*contested_, "there are two primaries on timeline " + timeline + ": neither gets writes");
}

bool ClusterState::has_rival(HostIndex index) const noexcept {
    const Host& own = hosts_[index_of(index)];
    return std::any_of(hosts_.begin(), hosts_.end(), [&](const Host& host) {
        return &host != &own && host.view.reachable && host.view.role == Role::primary && !wrong_system(host) &&
               host.view.timeline == own.view.timeline;
    });
}

void ClusterState::crown(HostIndex index, std::string cause) {
    Host& host = at(index);
    primary_ = index;
    contested_.reset();
    ++primary_changes_;
    begin_epoch();
    memory_.timeline = host.view.timeline;
    host.alarmed = false;
    events_.push_back({EventKind::primary_changed, index, host.view.rotation, host.view.rotation, std::move(cause)});
}

void ClusterState::depose(std::string cause) {
    const HostIndex index = *std::exchange(primary_, std::nullopt);
    const Rotation rotation = at(index).view.rotation;
    events_.push_back({EventKind::primary_lost, index, rotation, rotation, std::move(cause)});
}

void ClusterState::alarm(HostIndex index, std::string cause) {
    Host& host = at(index);
    if (std::exchange(host.alarmed, true)) return;
    events_.push_back({EventKind::alarm, index, host.view.rotation, host.view.rotation, std::move(cause)});
}

void ClusterState::sample(const ProbeResult& result, TimePoint started) {
    const Lsn position = normalise(result.position, result.wal_segment_size);
    // The primary was promoted again, restored, or has lost in a crash what it had not flushed.
    const bool other_history = !samples_.empty() && (log_timeline_ != result.timeline || position < samples_.newest());
    if (other_history) begin_epoch();
    if (other_history || log_timeline_ != result.timeline) log_.clear();  // positions of different timelines do not compare
    log_timeline_ = result.timeline;
    wal_segment_size_ = result.wal_segment_size;
    log_.add(started, position, normalise(result.flushed, result.wal_segment_size));
    samples_.add(result.number, position);
}

void ClusterState::begin_epoch() noexcept {
    ++epoch_;
    samples_.clear();
}

// What it replayed says nothing any more: it must prove itself again.
void ClusterState::forget_lag(Host& host) {
    host.view.lag_time.reset();
    host.view.current_at.reset();
    host.view.lag_bytes.reset();
    host.gate.lose();
}

void ClusterState::judge(Host& host, TimePoint now) {
    if (wrong_timeline(host)) return forget_lag(host);  // positions of different timelines do not compare
    const LagRing& replayable = log_.replayable();
    const Lag lag = replayable.measure(host.view.position, now);
    const Lag seen = log_.inserted().measure(host.view.position, now);
    host.view.lag_time = lag.time;
    host.view.current_at = seen.time ? std::optional(now - *seen.time) : std::nullopt;
    host.view.lag_bytes = lag.bytes;
    const auto covered = replayable.empty() ? std::chrono::microseconds(0)
                                            : std::chrono::duration_cast<std::chrono::microseconds>(now - replayable.oldest());
    host.gate.update(judge_lag(lag, covered, options_.limits), frozen());
}

// Without a reachable primary there are no new samples to judge by (semantics.md F.6).
bool ClusterState::frozen() const noexcept { return !primary_ || !hosts_[index_of(*primary_)].view.reachable; }

bool ClusterState::wrong_system(const Host& host) const noexcept {
    const std::uint64_t system = memory_.system_identifier;
    return system != 0 && host.view.system_identifier != 0 && host.view.system_identifier != system;
}

bool ClusterState::wrong_timeline(const Host& host) const noexcept {
    return primary_ && host.view.timeline != 0 && host.view.timeline != hosts_[index_of(*primary_)].view.timeline;
}

void ClusterState::lose(Host& host, std::string cause) {
    host.tried = true;
    const bool was_frozen = frozen();
    host.view.reachable = false;
    ++host.view.incarnation;
    host.view.lag_time.reset();
    host.view.current_at.reset();
    host.view.lag_bytes.reset();
    host.view.replay_paused = false;
    if (!was_frozen) host.gate.lose();  // while frozen, one that was in returns as soon as it answers
    host.cause = std::move(cause);
}

void ClusterState::on_probe_failed(HostIndex index, ProbeFailure how, std::string error, TimePoint now) {
    Host& host = at(index);
    if (host.view.gone) return;
    host.view.last_error = error;
    host.silent = false;
    if (how == ProbeFailure::refused) host.health.lost();
    if (how == ProbeFailure::refused || host.health.missed()) {
        // What comes back after a while is to be tried before all turn to it. More it does not say: an outage that is long is no
        // reason to wait longer at its end.
        if (host.breaker.state() == BreakerState::closed) count_failure(index, error, now);
        lose(host, std::move(error));
    }
    refresh(now);
}

// Writes have nowhere else to go: the back-off of its pools is all that holds the primary's connections back.
void ClusterState::count_failure(HostIndex index, std::string_view what, TimePoint now) {
    Host& host = at(index);
    if (primary_ == index || !host.breaker.failed(now, chance_.next())) return;
    tell(EventKind::breaker_opened, index,
         std::to_string(host.breaker.failures()) + " failures without a success, at last: " + std::string(what) + "; for " +
             std::to_string(host.breaker.cooldown().count()) + " ms");
}

void ClusterState::on_traffic_failure(HostIndex index, TrafficFailure how, std::string_view what, TimePoint now) {
    Host& host = at(index);
    if (host.view.gone) return;
    if (how == TrafficFailure::lost) {
        host.distrusted = now;
        host.silent = false;
        host.health.lost();
        lose(host, "a connection of the traffic failed: " + std::string(what));
    }
    count_failure(index, what, now);
    refresh(now);
}

void ClusterState::on_traffic_success(HostIndex index, TimePoint now) {
    Host& host = at(index);
    if (host.view.gone) return;
    if (host.breaker.succeeded()) tell(EventKind::breaker_closed, index, "all trials succeeded");
    refresh(now);
}

void ClusterState::tick(TimePoint now) {
    // A probe starts up to an interval after the last one and may take its whole timeout.
    const auto limit = options_.timeout * options_.health.unhealthy + options_.interval;
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        Host& host = hosts_[i];
        tick_breaker(static_cast<HostIndex>(i), now);
        if (!host.view.reachable || !host.answered) continue;
        if (now - *host.answered > limit) {
            host.silent = true;
            host.health.lost();
            lose(host, "no answer for " +
                           std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now - *host.answered).count()) +
                           " ms");
        } else if (host.health.late() && host.view.rotation == Rotation::in) {
            judge(host, now);  // by what it had replayed when it last said so: never better than it is
        }
    }
    refresh(now);
}

void ClusterState::tick_breaker(HostIndex index, TimePoint now) {
    Host& host = at(index);
    if (primary_ == index) host.breaker.reset();
    if (!host.breaker.tick(now)) return;
    tell(EventKind::breaker_half_open, index,
         "after " + std::to_string(host.breaker.cooldown().count()) + " ms, " +
             std::to_string(options_.breaker.trial_requests) + " trial requests");
}

Rotation ClusterState::rotation_of(const Host& host) const noexcept {
    if (host.view.gone) return Rotation::unknown;
    if (wrong_system(host)) return Rotation::wrong_system;
    if (!host.tried || host.silent) return Rotation::unknown;
    if (host.view.reachable && host.view.role == Role::primary && !is_primary(host)) return Rotation::fenced;
    if (!host.view.reachable || !host.health.up()) return Rotation::unreachable;
    if (host.view.role != Role::replica) return Rotation::not_a_replica;
    if (host.view.weight == 0) return Rotation::zero_weight;
    if (wrong_timeline(host)) return Rotation::unknown;
    switch (host.gate.state()) {
        case LagGate::State::unproven:
            return Rotation::unknown;
        case LagGate::State::lagging:
            return Rotation::lagging;
        case LagGate::State::open:
            return host.breaker.state() == BreakerState::open ? Rotation::breaker_open : Rotation::in;
    }
    return Rotation::unknown;
}

// A replica that answers, but not on the primary's timeline.
bool ClusterState::left_behind(const Host& host) const noexcept {
    return host.view.reachable && host.view.role == Role::replica && wrong_timeline(host);
}

std::string ClusterState::cause_of(const Host& host, Rotation to) const {
    if (!host.view.reachable) return host.cause;
    if (to == Rotation::unreachable) {
        return "it answers again: " + std::to_string(host.health.answers()) + " of " +
               std::to_string(host.health.limits().healthy) + " good probes";
    }
    if (to == Rotation::unknown && left_behind(host)) {
        return "its timeline " + std::to_string(host.view.timeline) + " is not the primary's " +
               std::to_string(hosts_[index_of(*primary_)].view.timeline) +
               " (without pg_monitor the probe sees it change only at a checkpoint)";
    }
    if (to != Rotation::lagging && to != Rotation::in) return std::string(to_text(to));
    const ServerView& view = host.view;
    return "lag " + (view.lag_time ? std::to_string(view.lag_time->count()) + " us" : std::string("unknown")) + ", " +
           (view.lag_bytes ? std::to_string(*view.lag_bytes) + " bytes" : std::string("unknown")) +
           (view.replay_paused ? ", its replay is paused" : "");
}

// What to say of it, after its lag.
std::string ClusterState::came_in(Host& host, TimePoint now) {
    ++arrivals_;
    if (!first_arrival_) first_arrival_ = now;
    host.start.came_in(now, now - *first_arrival_ > options_.slow_start);
    std::string more;
    if (host.health.answers() > 1) more += "; after " + std::to_string(host.health.answers()) + " good probes";
    if (host.start.under_way()) more += "; its weight grows for " + std::to_string(options_.slow_start.count()) + " ms";
    return more;
}

void ClusterState::tell(EventKind kind, HostIndex index, std::string cause) {
    const Rotation rotation = at(index).view.rotation;
    events_.push_back({kind, index, rotation, rotation, std::move(cause)});
}

void ClusterState::note_away() {
    const std::optional<HostIndex> away = primary_ && !at(*primary_).view.reachable ? primary_ : std::nullopt;
    const std::optional<HostIndex> before = std::exchange(away_, away);
    if (away == before || !primary_) return;
    if (away) {
        tell(EventKind::primary_away, *away, at(*away).cause);
    } else if (before == primary_) {
        tell(EventKind::primary_back, *primary_, "it answers again");
    }
}

// Brings every server's place up to date and says what changed.
void ClusterState::refresh(TimePoint now) {
    note_away();
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        Host& host = hosts_[i];
        const Rotation from = host.view.rotation;
        const Rotation to = rotation_of(host);
        host.view.breaker = host.breaker.state();
        host.view.awaits_success = host.breaker.awaits_success();
        host.view.trials = host.breaker.trials();
        const bool whole = to == Rotation::in && from == to && host.start.over(now);
        if (whole) {
            ++arrivals_;  // sessions that stay where they read choose once more, now by its whole weight
            tell(EventKind::slow_start_over, static_cast<HostIndex>(i), "its whole weight counts");
        }
        const bool told = std::exchange(host.left_behind, left_behind(host));
        if (from == to && (told || !host.left_behind)) continue;
        host.view.rotation = to;
        std::string cause = cause_of(host, to);
        if (to == Rotation::in && from != to) cause += came_in(host, now);
        if (from == Rotation::in) host.start.went_out(now);
        const EventKind kind = to == from             ? EventKind::server_state
                               : to == Rotation::in   ? EventKind::server_in
                               : from == Rotation::in ? EventKind::server_out
                                                      : EventKind::server_state;
        events_.push_back({kind, static_cast<HostIndex>(i), from, to, std::move(cause)});
    }
    for (Host& host : hosts_) host.view.ramp = host.start.share(now);
}

// How much of the replicas' weight is in rotation, of all and of the proxy's own zone.
void ClusterState::view_health(Snapshot& snapshot) const {
    struct Sum {
        std::uint64_t all = 0, good = 0;
        [[nodiscard]] bool enough(std::uint32_t percent) const noexcept { return good > 0 && good * 100 >= all * percent; }
    } cluster, zone;
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        const ServerView& view = hosts_[i].view;
        if (view.gone || (primary_ && index_of(*primary_) == i)) continue;
        const bool good = view.rotation == Rotation::in && view.breaker == BreakerState::closed;
        for (Sum* sum : {&cluster, view.local ? &zone : nullptr}) {
            if (sum == nullptr) continue;
            sum->all += view.weight;
            sum->good += good ? view.weight : 0;
        }
    }
    snapshot.few_healthy = !cluster.enough(options_.min_healthy_percent);
    snapshot.local_first = zone.enough(options_.min_healthy_percent);
}

std::shared_ptr<const Snapshot> ClusterState::snapshot() {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->version = ++version_;
    snapshot->cluster = name_;
    for (const Host& host : hosts_) snapshot->servers.push_back(host.view);
    snapshot->primary = primary_;
    snapshot->primary_changes = primary_changes_;
    snapshot->epoch = epoch_;
    snapshot->samples = samples_;
    snapshot->wal_segment_size = wal_segment_size_;
    snapshot->arrivals = arrivals_;
    view_health(*snapshot);
    return snapshot;
}

std::vector<Event> ClusterState::take_events() {
    for (const Event& event : events_) ++at(event.host).view.transitions[static_cast<std::size_t>(event.kind)];
    return std::exchange(events_, {});
}

}  // namespace pgweir::cluster
