#include "proxy/admin/health.hpp"

#include <algorithm>

#include "proxy/admin/utf8.hpp"

namespace pgweir::admin {

namespace {

using Snapshots = std::vector<std::shared_ptr<const cluster::Snapshot>>;

Snapshots snapshots_of(const Sources& sources) { return sources.snapshots ? sources.snapshots() : Snapshots{}; }

// A server of unknown role does not serve: a statement could not be sent there.
bool serves(const cluster::ServerView& server) {
    return server.reachable && server.role != cluster::Role::unknown &&
           server.rotation != cluster::Rotation::wrong_system;
}

}  // namespace

std::optional<std::string> why_unhealthy(const Sources& sources) {
    if (sources.unhealthy) {
        if (auto reason = sources.unhealthy()) return as_utf8(*reason);
    }
    const Snapshots snapshots = snapshots_of(sources);
    if (snapshots.empty()) return "no cluster has been probed yet";
    for (const auto& snapshot : snapshots) {
        if (std::ranges::none_of(snapshot->servers, serves)) {
            return "no server of cluster '" + as_utf8(snapshot->cluster) + "' is reachable";
        }
    }
    return std::nullopt;
}

std::optional<std::string> why_not_ready(const Sources& sources) {
    if (sources.not_ready) {
        if (auto reason = sources.not_ready()) return as_utf8(*reason);
    }
    const Snapshots snapshots = snapshots_of(sources);
    if (snapshots.empty()) return "no cluster has been probed yet";
    for (const auto& snapshot : snapshots) {
        if (!snapshot->primary) return "the primary of cluster '" + as_utf8(snapshot->cluster) + "' is not known";
    }
    return std::nullopt;
}

}  // namespace pgweir::admin
