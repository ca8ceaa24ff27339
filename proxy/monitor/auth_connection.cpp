#include "proxy/monitor/auth_connection.hpp"

#include <utility>

namespace pgweir::monitor {

AuthConnection::AuthConnection(boost::asio::io_context& io, std::string query, const AuthLimits& limits)
    : io_(io), query_(std::move(query)), limits_(limits), waiting_(limits.waiting), timer_(io) {}

AuthConnection::~AuthConnection() { drop(); }

void AuthConnection::ask(const ConnectionOptions& to, const std::string& source, std::string user, Done done) {
    to_ = to;
    Question question{std::move(user), std::move(done), std::chrono::steady_clock::now() + limits_.timeout};
    if (!first_) {
        first_ = std::move(question);
        return next();
    }
    const auto dropped = waiting_.push(source, std::move(question));
    if (dropped) dropped->done({{}, "too many logins wait for auth_query", {}});
}

void AuthConnection::stop() {
    timer_.cancel();
    drop();
    fail_all("pgweir is shutting down");
}

// Goes on with the first question, or waits for one.
void AuthConnection::next() {
    if (connected_ && connected_to_ != to_) drop();
    arm_timer();
    if (!first_) return;
    if (connection_ == nullptr) return connect();
    if (connected_ && !asking_) send_question();
}

void AuthConnection::connect() {
    connected_to_ = to_;
    connection_ = std::make_shared<PqConnection>(io_);
    const auto connection = connection_;  // it may be dropped before this is over
    connection->connect(to_, [this](std::string error) { connected(std::move(error)); });
}

void AuthConnection::connected(std::string error) {
    if (!error.empty()) return lost(error);
    connected_ = true;
    next();
}

// The name is a parameter and never a part of the text.
void AuthConnection::send_question() {
    asking_ = true;
    answer_ = {{}, "auth_query was answered without rows", {}};
    const auto connection = connection_;
    connection->ask(query_, first_->user, [this](const PGresult* result) { take_answer(result); },
                    [this](std::string error) { answered(std::move(error)); });
}

void AuthConnection::take_answer(const PGresult* result) {
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        answer_ = read_auth_answer(result, first_->user, std::chrono::system_clock::now());
    } else {
        answer_ = {{}, PQresultErrorMessage(result), {}};
    }
}

void AuthConnection::answered(std::string error) {
    if (!error.empty()) return lost(error);
    asking_ = false;
    answer_first(std::exchange(answer_, {}));
    next();
}

// A connection that has lain idle may have been closed long ago: then once more on a new one.
void AuthConnection::lost(const std::string& error) {
    const bool again = asking_ && !first_->repeated;
    drop();
    if (!again) return fail_all(error);
    first_->repeated = true;
    next();
}

void AuthConnection::arm_timer() {
    const auto now = std::chrono::steady_clock::now();
    timer_.expires_at(first_ ? first_->deadline : now + limits_.idle);
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (!error && self) self->on_time();
    });
}

void AuthConnection::on_time() {
    drop();  // idle for too long, or silent for too long
    if (!first_) return;
    const auto now = std::chrono::steady_clock::now();
    const auto overdue = waiting_.take_if([now](const Question& question) { return question.deadline <= now; });
    const Question silent = std::move(*first_);
    take_next();
    time_out(silent);
    for (const Question& question : overdue) time_out(question);
    next();
}

void AuthConnection::time_out(const Question& question) {
    question.done({{}, "auth_query was not answered within " + std::to_string(limits_.timeout.count()) + " ms", {}});
}

void AuthConnection::take_next() {
    first_.reset();
    if (!waiting_.empty()) first_ = waiting_.pop();
}

// `done` may ask something again.
void AuthConnection::answer_first(AuthAnswer answer) {
    const Done done = std::move(first_->done);
    take_next();
    done(std::move(answer));
}

void AuthConnection::fail_all(const std::string& error) {
    auto failed = waiting_.take_if([](const Question&) { return true; });
    if (first_) failed.insert(failed.begin(), std::move(*first_));
    first_.reset();
    for (const Question& question : failed) question.done({{}, error, {}});
}

void AuthConnection::drop() {
    if (connection_) connection_->close();
    connection_.reset();
    connected_ = asking_ = false;
}

}  // namespace pgweir::monitor
