// LISTEN for the clients of transaction pools: which of a worker's clients wants which channel, and, for the databases
// whose home this worker is, the one connection that listens for the clients of all workers (semantics.md D).
// Belongs to one worker; hubs talk to each other by posting.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proxy/net/host_pool.hpp"
#include "proxy/net/listener_connection.hpp"
#include "proxy/pool/types.hpp"

namespace pgweir::net {

class Client;
class Worker;

class ListenHub {
  public:
    explicit ListenHub(Worker& worker) : worker_(worker) {}

    // --- For this worker's clients.
    // True: it listens already. Else the client's channel_ready() or channel_failed() is called later.
    [[nodiscard]] bool subscribe(Client& client, const std::string& channel);
    void unsubscribe(Client& client, const std::string& channel);
    // The client goes: it wants nothing any more.
    void drop(Client& client);

    // --- Posted by the home's hub. `subscription`: the number that came with listen_for(); an older one's answer means nothing.
    void ready(const std::string& database, const std::string& channel, std::uint64_t subscription);
    void failed(const std::string& database, const std::string& channel, std::uint64_t subscription, const std::string& code,
                const std::string& text);
    void notified(const std::string& database, const std::string& channel, const std::shared_ptr<const std::string>& message);
    // Notifications may have been missed: everybody who listens there has to know.
    void lost(const std::string& database, const std::string& why);

    // --- At home: for all workers' clients.
    void listen_for(const BackendTarget& target, const std::string& channel, pool::WorkerId who, std::uint64_t subscription);
    void unlisten_for(const std::string& database, const std::string& channel, pool::WorkerId who);
    // Databases may be configured otherwise now: connections to where one was are closed.
    void reload();
    // The primary may be another one.
    void look_at_primary(std::size_t cluster);
    void remove(ListenerConnection& connection);

  private:
    struct Channel {
        std::set<Client*> clients;
        std::set<Client*> waiting;  // of those
        std::uint64_t subscription = 0;
        bool ready = false;
    };
    using Channels = std::map<std::string, Channel>;

    void close_elsewhere(const std::string& database, const std::optional<GroupIdentity>& now);
    [[nodiscard]] pool::WorkerId home_of(const std::string& database) const;
    [[nodiscard]] Channel* find(const std::string& database, const std::string& channel);
    [[nodiscard]] static std::vector<std::shared_ptr<Client>> held(const std::set<Client*>& clients);

    Worker& worker_;
    std::uint64_t subscriptions_ = 0;
    std::map<std::string, Channels> databases_;                               // of this worker's clients
    std::map<std::string, std::shared_ptr<ListenerConnection>> connections_;  // of the databases at home here
};

}  // namespace pgweir::net
