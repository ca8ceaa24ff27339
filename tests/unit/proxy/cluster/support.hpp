// A cluster of three servers and a clock for the state's tests.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "proxy/cluster/state.hpp"

namespace pgweir::cluster::testing {

using std::chrono::milliseconds;

inline constexpr HostIndex kA{0};
inline constexpr HostIndex kB{1};
inline constexpr HostIndex kC{2};
inline constexpr std::uint64_t kSystem = 7'000'000'001;
inline constexpr std::uint64_t kStart = 0x3000100;

inline TimePoint at(int ms) { return TimePoint{} + std::chrono::hours(1) + milliseconds(ms); }

inline ProbeResult primary_at(std::uint64_t lsn, std::uint32_t timeline = 1) {
    ProbeResult result;
    result.position = Lsn{lsn};
    result.flushed = Lsn{lsn};
    result.timeline = timeline;
    result.system_identifier = kSystem;
    result.server_version = 150'000;
    return result;
}

inline ProbeResult replica_at(std::uint64_t lsn, std::uint32_t timeline = 1) {
    ProbeResult result = primary_at(lsn, timeline);
    result.in_recovery = true;
    return result;
}

// max_lag is one second and 1 MiB, a round half a second.
class Cluster {
  public:
    Cluster() : Cluster(LagLimits{.time = std::chrono::seconds(1), .bytes = 1U << 20}) {}
    explicit Cluster(LagLimits limits)
        : state("main", servers(), {.interval = milliseconds(500), .timeout = milliseconds(1'500), .limits = limits}) {}

    static std::vector<config::Server> servers() {
        std::vector<config::Server> all;
        for (const char* name : {"a", "b", "c"}) {
            config::Server server;
            server.name = name;
            server.host = "127.0.0.1";
            all.push_back(server);
        }
        return all;
    }

    explicit Cluster(const StateOptions& options, std::vector<config::Server> of = servers()) : state("main", of, options) {}

    // An answer that took a millisecond.
    void answer(HostIndex host, const ProbeResult& result) { state.on_probe(host, result, at(now), at(now + 1)); }
    void fail(HostIndex host) { state.on_probe_failed(host, ProbeFailure::refused, "refused", at(now)); }
    void miss(HostIndex host) { state.on_probe_failed(host, ProbeFailure::missed, "no answer", at(now)); }
    void traffic_failure(HostIndex host) { state.on_traffic_failure(host, TrafficFailure::lost, "reset", at(now)); }
    void pass(int ms) {
        now += ms;
        state.tick(at(now));
    }
    // One round: the primary, then both replicas, then half a second.
    void round(std::uint64_t primary, std::uint64_t b, std::uint64_t c) {
        answer(kA, primary_at(primary));
        answer(kB, replica_at(b));
        answer(kC, replica_at(c));
        pass(500);
    }

    [[nodiscard]] Rotation rotation(HostIndex host) const { return state.view(host).rotation; }
    [[nodiscard]] std::vector<EventKind> kinds() {
        std::vector<EventKind> all;
        for (const Event& event : state.take_events()) all.push_back(event.kind);
        return all;
    }
    [[nodiscard]] long count(EventKind kind) {
        const std::vector<EventKind> all = kinds();
        return std::count(all.begin(), all.end(), kind);
    }
    // Of the first event of this kind since the last look.
    [[nodiscard]] std::string cause(EventKind kind) {
        for (const Event& event : state.take_events()) {
            if (event.kind == kind) return event.cause;
        }
        return "none";
    }

    ClusterState state;
    int now = 0;
};

}  // namespace pgweir::cluster::testing
