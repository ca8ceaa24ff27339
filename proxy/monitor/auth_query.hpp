// Who a user is that is configured nowhere: asked of the primary by proxy.auth_query, on connections of its own, which
// no client has a say in (semantics.md I). Everything runs on one io_context, the control thread's; nothing blocks.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "config/config.hpp"
#include "proxy/monitor/auth_connection.hpp"

namespace pgweir::monitor {

class AuthQuery {
  public:
    using Done = AuthConnection::Done;
    // The primary of a cluster, which may be gone after the call; null while none is known.
    using PrimaryOf = std::function<const cluster::Member*(const std::string& cluster)>;

    AuthQuery(boost::asio::io_context& io, const config::Config& config, PrimaryOf primary_of);
    ~AuthQuery();  // as stop()
    AuthQuery(const AuthQuery&) = delete;
    AuthQuery& operator=(const AuthQuery&) = delete;

    // For a client at `address` that wants `database`; addresses take turns. `done` is called once, on the io_context's thread.
    // Nothing is remembered. For a database that is not configured, and the console's, the answer is nobody.
    void ask(const std::string& database, const std::string& address, std::string user, Done done);
    // For a client that is configured: calls back after as long as the last question took, so that the time does not tell
    // who is. At most kLongestPause.
    void pause(std::function<void()> done);
    static constexpr std::chrono::milliseconds kLongestPause{100};
    // The configuration has been replaced: who is being asked for is answered with an error, and the next question goes by it.
    void reload();
    void stop();

  private:
    [[nodiscard]] AuthConnection* connection(const std::string& cluster, const std::string& dbname);
    [[nodiscard]] ConnectionOptions options_for(const cluster::Member& server, const std::string& dbname) const;

    boost::asio::io_context& io_;
    const config::Config& config_;
    PrimaryOf primary_of_;
    std::string query_;  // that the connections ask
    AuthLimits limits_;
    std::chrono::steady_clock::duration last_took_{0};  // a question that was answered
    std::map<std::pair<std::string, std::string>, std::shared_ptr<AuthConnection>>
        connections_;  // by cluster and dbname
};

}  // namespace pgweir::monitor
