// What any connection to a server needs: the way to its address, TLS and the login. Derived classes say what comes after.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cluster/snapshot.hpp"
#include "proxy/net/inspect.hpp"
#include "proxy/net/peer.hpp"
#include "proxy/net/worker.hpp"
#include "proxy/session/server_login.hpp"

namespace pgweir::net {

// Which server, and as whom.
struct BackendTarget {
    std::size_t cluster = 0;
    cluster::HostIndex host{};
    std::string user, dbname;
    std::string database;      // as clients call it, for the log and the console
    session::ServerSecret secret;
    ParameterList parameters;  // further startup parameters
};

// Of the connections of a pool.
[[nodiscard]] BackendTarget pool_target(const HostPool& pool);

class Backend : public Peer {
  public:
    // Connects, encrypts and logs in; logged_in() or login_failed() is called later, never from here.
    void open_connection();
    // server_connect_timeout has passed.
    void connect_timed_out();

    [[nodiscard]] const Endpoint& endpoint() const noexcept { return endpoint_; }
    // As configured: what its certificate is to say.
    [[nodiscard]] const std::string& host_name() const noexcept { return host_name_; }
    [[nodiscard]] std::uint32_t pid() const noexcept { return pid_; }
    [[nodiscard]] const std::string& secret_key() const noexcept { return secret_key_; }
    [[nodiscard]] bool encrypted() const noexcept { return tls() != nullptr; }
    // Only when encrypted().
    [[nodiscard]] std::shared_ptr<const TlsContext> tls_context() const { return tls()->shared_context(); }
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    [[nodiscard]] bool logging_in() const noexcept { return logging_in_; }
    [[nodiscard]] bool is_at(std::size_t cluster, cluster::HostIndex host) const noexcept {
        return target_.cluster == cluster && target_.host == host;
    }
    [[nodiscard]] const std::string& server_name() const noexcept;  // as the configuration calls it

    // A cancel for it is under way to the server (Canceler), has ended, or did not end in time and is given up.
    virtual void cancel_begins() {}
    virtual void cancel_over() {}
    virtual void cancel_given_up() {}
    // The server is not the primary any more, or not one of the cluster: nothing more may be read or written there. Does nothing
    // for those that look at each snapshot themselves.
    virtual void fence() {}

    // --- For those that the worker holds itself (Worker::add_backend).
    // Now and then. As it is here, it ends a login that takes too long.
    virtual void tick(TimePoint now);
    [[nodiscard]] virtual ServerRow row() const;

  protected:
    Backend(Worker& worker, BackendTarget target);
    // Logged in already, elsewhere; the target's secret and parameters do not matter then.
    Backend(Worker& worker, BackendTarget target, const Endpoint& endpoint, std::uint32_t pid, std::string secret_key,
            std::uint64_t id, std::chrono::system_clock::time_point connected);

    // The login is over: pid() and secret_key() are known. What came behind it is in `partial_`. Reading is not armed.
    virtual void logged_in(const session::ServerLogin& login) = 0;
    // It was logged and counted, the monitor knows, and the socket is closed. `final`: trying again would not help.
    virtual void login_failed(std::string_view code, std::string_view message, bool final) = 0;
    // As Peer's on_readable() and on_lost(), after the login.
    virtual void on_session_readable() = 0;
    virtual void on_session_lost() = 0;

    [[nodiscard]] const BackendTarget& target() const noexcept { return target_; }
    // Nobody wants it any more: nothing is called for it afterwards. The caller closes the socket.
    void end_login() noexcept;
    [[nodiscard]] std::chrono::system_clock::time_point connected() const noexcept { return connected_; }

    Worker& worker_;
    std::string partial_;  // the front of a message that must be whole

  private:
    void on_readable() final;
    void on_lost() final;
    void on_connected(int error) final;
    void on_encrypted(const std::string& error) final;

    void connect_next();
    void begin_login();
    [[nodiscard]] bool wants_tls() const noexcept;
    void ask_for_tls();
    void on_tls_answer(Bytes answer);
    void start_login();
    void read_login();
    void on_login_bytes(Bytes bytes);
    void finish_login();
    void refused();
    void fail(std::string_view code, std::string_view message, bool final);

    BackendTarget target_;
    std::shared_ptr<const Settings> settings_;  // of the login
    std::unique_ptr<session::ServerLogin> login_;
    std::vector<Endpoint> candidates_;  // still to be tried, the next one last
    Endpoint endpoint_;
    std::string host_name_;
    std::string secret_key_;
    std::uint32_t pid_ = 0;
    std::uint64_t id_ = 0;
    std::chrono::system_clock::time_point connected_;
    TimePoint opened_;
    bool logging_in_ = false;  // from open_connection() to the end of the login
    bool tls_asked_ = false;   // an SSLRequest was sent
    bool tls_wanted_ = false;  // sslmode "allow": it let nobody in without
};

}  // namespace pgweir::net
