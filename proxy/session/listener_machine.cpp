#include "proxy/session/listener_machine.hpp"

#include <algorithm>

#include "protocol/error_fields.hpp"
#include "protocol/frame.hpp"
#include "protocol/message.hpp"

namespace pgweir::session {

namespace {

namespace backend = protocol::backend;
using Kind = ListenerMachine::Event::Kind;

std::string quoted(std::string_view name) {
    std::string out = "\"";
    for (const char c : name) {
        if (c == '"') out += c;
        out += c;
    }
    return out + '"';
}

}  // namespace

void ListenerMachine::ask(std::string_view channel, std::string& to_server) {
    protocol::append_query(to_server, "LISTEN " + quoted(channel));
    asked_.push_back({.channel = std::string(channel)});
}

void ListenerMachine::unask(std::string_view channel, std::string& to_server) {
    protocol::append_query(to_server, "UNLISTEN " + quoted(channel));
    asked_.push_back({.channel = std::string(channel), .listen = false});
}

bool ListenerMachine::on_bytes(Bytes in, std::size_t& consumed, std::vector<Event>& events) {
    consumed = 0;
    while (true) {
        const Bytes rest = in.subspan(consumed);
        const auto frame = protocol::peek_frame(rest, kMaxMessage);
        if (!frame) return frame.error() == protocol::FrameError::incomplete;
        if (rest.size() < frame->size()) return true;
        consumed += frame->size();
        if (!on_message(static_cast<char>(frame->tag), rest.first(frame->size()), events)) return false;
    }
}

bool ListenerMachine::on_message(char tag, Bytes whole, std::vector<Event>& events) {
    switch (static_cast<protocol::Tag>(tag)) {
        case backend::kNotificationResponse: return on_notification(whole, events);
        case backend::kErrorResponse: return on_error(whole.subspan(protocol::kHeaderSize));
        case backend::kReadyForQuery: {
            if (asked_.empty()) return false;
            on_done(events);
            return true;
        }
        case backend::kCommandComplete: return !asked_.empty();
        case backend::kNoticeResponse:
        case backend::kParameterStatus: return true;
        default: return false;
    }
}

// A request that a later one takes back says nothing of how it is now.
void ListenerMachine::on_done(std::vector<Event>& events) {
    Asked done = std::move(asked_.front());
    asked_.pop_front();
    const bool superseded = std::ranges::any_of(asked_, [&](const Asked& later) { return later.channel == done.channel; });
    if (!done.listen || superseded) return;
    const Kind kind = done.failed ? Kind::failed : Kind::listening;
    events.push_back({.kind = kind, .channel = std::move(done.channel), .code = std::move(done.code), .text = std::move(done.text)});
}

bool ListenerMachine::on_error(Bytes body) {
    const auto fields = protocol::parse_error_fields(body);
    if (asked_.empty() || fields.severity != "ERROR") return false;
    asked_.front().failed = true;
    asked_.front().code = fields.code;
    asked_.front().text = fields.message;
    return true;
}

// The notifying backend's process id, the channel, the payload.
bool ListenerMachine::on_notification(Bytes whole, std::vector<Event>& events) {
    const std::string_view body = as_text(whole.subspan(protocol::kHeaderSize));
    if (body.size() < 6) return false;
    const std::string_view channel = body.substr(4, body.find('\0', 4) - 4);
    events.push_back({.kind = Kind::notification, .channel = std::string(channel), .code = {}, .text = std::string(as_text(whole))});
    return true;
}

}  // namespace pgweir::session
