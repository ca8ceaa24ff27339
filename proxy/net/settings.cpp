#include "proxy/net/settings.hpp"

#include <algorithm>
#include <utility>

#include "config/clusters.hpp"

namespace pgweir::net {

namespace {

using Names = std::vector<std::string>;
using FunctionList = std::shared_ptr<const sql::Allowlist>;

Names joined(Names first, const Names& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

FunctionList list_of(const Names& added, const Names& removed, const FunctionList& before) {
    auto made = std::make_shared<const sql::Allowlist>(added, removed);
    return before && *before == *made ? before : made;
}

}  // namespace

Settings::Settings(config::Config configuration, const Settings* before, std::string salt_secret)
    : config(std::move(configuration)),
      users(config, std::move(salt_secret), before != nullptr ? &before->users : nullptr),
      access(config.access) {
    make_functions(before);
    make_clusters(before);
    if (config.client_tls.sslmode != config::TlsMode::disable) client_tls = TlsContext::for_clients(config.client_tls);
    if (config.server_tls.sslmode != config::TlsMode::disable) server_tls = TlsContext::for_servers(config.server_tls);
}

void Settings::make_functions(const Settings* before) {
    const config::Routing& routing = config.routing;
    functions = list_of(routing.safe_functions, routing.unsafe_functions, before != nullptr ? before->functions : nullptr);
    for (const config::Database& database : config.databases) {
        if (database.safe_functions.empty() && database.unsafe_functions.empty()) continue;
        FunctionList old;
        if (before != nullptr) {
            const auto found = before->own_functions_.find(database.name);
            if (found != before->own_functions_.end()) old = found->second;
        }
        own_functions_.emplace(database.name, list_of(joined(routing.safe_functions, database.safe_functions),
                                                      joined(routing.unsafe_functions, database.unsafe_functions), old));
    }
}

void Settings::make_clusters(const Settings* before) {
    if (before != nullptr) clusters = before->clusters;
    for (const std::string& name : config::cluster_names(config)) {
        if (!find_cluster(name)) {
            clusters.push_back({name, std::make_shared<cluster::SampleClock>(), std::make_shared<pool::Budget>(config.routing.max_primary_reads)});
        }
    }
}

const FunctionList& Settings::functions_of(const config::Database& database) const noexcept {
    const auto own = own_functions_.find(database.name);
    return own == own_functions_.end() ? functions : own->second;
}

std::optional<std::size_t> Settings::find_cluster(std::string_view name) const noexcept {
    const auto found = std::ranges::find(clusters, name, &ClusterPlace::name);
    if (found == clusters.end()) return std::nullopt;
    return static_cast<std::size_t>(found - clusters.begin());
}

}  // namespace pgweir::net
