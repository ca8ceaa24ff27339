// The control thread's side of listening: opens the sockets, and closes them. The workers accept (Acceptor).
#pragma once

#include <memory>
#include <vector>

#include "proxy/net/listening_socket.hpp"
#include "proxy/net/shared.hpp"

namespace pgweir::net {

class Listener {
  public:
    explicit Listener(Shared& shared) noexcept : shared_(shared) {}

    // Listens on proxy.listen_addr ("*": every address of both families) and listen_port. Throws
    // std::runtime_error that names address and port, or boost::system::system_error for an address that is none.
    void start();
    // The configuration was reloaded: [tcp] for whoever connects from now on.
    void reload() noexcept;
    // No new clients from now on.
    void stop();

  private:
    void listen(const std::string& address);

    Shared& shared_;
    std::vector<std::shared_ptr<const ListeningSocket>> sockets_;
};

}  // namespace pgweir::net
