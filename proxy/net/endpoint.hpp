// Addresses as people read them.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <cstdint>
#include <string>

namespace pgweir::net {

// Text and port of a peer's address; a Unix socket is "unix" and 0, none "-" and 0.
void describe_endpoint(const boost::asio::generic::stream_protocol::endpoint& endpoint, std::string& address,
                       std::uint16_t& port);

}  // namespace pgweir::net
