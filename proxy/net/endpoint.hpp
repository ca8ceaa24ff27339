// Addresses as people read them.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "proxy/net/peer.hpp"

namespace pgweir::net {

// A peer's address, to be shown. In a fifth of an Endpoint's space: every client has one.
class ShownAddress {
  public:
    explicit ShownAddress(const Endpoint& endpoint) noexcept;
    // A Unix socket is "unix", none is "-".
    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }  // 0: none

  private:
    std::array<unsigned char, 16> bytes_{};  // as in6_addr or, in front, in_addr
    std::uint16_t port_ = 0;
    std::uint16_t family_;  // AF_INET and its like
};

}  // namespace pgweir::net
