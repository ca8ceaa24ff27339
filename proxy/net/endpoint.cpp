#include "proxy/net/endpoint.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

namespace pgweir::net {

void describe_endpoint(const Endpoint& endpoint, std::string& address, std::uint16_t& port) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const sockaddr* raw = endpoint.data();
    port = 0;
    address = raw->sa_family == AF_UNIX ? "unix" : "-";
    if (raw->sa_family == AF_INET) {
        const auto* in = reinterpret_cast<const sockaddr_in*>(raw);
        address = ::inet_ntop(AF_INET, &in->sin_addr, text.data(), text.size());
        port = ntohs(in->sin_port);
    } else if (raw->sa_family == AF_INET6) {
        const auto* in = reinterpret_cast<const sockaddr_in6*>(raw);
        address = ::inet_ntop(AF_INET6, &in->sin6_addr, text.data(), text.size());
        port = ntohs(in->sin6_port);
    }
}

}  // namespace pgweir::net
