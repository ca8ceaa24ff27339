#include "proxy/monitor/pq_connection.hpp"

#include <utility>
#include <vector>

namespace pgweir::monitor {

using boost::asio::posix::stream_descriptor;

void PqConnection::connect(const ConnectionOptions& to, Done done) {
    done_ = std::move(done);
    std::vector<const char*> names, values;
    for (const auto& [name, value] : to) {
        names.push_back(name.c_str());
        values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    connection_ = PQconnectStartParams(names.data(), values.data(), 0);
    if (connection_ == nullptr || PQstatus(connection_) == CONNECTION_BAD) return lost();
    PQsetnonblocking(connection_, 1);
    PQsetNoticeReceiver(
        connection_, [](void*, const PGresult*) {}, nullptr);  // not to standard error
    poll(PGRES_POLLING_WRITING);
}

void PqConnection::poll(PostgresPollingStatusType status) {
    switch (status) {
        case PGRES_POLLING_READING: return wait_for(stream_descriptor::wait_read, &PqConnection::go_on_connecting);
        case PGRES_POLLING_WRITING: return wait_for(stream_descriptor::wait_write, &PqConnection::go_on_connecting);
        case PGRES_POLLING_OK: return finish({});
        case PGRES_POLLING_ACTIVE:
        case PGRES_POLLING_FAILED: return lost();
    }
}

void PqConnection::ask(const std::string& sql, const std::optional<std::string>& parameter, OnResult on_result, Done done) {
    on_result_ = std::move(on_result);
    done_ = std::move(done);
    const char* const values[] = {parameter ? parameter->c_str() : nullptr};
    const int sent = parameter ? PQsendQueryParams(connection_, sql.c_str(), 1, nullptr, values, nullptr, nullptr, 0)
                               : PQsendQuery(connection_, sql.c_str());
    if (sent == 0) return lost();
    flush();
}

void PqConnection::flush() {
    const int left = PQflush(connection_);
    if (left < 0) return lost();
    if (left > 0) return wait_for(stream_descriptor::wait_write, &PqConnection::flush);
    wait_for(stream_descriptor::wait_read, &PqConnection::read);
}

void PqConnection::read() {
    if (PQconsumeInput(connection_) == 0) return lost();
    while (PQisBusy(connection_) == 0) {
        PGresult* result = PQgetResult(connection_);
        if (result == nullptr) return PQstatus(connection_) == CONNECTION_OK ? finish({}) : lost();
        on_result_(result);
        PQclear(result);
    }
    wait_for(stream_descriptor::wait_read, &PqConnection::read);
}

// libpq may have changed its socket in between, so it is wrapped anew for each wait.
void PqConnection::wait_for(stream_descriptor::wait_type what, Step then) {
    leave_socket();
    const int fd = PQsocket(connection_);
    if (fd < 0) return lost();
    socket_ = std::make_unique<stream_descriptor>(io_, fd);
    socket_->async_wait(what, [weak = weak_from_this(), then](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (!error && self && self->connection_ != nullptr) ((*self).*then)();
    });
}

void PqConnection::leave_socket() {
    if (socket_) socket_->release();
    socket_.reset();
}

void PqConnection::finish(std::string error) {
    leave_socket();
    on_result_ = nullptr;
    if (const Done done = std::exchange(done_, nullptr)) done(std::move(error));
}

void PqConnection::lost() {
    std::string error = connection_ == nullptr ? "out of memory" : PQerrorMessage(connection_);
    if (error.empty()) error = "connection lost";
    finish(std::move(error));
}

void PqConnection::close() {
    leave_socket();
    on_result_ = nullptr;
    done_ = nullptr;
    if (connection_ != nullptr) PQfinish(connection_);
    connection_ = nullptr;
}

}  // namespace pgweir::monitor
