// Chooses the replica for a read. One per worker and cluster: it holds the round-robin state.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "config/config.hpp"
#include "proxy/cluster/snapshot.hpp"

namespace pgweir::cluster {

class Balancer {
  public:
    explicit Balancer(config::Balance method) noexcept : method_(method) {}

    // A replica in rotation that `excluded` (one flag per server; may be empty) does not name, or none.
    // `in_use` counts this worker's busy connections per server (may be empty); least_connections weighs it by weight.
    // round_robin is the smooth weighted kind. Ties go round-robin.
    [[nodiscard]] std::optional<HostIndex> pick(const Snapshot& snapshot, std::span<const std::uint32_t> in_use,
                                                std::span<const bool> excluded);

  private:
    config::Balance method_;
    std::vector<std::int64_t> current_;
};

}  // namespace pgweir::cluster
