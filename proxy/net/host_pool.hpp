// A worker's pools for one database and user: one on each server of the cluster.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "proxy/cluster/snapshot.hpp"
#include "proxy/pool/budget_registry.hpp"
#include "proxy/pool/pool.hpp"
#include "proxy/session/local_settings.hpp"
#include "proxy/session/parameters.hpp"
#include "proxy/session/server_login.hpp"
#include "proxy/session/statement_cache.hpp"

namespace pgweir::net {

struct DatabaseWatch;
struct PoolGroup;

struct HostPool {
    HostPool(PoolGroup& owner, cluster::HostIndex index, pool::PoolKey name, const pool::PoolLimits& limits,
             std::shared_ptr<pool::Budget> budget, pool::WorkerId worker)
        : group(owner), host(index), key(std::move(name)), pool(limits, std::move(budget), worker) {}

    PoolGroup& group;
    cluster::HostIndex host;
    pool::PoolKey key;
    pool::Pool pool;
};

using ParameterList = std::vector<std::pair<std::string, std::string>>;

// What makes a database and user another one: with any other value, their connections are not the same.
struct GroupIdentity {
    std::string dbname;  // on the servers
    std::size_t cluster = 0;
    bool read_only = false;
    friend bool operator==(const GroupIdentity&, const GroupIdentity&) = default;
};

// What a session begins with.
struct Greeting {
    session::ParameterRef made_of;  // the settings that a server has made of what the client asked for
    session::ParameterRef start;    // those with the client's application_name, and what a read-only database adds
    std::string statuses;           // the ParameterStatus messages of its welcome
};

struct PoolGroup {
    session::StatementScope scope{};  // its number in this worker
    std::string database;  // as clients call it
    std::string dbname;    // as servers do
    std::string user;      // on the servers
    std::size_t cluster = 0;
    config::PoolMode mode = config::PoolMode::transaction;
    config::SessionState on_session_state = config::SessionState::pin;
    config::Split split = config::Split::on;
    std::uint32_t split_percent = 100;
    std::uint32_t shadow_verify_percent = 0;
    bool read_only = false;
    session::LocalSettings settings{};  // that its sessions begin with
    std::uint32_t pool_size = 0;
    std::uint32_t min_pool_size = 0;
    session::ServerSecret secret;
    DatabaseWatch* watch = nullptr;  // the worker's; null: only the built-in list counts
    std::size_t clients = 0;
    bool automatic = false;  // of the entry "*": retired when nobody has come for [pool] autodb_idle_timeout
    pool::TimePoint left{};  // when its last client did, or it was made
    std::uint32_t comparisons = 0;  // of the verifier, runs and connections: it stays while there are any
    // The configuration has no such database any more, or another one under its name, or nobody has used it: nobody comes, its
    // clients go when they are idle, and then it goes.
    bool retired = false;
    void leave(pool::TimePoint now) noexcept {
        --clients;
        left = now;
    }
    // Nobody is here, and no connection does anything: what a client has left behind may still run.
    [[nodiscard]] bool at_rest() const noexcept {
        const auto rests = [](const std::unique_ptr<HostPool>& pool) { return !pool || pool->pool.at_rest(); };
        return clients == 0 && comparisons == 0 && std::ranges::all_of(hosts, rests);
    }
    [[nodiscard]] GroupIdentity identity() const { return {dbname, cluster, read_only}; }
    bool forced_user = false;  // the configuration's, with its password
    // What a client has proven to know now: the newest is right, a password may have been changed.
    void learn(session::ServerSecret proven) {
        if (forced_user || (proven.password.empty() && proven.md5_hash.empty() && proven.client_key.empty())) return;
        secret = std::move(proven);
    }
    std::vector<std::unique_ptr<HostPool>> hosts;  // by HostIndex; null until used

    // What the primary (of a read-only database: any server) reported at a login: the welcome of every client (semantics.md
    // H). Empty until one was seen.
    ParameterList welcome;
    // Startup settings that a server has accepted, by their text, with what it made of them; bounded.
    std::unordered_map<std::string, session::ParameterRef> accepted;
    // By the same text and the application_name; made of `welcome`, and bounded.
    std::unordered_map<std::string, Greeting> greetings;
};

// Keeps a group for a comparison.
class GroupUse {
  public:
    explicit GroupUse(PoolGroup& group) noexcept : group_(&group) { ++group.comparisons; }
    GroupUse(GroupUse&& other) noexcept : group_(std::exchange(other.group_, nullptr)) {}
    GroupUse& operator=(GroupUse&&) = delete;
    ~GroupUse() {
        if (group_ != nullptr) --group_->comparisons;
    }

  private:
    PoolGroup* group_;
};

}  // namespace pgweir::net
