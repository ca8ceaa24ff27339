#include "proxy/net/endpoint.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <cstring>
#include <span>

namespace pgweir::net {

namespace {

// inet_ntop() has printf() do it, which takes ten times as long.
std::string dotted(std::span<const unsigned char, 4> address) {
    std::array<char, INET_ADDRSTRLEN> text;
    char* end = text.data();
    for (const unsigned part : address) {
        if (end != text.data()) *end++ = '.';
        end = std::to_chars(end, text.data() + text.size(), part).ptr;
    }
    return {text.data(), end};
}

}  // namespace

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
    if (family_ == AF_INET) return dotted(std::span(bytes_).first<4>());
    std::array<char, INET6_ADDRSTRLEN> text{};
    const char* shown = ::inet_ntop(family_, bytes_.data(), text.data(), text.size());
    return shown != nullptr ? shown : "-";
}

}  // namespace pgweir::net
