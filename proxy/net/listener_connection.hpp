// The connection to a database's primary that listens for the clients of all workers. Not one of a pool's.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>

#include "proxy/net/backend.hpp"
#include "proxy/pool/types.hpp"
#include "proxy/session/listener_machine.hpp"

namespace pgweir::net {

class ListenHub;

class ListenerConnection final : public Backend {
  public:
    ListenerConnection(Worker& worker, ListenHub& hub, BackendTarget target);

    void listen(const std::string& channel, pool::WorkerId who, std::uint64_t subscription);
    void unlisten(const std::string& channel, pool::WorkerId who);
    // Ends it, and tells everybody who listens.
    void close(const std::string& why);
    [[nodiscard]] const std::string& database() const noexcept { return target().database; }
    [[nodiscard]] const std::string& dbname() const noexcept { return target().dbname; }
    [[nodiscard]] std::size_t cluster() const noexcept { return target().cluster; }
    [[nodiscard]] cluster::HostIndex host() const noexcept { return target().host; }

    void tick(TimePoint now) override;
    [[nodiscard]] ServerRow row() const override;

  protected:
    void logged_in(const session::ServerLogin& login) override;
    void login_failed(std::string_view code, std::string_view message, bool final) override;
    void on_session_readable() override;
    void on_session_lost() override { close("the connection that listens was lost"); }
    void on_drained() override {}

  private:
    struct Channel {
        std::map<pool::WorkerId, std::uint64_t> workers;  // with the number of their subscription
        bool ready = false;
    };

    void on_event(const session::ListenerMachine::Event& event);
    void send_requests();
    void tell_ready(const std::string& channel, pool::WorkerId who, std::uint64_t subscription);
    void tell_failed(const std::string& channel, const std::string& code, const std::string& text);

    ListenHub& hub_;
    session::ListenerMachine machine_;
    std::map<std::string, Channel> channels_;
    std::string requests_;  // not sent yet: there is no session
    TimePoint unused_since_;
    bool logged_in_ = false;
    bool done_ = false;
};

}  // namespace pgweir::net
