// Forwards a client's cancel to the server that works for it (semantics.md H): the server connection is not released until
// the cancel's own connection has reached its end, so that it cannot hit somebody else's query.
#pragma once

#include <memory>

#include "proxy/net/peer.hpp"
#include "proxy/net/worker.hpp"

namespace pgweir::net {

class Server;

class Canceler final : public Peer {
  public:
    static void start(Worker& worker, std::shared_ptr<Server> server);
    Canceler(Worker& worker, std::shared_ptr<Server> server);
    ~Canceler() override;

  protected:
    void on_readable() override;
    void on_drained() override {}
    void on_lost() override { finish(); }

  private:
    void run();
    void finish();

    std::shared_ptr<Server> server_;
    boost::asio::steady_timer deadline_;
};

}  // namespace pgweir::net
