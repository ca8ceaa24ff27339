// The log's line about a statement that took long ([log] min_duration_statement).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/routing/route.hpp"
#include "proxy/session/segment_text.hpp"

namespace pgweir::net {

struct SlowStatement {
    std::chrono::microseconds took{0};    // from being sent to a server until its ReadyForQuery
    std::chrono::microseconds waited{0};  // before that, for the server connection
    std::uint64_t client = 0;             // its id
    std::string_view user, database;
    std::string address;
    std::string_view application_name;
    std::uint16_t port = 0;
    std::string_view server;  // the configured name
    routing::Route route;
};

// One line of key=value. `text` gives the statement without literals.
[[nodiscard]] std::string slow_line(const SlowStatement& slow, const session::SegmentText& text);

}  // namespace pgweir::net
