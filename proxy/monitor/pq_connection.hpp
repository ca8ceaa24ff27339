// A connection of libpq's on an io_context: made, and asked one thing at a time, over the asynchronous calls. Nothing blocks.
#pragma once

#include <libpq-fe.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "proxy/monitor/server_options.hpp"

namespace pgweir::monitor {

// Time limits are the owner's: closing the connection, also by letting go of it, ends what is under way without a call.
// Every call back is the last thing that happens, so it may close the connection or ask again.
class PqConnection : public std::enable_shared_from_this<PqConnection> {
  public:
    using Done = std::function<void(std::string error)>;      // empty: all went well
    using OnResult = std::function<void(const PGresult*)>;  // it is the connection's

    explicit PqConnection(boost::asio::io_context& io) : io_(io) {}
    ~PqConnection() { close(); }
    PqConnection(const PqConnection&) = delete;
    PqConnection& operator=(const PqConnection&) = delete;

    // Once, and before anything else.
    void connect(const ConnectionOptions& to, Done done);
    // One or several statements; with a parameter: one, and it is $1. `done` with an error: the connection is lost. What
    // the server refuses is a result.
    void ask(const std::string& sql, const std::optional<std::string>& parameter, OnResult on_result, Done done);
    void close();

  private:
    using Step = void (PqConnection::*)();

    void poll(PostgresPollingStatusType status);
    void go_on_connecting() { poll(PQconnectPoll(connection_)); }
    void flush();
    void read();
    void wait_for(boost::asio::posix::stream_descriptor::wait_type what, Step then);
    void leave_socket();
    void finish(std::string error);
    void lost();

    boost::asio::io_context& io_;
    PGconn* connection_ = nullptr;
    std::unique_ptr<boost::asio::posix::stream_descriptor> socket_;
    OnResult on_result_;
    Done done_;
};

}  // namespace pgweir::monitor
