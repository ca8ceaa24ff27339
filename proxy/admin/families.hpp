// The metric families by subject. Each function returns its families in full, also those without a sample at the
// moment, so that the set of names never changes.
#pragma once

#include <prometheus/metric_family.h>

#include <optional>
#include <vector>

#include "proxy/admin/sources.hpp"

namespace pgweir::admin {

using Families = std::vector<prometheus::MetricFamily>;

// What the workers count, summed over them.
void add_traffic(Families& out, const std::vector<const net::WorkerStats*>& workers);
// Statements by target and reason, and the histograms.
void add_routing(Families& out, const std::vector<const net::WorkerStats*>& workers);
// Pools by database, user and server; without samples when there are no rows.
void add_pools(Families& out, const std::vector<net::PoolRow>& rows);
// Role, rotation and lag of every server.
void add_servers(Families& out, const std::vector<std::shared_ptr<const cluster::Snapshot>>& snapshots);
// Readings of the databases' catalogs.
void add_catalogs(Families& out, const monitor::CatalogReport& catalogs);
// What [[discovery]] finds, and whether it answers.
void add_discovery(Families& out, const Sources& sources);
// The process and its configuration.
void add_process(Families& out, const Sources& sources);

}  // namespace pgweir::admin
