// Addresses as people read them.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/net/peer.hpp"

namespace pgweir::net {

// Text and port of a peer's address; a Unix socket is "unix" and 0, none "-" and 0.
void describe_endpoint(const Endpoint& endpoint, std::string& address, std::uint16_t& port);

}  // namespace pgweir::net
