// What a client of a database with split = "shadow" has besides.
#pragma once

#include <optional>

#include "proxy/net/client.hpp"

namespace pgweir::net {

struct Client::Shadow {
    routing::Route route;                     // where the segments since the link would have gone
    std::optional<cluster::HostIndex> host;  // the replica, if to one
};

}  // namespace pgweir::net
