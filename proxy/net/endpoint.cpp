#include "proxy/net/endpoint.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace pgweir::net {

Endpoint remote_endpoint(int fd) {
    Endpoint endpoint;
    auto size = static_cast<socklen_t>(endpoint.capacity());
    if (::getpeername(fd, endpoint.data(), &size) == 0) endpoint.resize(size);
    return endpoint;
}

ShownAddress::ShownAddress(const Endpoint& endpoint) noexcept : family_(endpoint.data()->sa_family) {
    if (family_ == AF_INET) {
        const auto* in = reinterpret_cast<const sockaddr_in*>(endpoint.data());
        std::memcpy(bytes_.data(), &in->sin_addr, sizeof in->sin_addr);
        port_ = ntohs(in->sin_port);
    } else if (family_ == AF_INET6) {
        const auto* in = reinterpret_cast<const sockaddr_in6*>(endpoint.data());
        std::memcpy(bytes_.data(), &in->sin6_addr, sizeof in->sin6_addr);
        port_ = ntohs(in->sin6_port);
    }
}

std::string ShownAddress::text() const {
    if (family_ == AF_UNIX) return "unix";
    std::array<char, INET6_ADDRSTRLEN> text{};
    const char* shown = ::inet_ntop(family_, bytes_.data(), text.data(), text.size());
    return shown != nullptr ? shown : "-";
}

}  // namespace pgweir::net
