// The console: `psql pgweir` as an administrator. Answers simple queries itself; what it knows is in commands.cpp.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "proxy/admin/sources.hpp"
#include "proxy/admin/stats_period.hpp"

namespace pgweir::admin {

// Who asks. Whoever got this far is a user of the console; not everyone is an administrator.
struct Session {
    std::string user;
    bool is_admin = false;
};

// Control thread only: a worker posts its client's query here and the reply back to itself.
class Console {
  public:
    // `io` runs on the control thread. `sources` must outlive the console, and the console the work of `io`.
    Console(boost::asio::io_context& io, const Sources& sources);
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    // Answers the text of one simple Query. `reply` is called exactly once, during the call or later on `io`, with the
    // whole answer: rows or an error, and ReadyForQuery('I'). When the workers do not answer within 5 s it is an error.
    // After stop() replies that wait for workers may be dropped.
    void execute(std::string_view sql, const Session& who, std::function<void(std::string wire)> reply);

    // Ends the timer of SHOW STATS' averages, so that `io` can run out of work.
    void stop();

  private:
    void sample_later();

    boost::asio::io_context& io_;
    const Sources& sources_;
    StatsPeriod period_;
    boost::asio::steady_timer timer_;
};

}  // namespace pgweir::admin
