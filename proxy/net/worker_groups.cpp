// A worker's groups of pools: made from the configuration when somebody comes, made anew by a reload, and closed.
#include <algorithm>

#include "config/databases.hpp"
#include "proxy/net/client.hpp"
#include "proxy/net/listen_hub.hpp"
#include "proxy/net/random_word.hpp"
#include "proxy/net/server.hpp"
#include "proxy/net/worker.hpp"

namespace pgweir::net {

namespace {

// Of a database's sessions. A bound on lag holds for its reads where it is its own; [routing]'s is that of the rotation.
session::LocalSettings start_settings(const config::Database& database, const config::Routing& routing) {
    return {.read_preference = database.read_preference.value_or(routing.read_preference),
            .consistency = database.consistency.value_or(routing.consistency),
            .max_lag = static_cast<std::uint32_t>(database.max_lag.value_or(config::Duration{0}).count()),
            .read_after = {}};
}

}  // namespace

const config::Database* Worker::database(const std::string& name) const noexcept {
    return config::find_database(config(), name);
}

GroupIdentity Worker::identity_of(const std::string& database, const config::Database& entry) const {
    // The configuration's checks see to it that there is such a cluster.
    return {entry.dbname.empty() ? database : entry.dbname, settings_->find_cluster(entry.cluster).value_or(0), entry.read_only};
}

std::optional<GroupIdentity> Worker::identity_of(const std::string& database) const {
    const config::Database* entry = this->database(database);
    return entry == nullptr ? std::nullopt : std::optional(identity_of(database, *entry));
}

PoolGroup* Worker::group(const std::string& database, const std::string& user, const session::ServerSecret& secret) {
    const config::Database* match = this->database(database);
    if (match == nullptr) return nullptr;
    // All who are forced to be one user on the servers share that user's pools.
    const std::string& server_user = match->user.empty() ? user : match->user;
    const auto found = groups_.find({database, server_user});
    if (found != groups_.end()) {
        if (found->second->watch != nullptr) note_use(*found->second->watch);
        return found->second.get();
    }
    auto group = std::make_unique<PoolGroup>();
    group->scope = session::StatementScope{next_scope_++};
    group->database = database;
    group->user = server_user;
    GroupIdentity identity = identity_of(database, *match);
    group->dbname = std::move(identity.dbname);
    group->cluster = identity.cluster;
    group->read_only = identity.read_only;
    group->left = now();
    configure(*group, *match, secret);
    if (group->watch != nullptr) note_use(*group->watch);
    return groups_.emplace(std::pair(database, server_user), std::move(group)).first->second.get();
}

// All that a reload may change without making it another group.
void Worker::configure(PoolGroup& group, const config::Database& entry, const session::ServerSecret& secret) {
    const config::Config& config = this->config();
    group.automatic = entry.name == "*";
    group.forced_user = !entry.user.empty();
    group.mode = entry.pool_mode.value_or(config.pool.pool_mode);
    group.settings = start_settings(entry, config.routing);
    group.split = entry.split.value_or(config.routing.split);
    group.split_percent = entry.split_percent.value_or(config.routing.split_percent);
    group.shadow_verify_percent = entry.shadow_verify_percent.value_or(config.routing.shadow_verify_percent);
    group.on_session_state = entry.on_session_state.value_or(config.pool.on_session_state);
    group.pool_size = entry.pool_size.value_or(config.pool.default_pool_size);
    group.min_pool_size = entry.min_pool_size.value_or(config.pool.min_pool_size);
    group.secret = group.forced_user
                       ? session::ServerSecret{.password = entry.password, .md5_hash = {}, .client_key = {}, .server_key = {}}
                       : secret;
    if (!group.read_only) group.watch = &watch(entry, group);  // no text is judged in the others
}

pool::PoolLimits Worker::limits_of(const PoolGroup& group) const noexcept { return {config().pool, group.min_pool_size}; }

HostPool& Worker::host_pool(PoolGroup& group, cluster::HostIndex host) {
    const std::size_t index = cluster::index_of(host);
    const cluster::Snapshot& snapshot = *snapshots_[group.cluster];
    if (group.hosts.size() <= index) group.hosts.resize(snapshot.servers.size());
    if (!group.hosts[index]) {
        const cluster::ServerView& server = snapshot.servers[index];
        const pool::PoolKey key{server.name, group.database, group.user, group.dbname, server.member, group.read_only};
        group.hosts[index] = std::make_unique<HostPool>(group, host, key, limits_of(group),
                                                        shared_.budgets.get(key, group.pool_size), id_);
        if (group.retired || server.gone) group.hosts[index]->pool.drain();
    }
    return *group.hosts[index];
}

HostPool* Worker::find_pool(const pool::PoolKey& key) {
    HostPool* found = nullptr;
    for_each_pool([&](HostPool& pool) {
        if (found == nullptr && pool.key == key) found = &pool;
    });
    return found;
}

const PoolGroup* Worker::group_of(session::StatementScope scope) const noexcept {
    const PoolGroup* found = nullptr;
    for_each_group([&](const PoolGroup& group) {
        if (group.scope == scope) found = &group;
    });
    return found;
}

void Worker::for_each_group(const std::function<void(PoolGroup&)>& call) const {
    for (const auto& [name, group] : groups_) call(*group);
    for (const auto& group : retired_groups_) call(*group);
}

void Worker::for_each_pool(const std::function<void(HostPool&)>& call) {
    for_each_group([&](PoolGroup& group) {
        for (auto& pool : group.hosts) {
            if (pool) call(*pool);
        }
    });
}

// --- A reload.

void Worker::reload(std::shared_ptr<const Settings> settings) {
    post([this, settings = std::move(settings)]() mutable { apply(std::move(settings)); });
}

void Worker::make_room_for_clusters() {
    for (std::size_t i = snapshots_.size(); i < settings_->clusters.size(); ++i) {
        auto empty = std::make_shared<cluster::Snapshot>();
        empty->cluster = settings_->clusters[i].name;
        snapshots_.push_back(std::move(empty));
        balancers_.emplace_back(config().routing.load_balance, random_word());
        primary_reads_.emplace_back(*this, i, *settings_->clusters[i].primary_reads);
        in_use_.emplace_back();
        suspect_until_.emplace_back();
        left_.emplace_back();
    }
}

void Worker::apply(std::shared_ptr<const Settings> settings) {
    const std::shared_ptr<const Settings> before = std::exchange(settings_, std::move(settings));
    make_room_for_clusters();
    if (before->config.routing.load_balance != config().routing.load_balance) {
        for (cluster::Balancer& balancer : balancers_) {
            balancer = cluster::Balancer(config().routing.load_balance, random_word());
        }
    }
    statements_.set_limits(config().pool.statement_cache_size, config().routing.learned_statements_size);
    statements_.own_names().judge_by(*settings_->functions);
    reconfigure_groups();
    listen_hub_->reload();
    for (PrimaryReads& reads : primary_reads_) reads.wake_all();  // max_primary_reads may be another one
    for (const auto& server : std::vector(servers_.begin(), servers_.end())) server->set_limits();
    for (std::size_t slot = 0; slot < clients_.size(); ++slot) {
        const std::shared_ptr<Client> client = clients_[slot];
        if (!client) continue;
        if (client->group() != nullptr && client->group()->retired) {
            client->drain();
        } else {
            client->reload();
        }
    }
}

void Worker::reconfigure_groups() {
    for (auto place = groups_.begin(); place != groups_.end();) {
        PoolGroup& group = *place->second;
        const config::Database* entry = database(group.database);
        if (entry != nullptr && still_is(group, *entry)) {
            configure(group, *entry, session::ServerSecret(group.secret));
            if (group.watch != nullptr) note_use(*group.watch);
            ++place;
        } else {
            retire(std::move(groups_.extract(place++).mapped()));
        }
    }
    for_each_pool([&](HostPool& pool) {
        const PoolGroup& group = pool.group;
        pool.pool.set_limits(limits_of(group));
        if (!group.retired) pool.pool.budget().set_limit(group.pool_size);  // it may share it with its successor
    });
}

// Whether those who are in the group would come to it again.
bool Worker::still_is(const PoolGroup& group, const config::Database& entry) const {
    const bool same_user = entry.user.empty() ? !group.forced_user : entry.user == group.user;
    return same_user && identity_of(group.database, entry) == group.identity();
}

// Clients that are in the middle of something still get connections there.
void Worker::retire(std::unique_ptr<PoolGroup> group) {
    group->retired = true;
    for (const auto& pool : group->hosts) {
        if (pool) pool->pool.drain();
    }
    retired_groups_.push_back(std::move(group));
}

// Who comes again has a new one. What is known of the names in the database stays (watches_).
void Worker::retire_unused(TimePoint time) {
    const config::Duration timeout = config().pool.autodb_idle_timeout;
    if (timeout.count() == 0) return;
    for (auto place = groups_.begin(); place != groups_.end();) {
        const auto here = place++;
        PoolGroup& group = *here->second;
        if (!group.automatic || time - group.left < timeout || !group.at_rest()) continue;
        retire(std::move(groups_.extract(here).mapped()));
        for (const auto& pool : group.hosts) {
            if (pool) sweep(*pool, time);  // nothing of it is left but idle connections
        }
    }
}

void Worker::close_retired() {
    std::erase_if(retired_groups_, [&](const std::unique_ptr<PoolGroup>& group) {
        const auto uses = [&](const std::shared_ptr<Server>& server) { return &server->host_pool().group == group.get(); };
        const auto empty = [](const std::unique_ptr<HostPool>& pool) { return !pool || pool->pool.empty(); };
        return group->clients == 0 && group->comparisons == 0 && std::ranges::all_of(group->hosts, empty) && std::ranges::none_of(servers_, uses) &&
               cancelers_.empty();
    });
}

}  // namespace pgweir::net
