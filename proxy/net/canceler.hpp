// Forwards a client's cancel to the server that works for it (semantics.md H): a pooled server connection is not released until
// the cancel's own connection has reached its end, so that it cannot hit somebody else's query.
#pragma once

#include <memory>

#include "proxy/net/peer.hpp"
#include "proxy/net/worker.hpp"

namespace pgweir::net {

class Backend;

class Canceler final : public Peer {
  public:
    static void start(Worker& worker, std::shared_ptr<Backend> server);
    Canceler(Worker& worker, std::shared_ptr<Backend> server);
    ~Canceler() override;
    [[nodiscard]] bool due(TimePoint now) const noexcept { return now >= deadline_; }
    // The server connection is given up, too: the cancel may still hit whoever has it.
    void give_up();

  protected:
    void on_readable() override;
    void on_drained() override {}
    void on_lost() override { finish(); }
    void on_connected(int error) override;
    void on_encrypted(const std::string& error) override;

  private:
    void finish();
    void send_cancel();

    Worker& worker_;
    std::shared_ptr<Backend> server_;  // null: it is over
    TimePoint deadline_;
    std::shared_ptr<const TlsContext> tls_context_;  // of the connection, whose key goes as protected as that
    bool sent_ = false;
};

}  // namespace pgweir::net
