// A replication client's own connection to the primary (semantics.md H): after the login, bytes go both ways unread.
#pragma once

#include <string>
#include <string_view>

#include "proxy/net/backend.hpp"

namespace pgweir::net {

class Client;

class Replication final : public Backend {
  public:
    Replication(Worker& worker, BackendTarget target, Client& client);

    // The client goes away: what is still unsent reaches the server, then the connection ends.
    void leave();
    // Its client is told, or gets another stream if it is not welcomed yet.
    void fence() override;
    [[nodiscard]] bool ready() const noexcept { return ready_; }
    void tick(TimePoint now) override;
    [[nodiscard]] ServerRow row() const override;

  protected:
    void logged_in(const session::ServerLogin& login) override;
    void login_failed(std::string_view code, std::string_view message, bool final) override;
    void on_session_readable() override;
    void on_session_lost() override;
    void on_drained() override;

  private:
    void relay(Bytes bytes);
    void linger();
    void say_goodbye();
    void gone(std::string_view why);

    Client* client_;  // null: it has left
    TimePoint give_up_;  // without a client: when the end is not waited for any longer
    bool ready_ = false;
};

}  // namespace pgweir::net
