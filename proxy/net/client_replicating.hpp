// What a replication client has: its stream from the primary.
#pragma once

#include <memory>

#include "proxy/net/backend.hpp"
#include "proxy/net/client.hpp"
#include "proxy/net/message_boundary.hpp"
#include "proxy/net/replication.hpp"

namespace pgweir::net {

struct Client::Replicating {
    BackendTarget target;  // its host is the primary at the time of the last attempt
    std::shared_ptr<Replication> stream;  // null: waiting for a primary, or over
    MessageBoundary boundary;             // of what the client was sent
    TimePoint retry;                      // when to try again, while homeless
    TimePoint over_since;
    bool begun = false;                   // the client was welcomed
    bool over = false;                    // the server's end came: closed when all has been sent
};

}  // namespace pgweir::net
