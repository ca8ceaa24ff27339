#include "proxy/net/replication.hpp"

#include "protocol/sqlstate.hpp"
#include "proxy/net/client.hpp"

namespace pgweir::net {

namespace {

constexpr int kReceivesPerWake = 8;
constexpr std::chrono::seconds kFlush{30};  // for the server to take what the client left
constexpr std::chrono::seconds kLinger{5};  // for it to hang up

}  // namespace

Replication::Replication(Worker& worker, BackendTarget target, Client& client)
    : Backend(worker, std::move(target)), client_(&client) {}

void Replication::logged_in(const session::ServerLogin& login) {
    ready_ = true;
    const std::string rest = std::exchange(partial_, {});
    client_->stream_ready(login);
    if (client_ != nullptr && !rest.empty()) relay(as_bytes(rest));
    if (client_ == nullptr || !client_->blocked()) arm_read();
}

void Replication::login_failed(std::string_view code, std::string_view message, bool final) {
    worker_.remove_backend(*this);
    if (Client* client = std::exchange(client_, nullptr)) client->stream_failed(code, message, final);
}

void Replication::relay(Bytes bytes) {
    worker_.counters().client_bytes_sent.add(bytes.size());
    client_->stream_bytes(bytes);
}

void Replication::on_session_readable() {
    if (client_ == nullptr) return linger();
    for (int i = 0; i < kReceivesPerWake; ++i) {
        const std::ptrdiff_t got = receive(worker_.scratch.data(), Worker::kScratch);
        if (got == kNothing) break;
        if (got == 0) return gone("server ended the connection");
        worker_.counters().server_bytes_received.add(static_cast<std::uint64_t>(got));
        relay(as_bytes({worker_.scratch.data(), static_cast<std::size_t>(got)}));
        if (client_->blocked()) return;  // its on_drained() arms us again
        if (static_cast<std::size_t>(got) < Worker::kScratch) break;
    }
    arm_read();
}

// It takes nothing any more, but its last words may be here already.
void Replication::on_session_lost() {
    for (int i = 0; i < kReceivesPerWake && client_ != nullptr; ++i) {
        const std::ptrdiff_t got = receive(worker_.scratch.data(), Worker::kScratch);
        if (got <= 0) break;
        relay(as_bytes({worker_.scratch.data(), static_cast<std::size_t>(got)}));
    }
    gone("server connection lost");
}

// Nothing that comes is wanted any more, but for its end.
void Replication::linger() {
    for (int i = 0; i < kReceivesPerWake; ++i) {
        const std::ptrdiff_t got = receive(worker_.scratch.data(), Worker::kScratch);
        if (got == kNothing) break;
        if (got == 0) return gone("");
    }
    arm_read();
}

void Replication::on_drained() {
    if (client_ != nullptr) return client_->resume();
    if (ready_) say_goodbye();
}

void Replication::leave() {
    client_ = nullptr;
    if (!ready_ || lost() || !open()) return gone("");
    give_up_ = worker_.now() + kFlush;
    if (!blocked()) return say_goodbye();
    arm_read();
}

void Replication::fence() {
    if (ready_ && client_ != nullptr) {
        const auto keep_alive = shared_from_this();
        client_->stream_fenced();
        if (open()) gone("");  // what has not been sent is not for this server any more
        return;
    }
    Client* client = std::exchange(client_, nullptr);
    if (client == nullptr) return;
    const auto keep_alive = shared_from_this();
    gone("");
    client->stream_failed(protocol::sqlstate::kCannotConnectNow, "the server is not the primary any more", false);
}

void Replication::say_goodbye() {
    give_up_ = worker_.now() + kLinger;
    end_sending();
    arm_read();
}

void Replication::gone(std::string_view why) {
    const auto keep_alive = shared_from_this();
    if (ready_) worker_.counters().server_disconnects.add();
    end_login();
    close_socket();
    worker_.remove_backend(*this);
    if (Client* client = std::exchange(client_, nullptr)) client->stream_over(why);
}

void Replication::tick(TimePoint now) {
    Backend::tick(now);
    if (client_ == nullptr && give_up_ != TimePoint{} && now >= give_up_) gone("");
}

ServerRow Replication::row() const {
    ServerRow row = Backend::row();
    row.state = logging_in() ? "login" : "replication";
    row.request_time = row.connect_time;
    row.link = client_ != nullptr ? client_->id() : 0;
    return row;
}

}  // namespace pgweir::net
