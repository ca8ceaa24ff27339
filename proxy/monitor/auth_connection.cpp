#include "proxy/monitor/auth_connection.hpp"

#include <utility>

namespace pgweir::monitor {

using boost::asio::posix::stream_descriptor;

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
    std::vector<const char*> names, values;
    for (const auto& [name, value] : to_) {
        names.push_back(name.c_str());
        values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    connected_to_ = to_;
    connection_ = PQconnectStartParams(names.data(), values.data(), 0);
    if (connection_ == nullptr || PQstatus(connection_) == CONNECTION_BAD) return lost();
    PQsetnonblocking(connection_, 1);
    PQsetNoticeReceiver(
        connection_, [](void*, const PGresult*) {}, nullptr);  // not to standard error
    poll_connection(PGRES_POLLING_WRITING);
}

void AuthConnection::poll_connection(PostgresPollingStatusType status) {
    switch (status) {
        case PGRES_POLLING_READING:
            return wait_for(stream_descriptor::wait_read, &AuthConnection::continue_connecting);
        case PGRES_POLLING_WRITING:
            return wait_for(stream_descriptor::wait_write, &AuthConnection::continue_connecting);
        case PGRES_POLLING_OK:
            connected_ = true;
            return next();
        case PGRES_POLLING_ACTIVE:
        case PGRES_POLLING_FAILED:
            return lost();
    }
}

void AuthConnection::continue_connecting() { poll_connection(PQconnectPoll(connection_)); }

// libpq may have changed its socket in between, so it is wrapped anew for each wait.
void AuthConnection::wait_for(stream_descriptor::wait_type what, void (AuthConnection::*then)()) {
    if (socket_) socket_->release();
    socket_.reset();
    const int fd = PQsocket(connection_);
    if (fd < 0) return lost();
    socket_ = std::make_unique<stream_descriptor>(io_, fd);
    socket_->async_wait(what, [weak = weak_from_this(), round = round_, then](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (!error && self && round == self->round_ && self->connection_ != nullptr) ((*self).*then)();
    });
}

// The name is a parameter and never a part of the text.
void AuthConnection::send_question() {
    asking_ = true;
    answer_ = {{}, "auth_query was answered without rows", {}};
    const char* const values[] = {first_->user.c_str()};
    if (PQsendQueryParams(connection_, query_.c_str(), 1, nullptr, values, nullptr, nullptr, 0) == 0) return lost();
    flush();
}

void AuthConnection::flush() {
    const int left = PQflush(connection_);
    if (left < 0) return lost();
    if (left > 0) return wait_for(stream_descriptor::wait_write, &AuthConnection::flush);
    wait_for(stream_descriptor::wait_read, &AuthConnection::read_answer);
}

void AuthConnection::read_answer() {
    if (PQconsumeInput(connection_) == 0) return lost();
    while (PQisBusy(connection_) == 0) {
        PGresult* result = PQgetResult(connection_);
        if (result == nullptr) return answered();
        const bool good = PQresultStatus(result) == PGRES_TUPLES_OK;
        if (good) {
            answer_ = read_auth_answer(result, first_->user, std::chrono::system_clock::now());
        } else {
            answer_ = {{}, PQresultErrorMessage(result), {}};
        }
        PQclear(result);
    }
    wait_for(stream_descriptor::wait_read, &AuthConnection::read_answer);
}

void AuthConnection::answered() {
    if (PQstatus(connection_) != CONNECTION_OK) return lost();
    if (socket_) socket_->release();
    socket_.reset();
    asking_ = false;
    answer_first(std::exchange(answer_, {}));
    next();
}

// A connection that has lain idle may have been closed long ago: then once more on a new one.
void AuthConnection::lost() {
    const std::string error = connection_ == nullptr ? "out of memory" : PQerrorMessage(connection_);
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
    ++round_;
    if (socket_) socket_->release();
    socket_.reset();
    if (connection_ != nullptr) PQfinish(connection_);
    connection_ = nullptr;
    connected_ = asking_ = false;
}

}  // namespace pgweir::monitor
