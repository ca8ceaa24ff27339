// Where the administration reads from: functions that app fills, so that this room knows neither workers nor monitor.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "proxy/admin/reload_status.hpp"
#include "proxy/cluster/snapshot.hpp"
#include "proxy/discovery/status.hpp"
#include "proxy/monitor/catalog_status.hpp"
#include "proxy/net/inspect.hpp"
#include "proxy/net/stats.hpp"

namespace pgweir::admin {

// Everything here is called on the control thread. An empty function counts as "nothing to report".
struct Sources {
    // The configuration in force. A reload replaces its contents in place, on the control thread.
    const config::Config& config;

    // The workers' counters, which live as long as the process.
    std::function<std::vector<const net::WorkerStats*>()> stats;

    // Asks every worker for its rows and calls back once, on the control thread, when all have answered; with PoolRows
    // of one (database, user, server) from several workers not merged. It may never call back when a worker is stuck:
    // the callers here keep a time limit of their own.
    std::function<void(std::function<void(net::Inspection)>)> inspect;

    // As inspect, without rows: calls back once every worker has answered. Optional; inspect is used when empty.
    std::function<void(std::function<void()>)> ping;

    // The newest snapshot of each cluster; never null pointers.
    std::function<std::vector<std::shared_ptr<const cluster::Snapshot>>()> snapshots;

    // Why no client should be sent here (not listening yet, stopping), beside what the snapshots say.
    std::function<std::optional<std::string>()> not_ready;

    // Why the process cannot serve, beside what the snapshots and the workers' silence say.
    std::function<std::optional<std::string>()> unhealthy;

    std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
    std::string version;  // "0.1.0"

    // What is known of the databases' catalogs.
    std::function<monitor::CatalogReport()> catalogs{};

    // PAUSE and RESUME of a database, or with an empty name of all. False: it was paused already, or was not. `done` is called
    // on the control thread when the last of its server connections is closed; `whole` is false when a RESUME came before.
    std::function<bool(const std::string& database, std::function<void(bool whole)> done)> pause{};
    std::function<bool(const std::string& database)> resume{};
    std::function<bool(std::string_view database)> paused{};

    // The [[discovery]]s.
    std::function<std::vector<discovery::Status>()> discoveries{};

    // Reads the configuration again and calls back when it is in force, or why it is not. And what came of it so far.
    std::function<void(ReloadDone)> reload{};
    std::function<ReloadStatus()> reloads{};
};

}  // namespace pgweir::admin
