// Chooses the replica for a read. One per worker and cluster: it holds the round-robin state and the times of answers.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "config/config.hpp"
#include "proxy/cluster/chance.hpp"
#include "proxy/cluster/latency.hpp"
#include "proxy/cluster/snapshot.hpp"

namespace pgweir::cluster {

// What a replica must have replayed, by what is known of it, for one read (Causal::bound() says why).
struct Bound {
    std::optional<Lsn> floor{Lsn{}};  // of every replica but `home`; none: it is not known yet, so no other will do
    std::optional<HostIndex> home;    // where the session has read last
    Lsn home_floor;
    TimePoint oldest{};  // what was committed then must have been replayed, by home too; zero: no matter

    [[nodiscard]] bool admits(std::size_t host, const ServerView& server) const noexcept {
        if (oldest != TimePoint{} && (!server.current_at || *server.current_at < oldest)) return false;
        const Lsn replayed = server.position;
        if (home && index_of(*home) == host) return replayed >= home_floor;
        return floor && replayed >= *floor;
    }
};

// Who asks, and when.
struct Asker {
    std::uint64_t client = 0;  // identity_of() its address: client_hash goes by it
    TimePoint now{};           // latency goes by it
    bool queues = false;       // `in_use` counts who waits for each server: by any method but client_hash the least per share
};

class Balancer {
  public:
    explicit Balancer(config::Balance method, std::uint64_t seed = 1) noexcept : method_(method), chance_(seed) {}

    // A replica in rotation that `excluded` (one flag per server; may be empty) does not name and `bound` admits, or none; of
    // the proxy's own zone, if Snapshot::local_first says so and there is one. Takes a trial of one whose breaker is half open.
    // `in_use` counts this worker's busy connections per server (may be empty).
    //
    // By method, always by ServerView::share(): round_robin is the smooth weighted kind. least_connections: the least
    // connections per share, ties in turn. client_hash: weighted rendezvous, so that who leaves or comes moves its own share
    // only. latency: the next in turn, unless another one drawn by share is clearly faster, by its average time multiplied by what
    // it has to do.
    [[nodiscard]] std::optional<HostIndex> pick(const Snapshot& snapshot, std::span<const std::uint32_t> in_use,
                                                std::span<const bool> excluded, const Bound& bound = {}, const Asker& asker = {});

    // A read was answered there: for latency.
    void answered(HostIndex host, std::chrono::microseconds took, TimePoint now);

  private:
    struct Field;  // what one pick chooses from

    [[nodiscard]] std::optional<std::size_t> choose(const Field& field, const Asker& asker);
    template <class Plays>
    [[nodiscard]] std::optional<std::size_t> next_in_turn(const Field& field, Plays plays);
    [[nodiscard]] std::optional<std::size_t> least_connections(const Field& field);
    [[nodiscard]] std::optional<std::size_t> fastest(const Field& field, TimePoint now);
    [[nodiscard]] std::optional<std::size_t> draw_another(const Field& field, std::size_t than);

    config::Balance method_;
    Chance chance_;
    std::vector<std::int64_t> current_;  // of the smooth round robin
    std::vector<Latency> latencies_;
};

// The session's home, where no other replica will do and nothing speaks against it: any method would pick it. None: to be picked.
[[nodiscard]] std::optional<HostIndex> sole_choice(const Snapshot& snapshot, const Bound& bound) noexcept;

// While replicas lag and none is in rotation: the one that lags least, of those that `excluded` does not name and `bound`
// admits.
[[nodiscard]] std::optional<HostIndex> least_lagged(const Snapshot& snapshot, std::span<const bool> excluded, const Bound& bound) noexcept;

// No replica is in rotation, and at least one would be if it did not lag.
[[nodiscard]] bool all_lag(const Snapshot& snapshot) noexcept;
// No replica is in rotation, and at least one would be if its breaker were not open.
[[nodiscard]] bool all_broken(const Snapshot& snapshot) noexcept;

}  // namespace pgweir::cluster
