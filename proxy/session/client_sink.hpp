// What the parts of the client machine hand to each other while requests are relayed. Internal to this room.
#pragma once

#include <optional>
#include <string_view>

#include "protocol/bytes.hpp"
#include "protocol/frame.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/session/client_machine.hpp"

namespace pgweir::session {

// The longest Query that is looked at whole; a longer one is relayed unread to the primary.
inline constexpr std::size_t kMaxWholeQuery = 1U << 20;
inline constexpr std::size_t kMaxHead = 16U << 10;  // portal and statement names of a Bind, Describe, Execute, Close
inline constexpr std::size_t kMaxSegment = 256U << 10;  // of an extended segment held back until its Sync

inline constexpr Violation kBadMessage{protocol::sqlstate::kProtocolViolation, "invalid message from client"};

// PostgreSQL's words for 25P02.
inline constexpr std::string_view kAborted = "current transaction is aborted, commands ignored until end of transaction block";

struct ClientMachine::Message {
    protocol::Tag tag;
    Bytes whole;        // header and the body, or the part of it that has come when `complete` is not set
    std::size_t size;   // of the whole message
    [[nodiscard]] Bytes body() const noexcept { return whole.subspan(protocol::kHeaderSize); }
    [[nodiscard]] bool complete() const noexcept { return whole.size() == size; }
};

struct ClientMachine::Sink {
    ServerMachine* server;  // null: a local segment
    Gather& to_server;
    Gather& to_client;
    Forwarded& result;

    [[nodiscard]] TransactionStatus status() const noexcept {
        return server == nullptr ? TransactionStatus::idle : server->status();
    }
};

// The NUL-terminated string at the front of `in`, which it is taken from; none if its end has not come.
[[nodiscard]] inline std::optional<std::string_view> take_string(Bytes& in) noexcept {
    const std::string_view text = as_text(in);
    const bool unnamed = !text.empty() && text.front() == '\0';  // as most statements and portals are
    const std::size_t end = unnamed ? 0 : text.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    in = in.subspan(end + 1);
    return text.substr(0, end);
}

// The text of a Query's body without its terminator; a body without one is judged as it is, and refused by the server.
[[nodiscard]] inline std::string_view query_text(Bytes body) noexcept {
    const std::string_view text = as_text(body);
    return !text.empty() && text.back() == '\0' ? text.substr(0, text.size() - 1) : text;
}

// Whether a whole message has the form that its tag calls for, as far as we read it. What is not looked at is true.
[[nodiscard]] bool well_formed(protocol::Tag tag, Bytes body) noexcept;

}  // namespace pgweir::session
