// What a client of a database with split = "shadow" has besides.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "proxy/net/client.hpp"
#include "proxy/session/answer_digest.hpp"

namespace pgweir::net {

struct Client::Shadow {
    // A read whose answer will be compared.
    struct Watched {
        std::string request;  // ClientMachine::standalone
        session::ParameterRef settings;
        std::optional<session::AnswerDigest> answer{};  // none: it has not been sent
    };

    routing::Route route;                     // where the segments since the link would have gone
    std::optional<cluster::HostIndex> host;  // the replica, if to one
    std::unique_ptr<Watched> watched;
};

}  // namespace pgweir::net
