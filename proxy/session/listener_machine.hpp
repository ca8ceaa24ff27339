// The session that listens for many clients: LISTENs and UNLISTENs on one server connection, and the notifications that
// come. Sans-io. semantics.md D.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/bytes.hpp"

namespace pgweir::session {

class ListenerMachine {
  public:
    struct Event {
        enum class Kind : std::uint8_t {
            listening,     // to `channel`, from now on
            failed,        // `channel` could not be listened to: `code` and `text`
            notification,  // on `channel`; `text` is the whole message
        };
        Kind kind = Kind::listening;
        std::string channel, code, text;
    };

    // Appends the request; its answer is an event.
    void ask(std::string_view channel, std::string& to_server);
    void unask(std::string_view channel, std::string& to_server);

    // Works through whole messages at the front of `in`, which may be up to kMaxMessage long. Returns how many bytes were
    // taken; none: the server broke the protocol, or ended the session with an error.
    static constexpr std::uint32_t kMaxMessage = 60'000;  // a payload has at most 8000 bytes
    [[nodiscard]] bool on_bytes(Bytes in, std::size_t& consumed, std::vector<Event>& events);

    [[nodiscard]] bool quiet() const noexcept { return asked_.empty(); }

  private:
    struct Asked {
        std::string channel;
        bool listen = true;
        bool failed = false;
        std::string code{}, text{};  // of the failure
    };

    [[nodiscard]] bool on_message(char tag, Bytes whole, std::vector<Event>& events);
    void on_done(std::vector<Event>& events);
    [[nodiscard]] bool on_error(Bytes body);
    [[nodiscard]] static bool on_notification(Bytes whole, std::vector<Event>& events);

    std::deque<Asked> asked_;
};

}  // namespace pgweir::session
