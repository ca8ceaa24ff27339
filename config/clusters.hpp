// Which replication clusters the configuration speaks of.
#pragma once

#include <set>
#include <string>

#include "config/config.hpp"

namespace pgweir::config {

// Of those that have servers, configured or to be discovered.
[[nodiscard]] inline std::set<std::string> cluster_names(const Config& config) {
    std::set<std::string> names;
    for (const Server& server : config.servers) names.insert(server.cluster);
    for (const Discovery& discovery : config.discoveries) names.insert(discovery.cluster);
    return names;
}

}  // namespace pgweir::config
