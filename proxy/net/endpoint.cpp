#include "proxy/net/endpoint.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <span>

namespace pgweir::net {

namespace {

// inet_ntop() has printf() do it, which takes ten times as long.
std::string dotted(const in_addr& address) {
    std::array<char, INET_ADDRSTRLEN> text;
    char* end = text.data();
    for (const std::byte part : std::as_bytes(std::span(&address, 1))) {
        if (end != text.data()) *end++ = '.';
        end = std::to_chars(end, text.data() + text.size(), std::to_integer<unsigned>(part)).ptr;
    }
    return {text.data(), end};
}

}  // namespace

void describe_endpoint(const Endpoint& endpoint, std::string& address, std::uint16_t& port) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const sockaddr* raw = endpoint.data();
    port = 0;
    address = raw->sa_family == AF_UNIX ? "unix" : "-";
    if (raw->sa_family == AF_INET) {
        const auto* in = reinterpret_cast<const sockaddr_in*>(raw);
        address = dotted(in->sin_addr);
        port = ntohs(in->sin_port);
    } else if (raw->sa_family == AF_INET6) {
        const auto* in = reinterpret_cast<const sockaddr_in6*>(raw);
        address = ::inet_ntop(AF_INET6, &in->sin6_addr, text.data(), text.size());
        port = ntohs(in->sin6_port);
    }
}

}  // namespace pgweir::net
