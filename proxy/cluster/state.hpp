// Roles, health and lag of one cluster's servers: takes probe results and failures, yields snapshots and events.
// Owned by the control thread; no clock, no socket. Sources: semantics.md F (lag, rotation) and G (roles, timelines).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "proxy/cluster/breaker.hpp"
#include "proxy/cluster/chance.hpp"
#include "proxy/cluster/event.hpp"
#include "proxy/cluster/failure.hpp"
#include "proxy/cluster/health_gate.hpp"
#include "proxy/cluster/lag_gate.hpp"
#include "proxy/cluster/member.hpp"
#include "proxy/cluster/memory.hpp"
#include "proxy/cluster/primary_log.hpp"
#include "proxy/cluster/probe.hpp"
#include "proxy/cluster/slow_start.hpp"
#include "proxy/cluster/snapshot.hpp"

namespace pgweir::cluster {

struct StateOptions {
    std::chrono::milliseconds interval{500};  // between two probes of a server
    std::chrono::milliseconds timeout{1'500};
    LagLimits limits;
    HealthLimits health{};
    BreakerOptions breaker{};
    std::chrono::milliseconds slow_start{0};  // 0: none
    std::string zone{};                       // the proxy's own; empty: zones do not matter
    std::uint32_t min_healthy_percent = 50;
    std::uint64_t seed = 1;  // of the breakers' jitter
};

// How far back the primary's positions are kept.
[[nodiscard]] std::chrono::microseconds window_for(const StateOptions& options) noexcept;
[[nodiscard]] StateOptions state_options(const config::Config& config);

class ClusterState {
  public:
    // `servers` in the order that HostIndex counts; they are members 1, 2 and so on.
    // `memory`: what was known before a restart.
    ClusterState(std::string name, const std::vector<config::Server>& servers, StateOptions options, const Memory& memory = {});

    // --- Membership (membership.cpp).
    // A server comes. `member` is its number, unique in the process. None: kMaxServers have slots already.
    [[nodiscard]] std::optional<HostIndex> join(const Member& server, std::uint64_t member, TimePoint now);
    // Its weight, addresses and so on are others now; its name is the same.
    void update(HostIndex host, const Member& server, TimePoint now);
    // It is out of everything at once; its slot stays its own.
    void leave(HostIndex host, TimePoint now);
    // Nobody refers to it any more, so the next server may have its slot.
    void release(HostIndex host);
    void set_options(StateOptions options, TimePoint now);

    // A probe was answered at `now`; `started` is the time before its query was sent.
    void on_probe(HostIndex host, const ProbeResult& result, TimePoint started, TimePoint now);
    // A probe failed. `error` is for people.
    void on_probe_failed(HostIndex host, ProbeFailure how, std::string error, TimePoint now);
    // A worker met a failure of this server's, and `what` it was, for people. `lost`: out at once, until a probe started later is
    // answered; the caller starts that probe immediately.
    void on_traffic_failure(HostIndex host, TrafficFailure how, std::string_view what, TimePoint now);
    // A worker's read was answered, while ServerView::awaits_success.
    void on_traffic_success(HostIndex host, TimePoint now);
    // Time passes for breakers and slow starts. Takes servers out that have not answered for too long. Call at least once an interval.
    void tick(TimePoint now);

    // Always a new snapshot with the next version.
    [[nodiscard]] std::shared_ptr<const Snapshot> snapshot();
    // The events since the last call, oldest first.
    [[nodiscard]] std::vector<Event> take_events();

    // The last known primary, reachable or not. It goes only for another, or by answering as a replica or as another
    // system.
    [[nodiscard]] std::optional<HostIndex> primary() const noexcept { return primary_; }
    [[nodiscard]] std::size_t size() const noexcept { return hosts_.size(); }
    // To be kept over a restart; grows only.
    [[nodiscard]] const Memory& memory() const noexcept { return memory_; }
    [[nodiscard]] const ServerView& view(HostIndex host) const noexcept { return hosts_[index_of(host)].view; }

  private:
    struct Host {
        ServerView view;
        LagGate gate;
        HealthGate health;
        Breaker breaker;
        SlowStart start{std::chrono::milliseconds(0), std::chrono::milliseconds(0)};
        std::optional<TimePoint> answered;    // the last answer
        std::optional<TimePoint> distrusted;  // a traffic failure: only probes started later count
        bool tried = false;                   // at least one probe answered or failed
        bool silent = false;                  // out by tick(), not by a failure
        bool alarmed = false;                 // the alarm about this claimant has been raised
        std::string cause;                    // of the present rotation
        bool free = false;                    // gone, and nobody refers to it
        bool left_behind = false;             // an event said that its timeline is not the primary's
    };

    [[nodiscard]] Host& at(HostIndex host) noexcept { return hosts_[index_of(host)]; }
    void lose(Host& host, std::string cause);
    void found_cluster(const ProbeResult& result);
    void consider(HostIndex index);
    void crown(HostIndex index, std::string cause);
    void depose(std::string cause);
    void alarm(HostIndex index, std::string cause);
    void contest(HostIndex rival);
    [[nodiscard]] bool has_rival(HostIndex index) const noexcept;
    void note_away();
    void sample(const ProbeResult& result, TimePoint started);
    void begin_epoch() noexcept;
    void forget_lag(Host& host);
    void judge(Host& host, TimePoint now);
    [[nodiscard]] bool frozen() const noexcept;
    [[nodiscard]] bool is_primary(const Host& host) const noexcept { return primary_ && &hosts_[index_of(*primary_)] == &host; }
    [[nodiscard]] bool wrong_system(const Host& host) const noexcept;
    [[nodiscard]] bool wrong_timeline(const Host& host) const noexcept;
    [[nodiscard]] bool left_behind(const Host& host) const noexcept;
    [[nodiscard]] Rotation rotation_of(const Host& host) const noexcept;
    [[nodiscard]] std::string cause_of(const Host& host, Rotation to) const;
    [[nodiscard]] std::string came_in(Host& host, TimePoint now);
    void refresh(TimePoint now);
    void count_failure(HostIndex index, std::string_view what, TimePoint now);
    void tick_breaker(HostIndex index, TimePoint now);
    void tell(EventKind kind, HostIndex index, std::string cause);
    void view_health(Snapshot& snapshot) const;

    std::string name_;
    StateOptions options_;
    std::vector<Host> hosts_;
    PrimaryLog log_;
    std::uint32_t log_timeline_ = 0;
    SampleRing samples_;  // of epoch_
    std::uint64_t epoch_ = 0;
    std::uint32_t wal_segment_size_ = kDefaultWalSegmentSize;
    std::uint64_t arrivals_ = 0;
    Memory memory_;
    std::optional<HostIndex> primary_;
    std::optional<HostIndex> contested_;  // was the primary when another one of its timeline appeared; there is none since
    std::optional<HostIndex> away_;       // an event said that this primary does not answer
    std::uint64_t primary_changes_ = 0;
    std::optional<TimePoint> first_arrival_;  // of any replica
    Chance chance_;
    std::uint64_t version_ = 0;
    std::vector<Event> events_;
};

}  // namespace pgweir::cluster
