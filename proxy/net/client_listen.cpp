// A client that listens through the shared connection (semantics.md D).
#include "protocol/frame.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/net/client.hpp"
#include "proxy/net/listen_hub.hpp"
#include "proxy/net/server.hpp"

namespace pgweir::net {

namespace sqlstate = protocol::sqlstate;

// The LISTEN at the front waits until the shared connection listens.
void Client::listen() {
    queued_ = worker_.now();
    awaits_channel_ = true;
    const std::string channel = machine_->wanted_channel();
    if (worker_.listen_hub().subscribe(*this, channel)) channel_ready(channel);
}

void Client::channel_ready(const std::string& channel) {
    if (!awaits_channel_ || machine_->wanted_channel() != channel) return;
    awaits_channel_ = false;
    machine_->channel_ready();
    resume();
}

void Client::channel_failed(const std::string& channel, std::string_view code, std::string_view message) {
    if (awaits_channel_ && machine_->wanted_channel() == channel) give_up_listening(code, message);
}

void Client::give_up_listening(std::string_view code, std::string_view message) {
    awaits_channel_ = false;
    worker_.listen_hub().unsubscribe(*this, machine_->wanted_channel());
    machine_->channel_failed(code, message);
    resume();
}

void Client::drop_channels() {
    if (state_ != State::session || !machine_) return;
    for (const std::string& channel : machine_->take_dropped_channels()) worker_.listen_hub().unsubscribe(*this, channel);
}

// As PostgreSQL: not within a transaction. Nor to a client that does not read.
bool Client::may_notify() const noexcept {
    if (state_ != State::session || blocked()) return false;
    if (machine_ && machine_->moving()) return false;
    return server_ == nullptr || (server_->machine().quiet() && server_->machine().status() == session::TransactionStatus::idle);
}

void Client::notify(const std::string& channel, const std::shared_ptr<const std::string>& message) {
    if (state_ != State::session) return;
    if (!notifications_) notifications_ = std::make_unique<Notifications>();
    notifications_->messages.emplace_back(channel, message);
    notifications_->bytes += message->size();
    if (may_notify()) return send_notifications();
    if (notifications_->bytes <= worker_.config().proxy.notification_buffer_size) return;
    fail(sqlstate::kConfigurationLimitExceeded, "too many notifications wait for this client (notification_buffer_size)");
}

void Client::session_idle() {
    drop_channels();
    send_notifications();
}

void Client::send_notifications() {
    if (!notifications_ || !may_notify()) return;
    const std::unique_ptr<Notifications> due = std::exchange(notifications_, nullptr);
    std::string out;
    for (const auto& [channel, message] : due->messages) {
        if (!machine_->listens_to(channel)) continue;
        if (!machine_->reads_utf8(std::string_view(*message).substr(protocol::kHeaderSize + 4))) {
            return fail(sqlstate::kFeatureNotSupported, "a notification cannot be converted to this client's encoding");
        }
        out += *message;
        worker_.counters().notifications_sent.add();
    }
    if (out.empty()) return;
    worker_.counters().client_bytes_sent.add(out.size());
    send(as_bytes(out));
}

}  // namespace pgweir::net
