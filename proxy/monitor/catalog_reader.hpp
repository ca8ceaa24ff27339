// Reads a database's catalog once, on a connection of its own.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "proxy/monitor/catalog_query.hpp"
#include "proxy/monitor/pq_connection.hpp"

namespace pgweir::monitor {

class CatalogReader : public std::enable_shared_from_this<CatalogReader> {
  public:
    // `error` empty: `answer` is whole. Called once, later or from start().
    using Done = std::function<void(CatalogAnswer answer, std::string error)>;

    explicit CatalogReader(boost::asio::io_context& io) : connection_(std::make_shared<PqConnection>(io)), limit_(io) {}

    void start(const ConnectionOptions& to, std::chrono::milliseconds timeout, Done done);
    // Ends it without a call.
    void stop();

  private:
    void ask();
    void finish(std::string error);

    std::shared_ptr<PqConnection> connection_;
    boost::asio::steady_timer limit_;
    CatalogAnswer answer_;
    Done done_;
};

// The same for a command line: `conninfo` is libpq's, a URI or keywords. Blocks. Throws std::runtime_error.
[[nodiscard]] sql::CatalogRows read_catalog(const std::string& conninfo);

}  // namespace pgweir::monitor
