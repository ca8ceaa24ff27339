// The configuration, and what is made of it, as everybody uses it at one time. Immutable: a reload makes another one, and each
// worker exchanges its pointer on its own thread. Whoever is in the middle of something keeps the one it began with.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "proxy/cluster/samples.hpp"
#include "proxy/net/tls_context.hpp"
#include "proxy/pool/budget.hpp"
#include "proxy/session/access.hpp"
#include "proxy/session/credentials.hpp"
#include "proxy/sql/allowlist.hpp"

namespace pgweir::net {

// A replication cluster is known by its place in Settings::clusters, which it keeps for the life of the process.
struct ClusterPlace {
    std::string name;
    std::shared_ptr<cluster::SampleClock> clock;
    std::shared_ptr<pool::Budget> primary_reads;  // max_primary_reads; the control thread sets the limit
};

class Settings {
  public:
    // `before`: what these replace, or null. Lists of functions that are the same stay the same objects, users who are the
    // same keep what was derived of their passwords, and clusters their places. `salt_secret`: UserDirectory's. Reads the certificates' files. May take long:
    // 2 ms for each new password. Throws std::runtime_error when a file cannot be used.
    explicit Settings(config::Config configuration, const Settings* before = nullptr, std::string salt_secret = {});
    Settings(const Settings&) = delete;
    Settings& operator=(const Settings&) = delete;

    // The list that judges statements in this database, which is of `config`. Never null.
    [[nodiscard]] const std::shared_ptr<const sql::Allowlist>& functions_of(const config::Database& database) const noexcept;
    // None: no such cluster, now or before.
    [[nodiscard]] std::optional<std::size_t> find_cluster(std::string_view name) const noexcept;

    const config::Config config;
    const session::UserDirectory users;
    const session::AccessRules access;
    std::shared_ptr<const sql::Allowlist> functions;
    std::shared_ptr<const TlsContext> client_tls, server_tls;  // null: no TLS on that side
    std::vector<ClusterPlace> clusters;                        // every one that has been configured since the start

  private:
    void make_functions(const Settings* before);
    void make_clusters(const Settings* before);

    std::map<std::string, std::shared_ptr<const sql::Allowlist>> own_functions_;  // of the databases that have lists of their own
};

}  // namespace pgweir::net
