// A socket that clients connect to. All workers accept from it; it closes when the last of them lets go.
#pragma once

#include "config/config.hpp"
#include "proxy/net/peer.hpp"

namespace pgweir::net {

class ListeningSocket {
  public:
    // Throws std::system_error. What is accepted inherits the options of TCP.
    ListeningSocket(const Endpoint& at, const config::Tcp& tcp);
    ~ListeningSocket();
    ListeningSocket(const ListeningSocket&) = delete;
    ListeningSocket& operator=(const ListeningSocket&) = delete;

    [[nodiscard]] int fd() const noexcept { return fd_; }
    // --- From any thread.
    // Whoever connects from now on has these.
    void set_options(const config::Tcp& tcp) const noexcept;
    // Refuses clients from now on, whoever still holds it.
    void refuse() const noexcept;

  private:
    void open(const Endpoint& at, const config::Tcp& tcp);

    int fd_ = -1;
};

}  // namespace pgweir::net
