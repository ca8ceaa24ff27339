// The one question that a probe asks, and how its row is read.
#pragma once

#include <libpq-fe.h>

#include <optional>

#include "proxy/cluster/probe.hpp"

namespace pgweir::monitor {

// Needs CONNECT on the monitor's database, and pg_monitor: without it pg_stat_wal_receiver hides the timeline, which
// then comes from the last checkpoint. pg_control_system() and pg_control_checkpoint() are open to everybody.
extern const char* const kProbeSql;

// None when the row is not what the question asks for.
[[nodiscard]] std::optional<cluster::ProbeResult> read_probe(const PGresult* result);

}  // namespace pgweir::monitor
