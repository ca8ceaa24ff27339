#include "proxy/monitor/prober.hpp"

#include "proxy/monitor/probe_query.hpp"

namespace pgweir::monitor {

using boost::asio::posix::stream_descriptor;

Prober::Prober(boost::asio::io_context& io, ProberOptions options, Answered answered, Failed failed)
    : io_(io),
      options_(std::move(options)),
      answered_(std::move(answered)),
      failed_(std::move(failed)),
      next_(io),
      deadline_(io) {}

Prober::~Prober() { drop(); }

void Prober::start() { ask(); }

void Prober::stop() {
    stopped_ = true;
    next_.cancel();
    deadline_.cancel();
    drop();
}

void Prober::hurry(std::chrono::milliseconds gap) {
    if (stopped_) return;
    const auto now = std::chrono::steady_clock::now();
    wanted_ = std::min(wanted_, std::max(now, asked_ + gap));
    if (asking_) return;
    if (wanted_ <= now) return ask();
    arm_next();
}

void Prober::ask() {
    if (stopped_) return;
    ++round_;
    asking_ = true;
    wanted_ = TimePoint::max();
    asked_ = std::chrono::steady_clock::now();
    next_.cancel();
    arm_deadline();
    kept_ = connection_ != nullptr;
    kept_ ? send_query() : connect();
}

void Prober::arm_deadline() {
    deadline_.expires_after(options_.timeout);
    deadline_.async_wait([self = shared_from_this(), round = round_](const boost::system::error_code& error) {
        if (error || self->stopped_ || !self->asking_ || round != self->round_) return;
        self->fail("no answer within " + std::to_string(self->options_.timeout.count()) + " ms", cluster::ProbeFailure::missed);
    });
}

void Prober::connect() {
    std::vector<const char*> names;
    std::vector<const char*> values;
    for (const auto& [name, value] : options_.connection) {
        names.push_back(name.c_str());
        values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    connection_ = PQconnectStartParams(names.data(), values.data(), 0);
    if (connection_ == nullptr || PQstatus(connection_) == CONNECTION_BAD) {
        return fail(connection_ == nullptr ? "out of memory" : PQerrorMessage(connection_));
    }
    PQsetnonblocking(connection_, 1);
    PQsetNoticeReceiver(
        connection_, [](void*, const PGresult*) {}, nullptr);  // not to standard error
    poll_connection(PGRES_POLLING_WRITING);
}

void Prober::poll_connection(PostgresPollingStatusType status) {
    switch (status) {
        case PGRES_POLLING_READING:
            return wait_for(stream_descriptor::wait_read, &Prober::continue_connecting);
        case PGRES_POLLING_WRITING:
            return wait_for(stream_descriptor::wait_write, &Prober::continue_connecting);
        case PGRES_POLLING_OK:
            return send_query();
        case PGRES_POLLING_ACTIVE:
        case PGRES_POLLING_FAILED:
            return fail(PQerrorMessage(connection_));
    }
}

void Prober::continue_connecting() { poll_connection(PQconnectPoll(connection_)); }

// libpq may have changed its socket in between, so it is wrapped anew for each wait.
void Prober::wait_for(stream_descriptor::wait_type what, void (Prober::*next)()) {
    if (socket_) socket_->release();
    const int fd = PQsocket(connection_);
    if (fd < 0) return fail("connection lost");
    socket_ = std::make_unique<stream_descriptor>(io_, fd);
    socket_->async_wait(
        what, [self = shared_from_this(), round = round_, next](const boost::system::error_code& error) {
            if (error || self->stopped_ || !self->asking_ || round != self->round_ || self->connection_ == nullptr)
                return;
            ((*self).*next)();
        });
}

void Prober::send_query() {
    started_ = std::chrono::steady_clock::now();
    number_ = options_.number ? options_.number() : 0;
    if (PQsendQuery(connection_, kProbeSql) == 0) return fail(PQerrorMessage(connection_));
    wait_for(stream_descriptor::wait_read, &Prober::read_answer);
}

void Prober::read_answer() {
    PQflush(connection_);
    if (PQconsumeInput(connection_) == 0) return fail(PQerrorMessage(connection_));
    std::optional<cluster::ProbeResult> probe;
    while (PQisBusy(connection_) == 0) {
        PGresult* result = PQgetResult(connection_);
        if (result == nullptr) {
            if (!probe) return fail("the probe was answered without a row");
            probe->number = number_;
            finish();
            watch();
            return answered_(*probe, started_);
        }
        const bool good = PQresultStatus(result) == PGRES_TUPLES_OK;
        const std::string error = good ? std::string{} : PQresultErrorMessage(result);
        probe = good ? read_probe(result) : std::nullopt;
        PQclear(result);
        if (!probe) return fail(good ? "the probe's answer could not be read" : error);
    }
    wait_for(stream_descriptor::wait_read, &Prober::read_answer);
}

// This probe is over: the next one comes an interval after this one began.
void Prober::finish() {
    asking_ = false;
    deadline_.cancel();
    if (socket_) socket_->release();
    socket_.reset();
    if (stopped_) return;
    arm_next();
}

void Prober::arm_next() {
    next_.expires_at(std::min(wanted_, std::max(std::chrono::steady_clock::now(), asked_ + options_.interval)));
    next_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error && !self->asking_) self->ask();
    });
}

// Between two questions only the connection's end matters: a server that restarts within an interval may come back with
// less replayed than it had, and must not pass for the one that was asked.
void Prober::watch() {
    if (stopped_) return;
    socket_ = std::make_unique<stream_descriptor>(io_, PQsocket(connection_));
    socket_->async_wait(stream_descriptor::wait_read,
                        [self = shared_from_this(), round = round_](const boost::system::error_code& error) {
                            const bool idle = !self->stopped_ && !self->asking_ && round == self->round_;
                            if (!error && idle && self->connection_ != nullptr) self->on_idle_event();
                        });
}

void Prober::on_idle_event() {
    socket_->release();
    if (PQconsumeInput(connection_) != 0) return watch();  // a notice, or a setting that was reloaded
    std::string error = PQerrorMessage(connection_);
    drop();
    hurry(options_.interval / 10);
    failed_(cluster::ProbeFailure::refused, std::move(error));
}

// A connection that has died since the last probe may be all that is wrong: then a new one finds out now what is there.
void Prober::fail(std::string error, cluster::ProbeFailure how) {
    const bool again = kept_ && how == cluster::ProbeFailure::refused;
    drop();
    finish();
    failed_(how, std::move(error));
    if (again) hurry();
}

void Prober::drop() {
    if (socket_) socket_->release();
    socket_.reset();
    if (connection_ != nullptr) PQfinish(connection_);
    connection_ = nullptr;
}

}  // namespace pgweir::monitor
