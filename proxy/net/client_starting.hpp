// What a client needs until it is welcome: the login machine, and the settings it asked for.
#pragma once

#include <memory>
#include <string>

#include "proxy/net/client.hpp"
#include "proxy/session/client_login.hpp"

namespace pgweir::net {

struct Client::Starting {
    // `address`: the client's, as text.
    Starting(Worker& worker, bool over, const std::string& address);
    [[nodiscard]] static session::Encryption encryption(const config::ClientTls& tls) noexcept;
    // The memory of one login serves the next: freed among what stays, it would leave a hole for each client.
    [[nodiscard]] static void* operator new(std::size_t size);
    static void operator delete(void* memory) noexcept;

    // Sorts what the client asked for. An empty result is good; else the FATAL error's text.
    [[nodiscard]] std::string take_settings(const config::Proxy& config);
    // What the session begins with: the database's, the user's and the client's own, the later over the earlier.
    [[nodiscard]] session::LocalSettings local_settings(const Client& client) const;
    // The machine for asking a server whether it accepts the settings.
    void make_machine(Client& client, Server& server);
    // The server took them: the client is welcome.
    void accepted(Client& client);
    // What its session begins with, where a server has made `settings` of what it asked for.
    [[nodiscard]] const Greeting& greeting(const Client& client, const session::ParameterRef& settings) const;

    TimePoint since;
    std::shared_ptr<const Settings> in_force;  // of the login, from its beginning to its end
    session::ClientLogin login;
    std::vector<session::Parameter> wanted;  // without application_name
    std::string application_name;
    std::string key;  // of `wanted`, for PoolGroup::accepted
    std::vector<session::Parameter> own;  // pgweir's own settings
    bool over_limit = false;
    bool has_secret = false;  // there were random bytes for the key of its cancel requests
    bool asking = false;  // auth_query; nothing is read meanwhile
    std::string unsaid;   // AuthenticationOk, until the welcome: both go in one
    std::string refusal;  // what is said when the delay is over
    TimePoint refuse_at;
};

}  // namespace pgweir::net
