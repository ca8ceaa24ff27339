// Asking the workers with a limit in time: a stuck worker must not leave a console or a scrape without an answer.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <optional>

#include "proxy/admin/sources.hpp"

namespace pgweir::admin {

// Calls `done` exactly once with the workers' rows, or with none after `limit`. At once and empty when there is no
// sources.inspect. A later answer is dropped.
void inspect_within(boost::asio::io_context& io, const Sources& sources, std::chrono::milliseconds limit,
                    std::function<void(std::optional<net::Inspection>)> done);

// Calls `done` exactly once: whether every worker has answered within `limit`. True at once when there is nobody to
// ask.
void ping_within(boost::asio::io_context& io, const Sources& sources, std::chrono::milliseconds limit,
                 std::function<void(bool answered)> done);

}  // namespace pgweir::admin
