// What all workers share, and the ways out of the room.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/cluster/failure.hpp"
#include "proxy/cluster/snapshot.hpp"
#include "proxy/net/peer.hpp"
#include "proxy/net/settings.hpp"
#include "proxy/pool/budget_registry.hpp"
#include "proxy/session/client_login.hpp"
#include "proxy/sql/catalog.hpp"
#include "proxy/sql/catalog_key.hpp"

namespace pgweir::net {

class Worker;

// Const after start-up, but for the atomics, the registry, which is thread-safe, and what is the control thread's own.
struct Shared {
    explicit Shared(std::shared_ptr<const Settings> now) : settings(std::move(now)) {}

    // The newest ones. The control thread's: each worker has its own pointer (Worker::settings()).
    std::shared_ptr<const Settings> settings;
    pool::BudgetRegistry budgets;
    std::vector<Worker*> workers;
    std::atomic<std::uint32_t> clients{0};
    std::atomic<std::uint32_t> held{0};  // clients held for a primary

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
    // Nothing of this worker's refers any more to a server that has left. Once for each worker and member. From any thread.
    std::function<void(std::size_t cluster, cluster::HostIndex host, std::uint64_t member)> server_left;
    // Somebody waits for newer positions: the cluster's clock has been told of what. From any thread.
    std::function<void(std::size_t cluster)> freshen;
    // A client of this worker's uses a database: its catalog, if it is known, comes by Worker::learn_catalog. From any thread.
    std::function<void(const sql::CatalogKey& key, pool::WorkerId who)> use_catalog;
    // DDL was committed in a database. From any thread.
    std::function<void(const sql::CatalogKey& key)> ddl_passed;
};

}  // namespace pgweir::net
