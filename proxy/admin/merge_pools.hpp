// One pool has a part in each worker; people want it whole.
#pragma once

#include <vector>

#include "proxy/net/inspect.hpp"

namespace pgweir::admin {

// Rows of the same database, user and server added up (maxwait: the longest), sorted by these three.
[[nodiscard]] std::vector<net::PoolRow> merge_pools(const std::vector<net::PoolRow>& parts);

// Server connections of a pool in any state.
[[nodiscard]] inline std::uint32_t server_connections(const net::PoolRow& pool) noexcept {
    return pool.sv_active + pool.sv_being_canceled + pool.sv_idle + pool.sv_login;
}

}  // namespace pgweir::admin
