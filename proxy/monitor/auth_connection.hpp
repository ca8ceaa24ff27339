// One connection that auth_query is asked on: made when needed, closed when idle, one question at a time. Nothing
// blocks.
#pragma once

#include <libpq-fe.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "proxy/monitor/auth_answer.hpp"
#include "proxy/monitor/fair_queue.hpp"
#include "proxy/monitor/pq_connection.hpp"

namespace pgweir::monitor {

struct AuthLimits {
    std::chrono::milliseconds timeout{5'000};  // of a question, from the moment that it is asked
    std::chrono::milliseconds idle{60'000};
    std::size_t waiting = 1'000;  // questions behind the one that is asked
};

class AuthConnection : public std::enable_shared_from_this<AuthConnection> {
  public:
    using Done = std::function<void(AuthAnswer)>;

    // `query`: its $1 is the name.
    AuthConnection(boost::asio::io_context& io, std::string query, const AuthLimits& limits);
    ~AuthConnection();
    AuthConnection(const AuthConnection&) = delete;
    AuthConnection& operator=(const AuthConnection&) = delete;

    // `to` is where the next question is asked: a connection that leads elsewhere is closed first. `source`: on whose behalf;
    // sources take turns. `done` is called once, later or from here.
    void ask(const ConnectionOptions& to, const std::string& source, std::string user, Done done);
    // Every question is answered with an error.
    void stop();
    // Neither connected nor asked anything.
    [[nodiscard]] bool unused() const noexcept { return connection_ == nullptr && !first_; }

  private:
    using TimePoint = std::chrono::steady_clock::time_point;
    struct Question {
        std::string user;
        Done done;
        TimePoint deadline;
        bool repeated = false;
    };

    void next();
    void connect();
    void connected(std::string error);
    void send_question();
    void take_answer(const PGresult* result);
    void answered(std::string error);
    void arm_timer();
    void on_time();
    void lost(const std::string& error);
    void answer_first(AuthAnswer answer);
    void time_out(const Question& question);
    void take_next();
    void fail_all(const std::string& error);
    void drop();

    boost::asio::io_context& io_;
    std::string query_;
    AuthLimits limits_;
    ConnectionOptions to_, connected_to_;
    std::optional<Question> first_;  // it is asked, or waits for the connection
    FairQueue<Question> waiting_;    // empty without a first
    AuthAnswer answer_;              // of the first
    std::shared_ptr<PqConnection> connection_;
    boost::asio::steady_timer timer_;
    bool connected_ = false;
    bool asking_ = false;
};

}  // namespace pgweir::monitor
