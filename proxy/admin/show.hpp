// The tables behind SHOW: columns in PgBouncer 1.26's order where the thing is the same, ours after them.
#pragma once

#include <string>

#include "proxy/admin/commands.hpp"

namespace pgweir::admin {

// From the workers' rows.
[[nodiscard]] Table show_pools(const Call& call, const net::Inspection& rows);
[[nodiscard]] Table show_clients(const Call& call, const net::Inspection& rows);
[[nodiscard]] Table show_servers(const Call& call, const net::Inspection& rows);
[[nodiscard]] Table show_databases(const Call& call, const net::Inspection& rows);
[[nodiscard]] Table show_users(const Call& call, const net::Inspection& rows);
[[nodiscard]] Table show_learned(const Call& call, const net::Inspection& rows);
[[nodiscard]] Table show_lists(const Call& call, const net::Inspection& rows);

// From what the control thread has. The counters are each worker's and not each database's: STATS is one row, "all".
[[nodiscard]] Table show_stats(const Call& call);
[[nodiscard]] Table show_shadow(const Call& call);
[[nodiscard]] Table show_replication(const Call& call);
[[nodiscard]] Table show_catalog(const Call& call);
[[nodiscard]] Table show_config(const Call& call);
[[nodiscard]] Table show_version(const Call& call);
[[nodiscard]] Table show_state(const Call& call);
[[nodiscard]] Table show_help(const Call& call);

// "2026-11-24 08:55:19 UTC"; NULL for the epoch itself, which stands for "never".
[[nodiscard]] Cell time_cell(std::chrono::system_clock::time_point time);

}  // namespace pgweir::admin
