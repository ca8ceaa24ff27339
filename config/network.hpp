// IP addresses and networks as bytes, without a socket. Source: RFC 4291 (IPv6 text), RFC 4632 (mask lengths).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pgweir::config {

// Sixteen bytes, network order; an IPv4 address is the IPv6 address that stands for it (::ffff:a.b.c.d), so that both
// ways to write it are the same.
struct Address {
    std::array<std::uint8_t, 16> bytes{};
    [[nodiscard]] bool is_v4() const noexcept;
    friend bool operator==(const Address&, const Address&) = default;
};

// "10.0.0.1", "::1"; nothing for anything else (names, octal digits, zones).
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);

// Whether a server's host has to be looked up: it is neither an address nor the folder of a Unix socket.
[[nodiscard]] bool is_host_name(std::string_view host) noexcept;

// Addresses with a common beginning.
struct Network {
    Address address;
    unsigned bits = 128;  // of the sixteen bytes
    // An IPv4 address is in no IPv6 network, not even in ::/0, as in pg_hba.conf.
    [[nodiscard]] bool contains(const Address& other) const noexcept;
};

// An address, or one and a mask length: "10.0.0.0/8", "fd00::/8". Bits behind the mask do not count.
[[nodiscard]] std::optional<Network> parse_network(std::string_view text);

}  // namespace pgweir::config
