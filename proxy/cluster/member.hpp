// A server of a cluster as it is watched and connected to: configured, or found by discovery.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"

namespace pgweir::cluster {

struct Member : config::Server {
    Member() = default;
    explicit Member(config::Server server, std::vector<std::string> found = {})
        : config::Server(std::move(server)), addresses(std::move(found)) {}

    // Numeric, of `host`, in the order to be tried. Empty: `host` is an address or a folder of a Unix socket, or it is a name
    // that has not been found yet.
    std::vector<std::string> addresses;

    friend bool operator==(const Member& a, const Member& b) {
        return a.name == b.name && a.host == b.host && a.port == b.port && a.weight == b.weight && a.cluster == b.cluster && a.zone == b.zone &&
               a.addresses == b.addresses;
    }
};

}  // namespace pgweir::cluster
