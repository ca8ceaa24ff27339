// read_preference = nearest: the servers that answer about as fast as the fastest one.
#pragma once

#include <span>

#include "proxy/cluster/balancer.hpp"
#include "proxy/cluster/snapshot.hpp"

namespace pgweir::cluster {

// Adds to `excluded` (one flag per server) the replicas whose probes take more than 1 ms, and more than half as long again,
// longer than those of the fastest server that will do: a replica in rotation that is not excluded and that `bound` admits, or
// the primary if `primary_too`. The result is the primary's share of such reads, by the number of servers: 0 to 1.
[[nodiscard]] double keep_nearest(const Snapshot& snapshot, std::span<bool> excluded, const Bound& bound, bool primary_too) noexcept;

}  // namespace pgweir::cluster
