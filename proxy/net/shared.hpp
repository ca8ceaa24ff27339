// What all workers share: the configuration and what was built from it at start-up, and the ways out of the room.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "proxy/cluster/failure.hpp"
#include "proxy/cluster/snapshot.hpp"
#include "proxy/net/peer.hpp"
#include "proxy/pool/budget_registry.hpp"
#include "proxy/session/access.hpp"
#include "proxy/session/client_login.hpp"
#include "proxy/session/credentials.hpp"
#include "proxy/sql/allowlist.hpp"
#include "proxy/sql/catalog.hpp"
#include "proxy/sql/catalog_key.hpp"

namespace pgweir::net {

class Worker;

// Const after start-up, but for the atomics and the registry, which are thread-safe.
struct Shared {
    // `salt_secret`: UserDirectory's.
    explicit Shared(const config::Config& settings, std::string salt_secret = {})
        : config(settings), users(settings, std::move(salt_secret)), access(settings.access),
          functions(settings.routing.safe_functions, settings.routing.unsafe_functions) {
        for (const config::Database& database : settings.databases) {
            if (database.safe_functions.empty() && database.unsafe_functions.empty()) continue;
            own_functions.emplace(&database, sql::Allowlist(joined(settings.routing.safe_functions, database.safe_functions),
                                                            joined(settings.routing.unsafe_functions, database.unsafe_functions)));
        }
    }
    // `database`: of this configuration.
    [[nodiscard]] const sql::Allowlist& functions_of(const config::Database& database) const noexcept {
        const auto own = own_functions.find(&database);
        return own == own_functions.end() ? functions : own->second;
    }

    const config::Config& config;
    session::UserDirectory users;
    session::AccessRules access;
    sql::Allowlist functions;
    std::map<const config::Database*, sql::Allowlist> own_functions;  // of the databases that have lists of their own
    pool::BudgetRegistry budgets;
    std::vector<std::string> clusters;   // names; a cluster is known by its place here
    std::deque<cluster::SampleClock> sample_clocks;  // by cluster
    std::deque<pool::Budget> primary_reads;          // by cluster: max_primary_reads
    std::vector<Worker*> workers;
    std::atomic<std::uint32_t> clients{0};
    std::atomic<std::uint32_t> held{0};  // clients held for a primary
    // Null: no TLS on that side. Exchanged by a reload; connections keep what they began with.
    std::atomic<std::shared_ptr<const TlsContext>> client_tls, server_tls;

    // The console's answer to a query, called back on any thread. May be called from any thread.
    std::function<void(std::string sql, std::string user, bool admin, std::function<void(std::string wire)> reply)> console;
    // Asks auth_query who a user is, for a client that wants this database. `done` is called on any thread. From any thread.
    struct Lookup {
        std::string user, database, address;  // the client's address: many questions of one wait for each other only
        bool pause;  // ask nothing, and answer nothing when as much time has passed as a question takes
        std::function<void(session::LookupAnswer)> done;
    };
    std::function<void(Lookup)> look_up;
    // A worker met a failure of this server's; `what` is for people. From any thread.
    std::function<void(std::size_t cluster, cluster::HostIndex host, cluster::TrafficFailure how, std::string what)> report_failure;
    // A read was answered by a server whose view `awaits_success`. From any thread.
    std::function<void(std::size_t cluster, cluster::HostIndex host)> report_success;
    // The primary answered 25006, or a new connection is needed: probe it now. From any thread.
    std::function<void(std::size_t cluster, cluster::HostIndex host)> probe_now;
    // Somebody waits for newer positions: sample_clocks has been told of what. From any thread.
    std::function<void(std::size_t cluster)> freshen;
    // A client of this worker's uses a database: its catalog, if it is known, comes by Worker::learn_catalog. From any thread.
    std::function<void(const sql::CatalogKey& key, pool::WorkerId who)> use_catalog;
    // DDL was committed in a database. From any thread.
    std::function<void(const sql::CatalogKey& key)> ddl_passed;
    // Looks a host name up. `done` is called on the control thread, with no addresses and a reason when there are none.
    using Resolved = std::function<void(std::vector<Endpoint> found, std::string error)>;
    std::function<void(const std::string& host, std::uint16_t port, Resolved done)> resolve;

  private:
    [[nodiscard]] static std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& second) {
        first.insert(first.end(), second.begin(), second.end());
        return first;
    }
};

}  // namespace pgweir::net
