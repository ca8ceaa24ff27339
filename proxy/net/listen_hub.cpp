#include "proxy/net/listen_hub.hpp"

#include <functional>

#include "protocol/sqlstate.hpp"
#include "proxy/net/client.hpp"
#include "proxy/net/worker.hpp"

namespace pgweir::net {

// The same worker for everybody who asks, so that there is one connection.
pool::WorkerId ListenHub::home_of(const std::string& database) const {
    return static_cast<pool::WorkerId>(std::hash<std::string>{}(database) % worker_.shared().workers.size());
}

bool ListenHub::subscribe(Client& client, const std::string& channel) {
    const PoolGroup& group = *client.group();
    Channel& entry = databases_[group.database][channel];
    const bool first = entry.clients.empty();
    entry.clients.insert(&client);
    if (entry.ready) return true;
    entry.waiting.insert(&client);
    if (!first) return false;
    entry.subscription = ++subscriptions_;
    BackendTarget target{.cluster = group.cluster, .host = {}, .user = group.user, .dbname = group.dbname, .database = group.database,
                         .secret = group.secret, .parameters = {{"client_encoding", "UTF8"}, {"application_name", "pgweir_listen"}}};
    worker_.to_hub(home_of(group.database), [target = std::move(target), channel, who = worker_.id(), number = entry.subscription](ListenHub& hub) {
        hub.listen_for(target, channel, who, number);
    });
    return false;
}

void ListenHub::unsubscribe(Client& client, const std::string& channel) {
    const std::string& database = client.group()->database;
    const auto channels = databases_.find(database);
    if (channels == databases_.end()) return;
    const auto entry = channels->second.find(channel);
    if (entry == channels->second.end()) return;
    entry->second.clients.erase(&client);
    entry->second.waiting.erase(&client);
    if (!entry->second.clients.empty()) return;
    channels->second.erase(entry);
    worker_.to_hub(home_of(database), [database, channel, who = worker_.id()](ListenHub& hub) { hub.unlisten_for(database, channel, who); });
}

void ListenHub::drop(Client& client) {
    if (client.group() == nullptr || databases_.empty()) return;
    const auto channels = databases_.find(client.group()->database);
    if (channels == databases_.end()) return;
    std::vector<std::string> wanted;
    for (const auto& [channel, entry] : channels->second) {
        if (entry.clients.contains(&client)) wanted.push_back(channel);
    }
    for (const std::string& channel : wanted) unsubscribe(client, channel);
}

ListenHub::Channel* ListenHub::find(const std::string& database, const std::string& channel) {
    const auto channels = databases_.find(database);
    if (channels == databases_.end()) return nullptr;
    const auto entry = channels->second.find(channel);
    return entry == channels->second.end() ? nullptr : &entry->second;
}

void ListenHub::ready(const std::string& database, const std::string& channel, std::uint64_t subscription) {
    Channel* entry = find(database, channel);
    if (entry == nullptr || entry->subscription != subscription) return;
    entry->ready = true;
    const std::set<Client*> waiting = std::exchange(entry->waiting, {});
    for (const auto& client : held(waiting)) client->channel_ready(channel);
}

void ListenHub::failed(const std::string& database, const std::string& channel, std::uint64_t subscription, const std::string& code,
                       const std::string& text) {
    Channel* entry = find(database, channel);
    if (entry == nullptr || entry->subscription != subscription) return;
    const std::set<Client*> clients = std::exchange(entry->clients, {});
    databases_[database].erase(channel);
    for (const auto& client : held(clients)) client->channel_failed(channel, code, text);
}

void ListenHub::notified(const std::string& database, const std::string& channel, const std::shared_ptr<const std::string>& message) {
    Channel* entry = find(database, channel);
    if (entry == nullptr) return;
    for (const auto& client : held(entry->clients)) client->notify(channel, message);
}

void ListenHub::lost(const std::string& database, const std::string& why) {
    const auto channels = databases_.extract(database);
    if (channels.empty()) return;
    std::set<Client*> clients;
    for (const auto& [channel, entry] : channels.mapped()) clients.insert(entry.clients.begin(), entry.clients.end());
    for (const auto& client : held(clients)) {
        client->fail(protocol::sqlstate::kConnectionFailure, why + ": notifications may have been missed");
    }
}

// Calls to clients may end others.
std::vector<std::shared_ptr<Client>> ListenHub::held(const std::set<Client*>& clients) {
    std::vector<std::shared_ptr<Client>> result;
    for (Client* client : clients) result.push_back(client->self());
    return result;
}

// --- At home

void ListenHub::listen_for(const BackendTarget& target, const std::string& channel, pool::WorkerId who, std::uint64_t subscription) {
    close_elsewhere(target.database, GroupIdentity{target.dbname, target.cluster, false});
    std::shared_ptr<ListenerConnection>& connection = connections_[target.database];
    if (!connection) {
        const auto primary = worker_.snapshot(target.cluster)->primary;
        if (!primary) {
            connections_.erase(target.database);
            return worker_.to_hub(who, [database = target.database, channel, subscription](ListenHub& hub) {
                hub.failed(database, channel, subscription, std::string(protocol::sqlstate::kCannotConnectNow), "no primary is known to listen on");
            });
        }
        BackendTarget here = target;
        here.host = *primary;
        connection = std::make_shared<ListenerConnection>(worker_, *this, std::move(here));
        worker_.add_backend(connection);
        const auto opened = connection;
        opened->listen(channel, who, subscription);
        return opened->open_connection();
    }
    connection->listen(channel, who, subscription);
}

void ListenHub::unlisten_for(const std::string& database, const std::string& channel, pool::WorkerId who) {
    const auto connection = connections_.find(database);
    if (connection != connections_.end()) connection->second->unlisten(channel, who);
}

// The database is not where its connection leads.
void ListenHub::close_elsewhere(const std::string& database, const std::optional<GroupIdentity>& now) {
    const auto found = connections_.find(database);
    if (found == connections_.end()) return;
    const std::shared_ptr<ListenerConnection> connection = found->second;
    if (now && connection->dbname() == now->dbname && connection->cluster() == now->cluster) return;
    connection->close("the database is configured otherwise now");
}

void ListenHub::reload() {
    std::vector<std::string> databases;
    for (const auto& [database, connection] : connections_) databases.push_back(database);
    for (const std::string& database : databases) close_elsewhere(database, worker_.identity_of(database));
}

void ListenHub::look_at_primary(std::size_t cluster) {
    const cluster::Snapshot& snapshot = *worker_.snapshot(cluster);
    std::vector<std::shared_ptr<ListenerConnection>> wrong;
    for (const auto& [database, connection] : connections_) {
        if (connection->cluster() != cluster) continue;
        const bool another = snapshot.primary && connection->host() != *snapshot.primary;
        if (another || snapshot.barred(connection->host())) wrong.push_back(connection);
    }
    for (const auto& connection : wrong) connection->close("its server is not the primary any more");
}

void ListenHub::remove(ListenerConnection& connection) {
    const auto keep_alive = connection.shared_from_this();
    worker_.remove_backend(connection);
    connections_.erase(connection.database());
}

}  // namespace pgweir::net
