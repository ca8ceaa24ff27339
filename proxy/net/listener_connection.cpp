#include "proxy/net/listener_connection.hpp"

#include <spdlog/spdlog.h>

#include <cstring>

#include "protocol/message.hpp"
#include "proxy/net/listen_hub.hpp"
#include "proxy/net/worker.hpp"
#include "proxy/session/printable.hpp"

namespace pgweir::net {

namespace {

constexpr std::chrono::seconds kKeep{60};  // a connection that nobody needs any more

}  // namespace

ListenerConnection::ListenerConnection(Worker& worker, ListenHub& hub, BackendTarget target)
    : Backend(worker, std::move(target)), hub_(hub), unused_since_(worker.now()) {}

void ListenerConnection::listen(const std::string& channel, pool::WorkerId who, std::uint64_t subscription) {
    Channel& entry = channels_[channel];
    entry.workers.insert_or_assign(who, subscription);
    if (entry.ready) return tell_ready(channel, who, subscription);
    if (entry.workers.size() > 1) return;  // asked for already
    machine_.ask(channel, requests_);
    send_requests();
}

void ListenerConnection::unlisten(const std::string& channel, pool::WorkerId who) {
    const auto entry = channels_.find(channel);
    if (entry == channels_.end()) return;
    entry->second.workers.erase(who);
    if (!entry->second.workers.empty()) return;
    channels_.erase(entry);
    machine_.unask(channel, requests_);
    send_requests();
    if (channels_.empty()) unused_since_ = worker_.now();
}

void ListenerConnection::send_requests() {
    if (!logged_in_ || requests_.empty()) return;
    worker_.counters().server_bytes_sent.add(requests_.size());
    send(as_bytes(requests_));
    requests_.clear();
}

void ListenerConnection::logged_in(const session::ServerLogin&) {
    logged_in_ = true;
    spdlog::info("event=listener_started database={} server={} pid={}", session::log_value(database()), server_name(), pid());
    send_requests();
    arm_read();
}

void ListenerConnection::login_failed(std::string_view code, std::string_view message, bool) {
    done_ = true;
    const std::string text = "the connection that listens could not log in: " + std::string(message);
    for (const auto& [channel, entry] : channels_) tell_failed(channel, std::string(code), text);
    hub_.remove(*this);
}

void ListenerConnection::tell_ready(const std::string& channel, pool::WorkerId who, std::uint64_t subscription) {
    worker_.to_hub(who, [database = database(), channel, subscription](ListenHub& hub) { hub.ready(database, channel, subscription); });
}

void ListenerConnection::tell_failed(const std::string& channel, const std::string& code, const std::string& text) {
    for (const auto& [who, subscription] : channels_[channel].workers) {
        worker_.to_hub(who, [database = database(), channel, number = subscription, code, text](ListenHub& hub) {
            hub.failed(database, channel, number, code, text);
        });
    }
}

void ListenerConnection::on_session_readable() {
    const std::size_t kept = partial_.size();
    std::memcpy(worker_.scratch.data(), partial_.data(), kept);
    const std::ptrdiff_t got = receive(worker_.scratch.data() + kept, Worker::kScratch - kept);
    if (got == kNothing) return arm_read();
    if (got == 0) return close("the server ended the connection that listens");
    worker_.counters().server_bytes_received.add(static_cast<std::uint64_t>(got));
    const Bytes bytes = as_bytes({worker_.scratch.data(), kept + static_cast<std::size_t>(got)});
    std::vector<session::ListenerMachine::Event> events;
    std::size_t consumed = 0;
    const bool good = machine_.on_bytes(bytes, consumed, events);
    partial_.assign(as_text(bytes.subspan(consumed)));
    for (const auto& event : events) on_event(event);
    if (!good) return close("the server ended the connection that listens");
    arm_read();
}

void ListenerConnection::on_event(const session::ListenerMachine::Event& event) {
    using Kind = session::ListenerMachine::Event::Kind;
    const auto entry = channels_.find(event.channel);
    if (entry == channels_.end()) return;  // nobody wants it any more
    const std::string& channel = event.channel;
    switch (event.kind) {
        case Kind::listening:
            entry->second.ready = true;
            for (const auto& [who, subscription] : entry->second.workers) tell_ready(channel, who, subscription);
            return;
        case Kind::failed:
            tell_failed(channel, event.code, event.text);
            channels_.erase(entry);
            return;
        case Kind::notification:
            worker_.counters().notifications_received.add();
            const auto message = std::make_shared<const std::string>(event.text);
            for (const auto& [who, subscription] : entry->second.workers) {
                worker_.to_hub(who, [database = database(), channel, message](ListenHub& hub) { hub.notified(database, channel, message); });
            }
            return;
    }
}

void ListenerConnection::close(const std::string& why) {
    if (std::exchange(done_, true)) return;
    const auto keep_alive = shared_from_this();
    spdlog::info("event=listener_ended database={} server={} cause={}", session::log_value(database()), server_name(),
                 session::log_value(why));
    std::set<pool::WorkerId> everybody;
    for (const auto& [channel, entry] : channels_) {
        for (const auto& [who, subscription] : entry.workers) everybody.insert(who);
    }
    for (const pool::WorkerId who : everybody) {
        worker_.to_hub(who, [database = database(), why](ListenHub& hub) { hub.lost(database, why); });
    }
    channels_.clear();
    close_socket();
    hub_.remove(*this);
}

void ListenerConnection::tick(TimePoint now) {
    Backend::tick(now);
    if (done_ || !logged_in_ || !channels_.empty() || now - unused_since_ < kKeep) return;
    std::string out;
    protocol::append_terminate(out);
    send(as_bytes(out));
    close("nobody listens");
}

ServerRow ListenerConnection::row() const {
    ServerRow row = Backend::row();
    row.state = logged_in_ ? "listen" : "login";
    row.application_name = "pgweir_listen";
    return row;
}

}  // namespace pgweir::net
