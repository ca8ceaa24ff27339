// Chooses the replica for a read. One per worker and cluster: it holds the round-robin state.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "config/config.hpp"
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

class Balancer {
  public:
    explicit Balancer(config::Balance method) noexcept : method_(method) {}

    // A replica in rotation that `excluded` (one flag per server; may be empty) does not name and `bound` admits, or none.
    // `in_use` counts this worker's busy connections per server (may be empty); least_connections weighs it by weight.
    // round_robin is the smooth weighted kind. Ties go round-robin.
    [[nodiscard]] std::optional<HostIndex> pick(const Snapshot& snapshot, std::span<const std::uint32_t> in_use,
                                                std::span<const bool> excluded, const Bound& bound = {});

  private:
    config::Balance method_;
    std::vector<std::int64_t> current_;
};

}  // namespace pgweir::cluster
