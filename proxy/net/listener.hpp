// Accepts clients on the control thread and gives each to the worker with the fewest.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/net/shared.hpp"

namespace pgweir::net {

class Listener {
  public:
    Listener(boost::asio::io_context& io, Shared& shared);

    // Listens on proxy.listen_addr ("*": every address of both families) and listen_port. Throws
    // std::runtime_error that names address and port, or boost::system::system_error for an address that is none.
    void start();
    // No new clients from now on.
    void stop();

  private:
    void listen(const boost::asio::ip::tcp::endpoint& endpoint);
    void arm(std::size_t which);
    void accept_all(std::size_t which);
    void pause(std::size_t which);

    boost::asio::io_context& io_;
    Shared& shared_;
    std::vector<boost::asio::ip::tcp::acceptor> acceptors_;
    std::vector<boost::asio::steady_timer> pauses_;  // by acceptor
};

}  // namespace pgweir::net
