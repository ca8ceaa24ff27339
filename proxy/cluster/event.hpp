// What changed in a cluster and why: one event is one line of the log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/cluster/snapshot.hpp"

namespace pgweir::cluster {

enum class EventKind : std::uint8_t {
    server_in,          // a replica came into rotation
    server_out,         // a replica left it
    server_state,       // the reason for being out changed
    primary_changed,    // `host` is the primary now
    primary_lost,       // `host` was the primary and is none any more; no other is known
    primary_away,       // `host` is the primary and does not answer: what needs it is held
    primary_back,       // it answers again, as the primary
    breaker_opened,     // a replica's circuit breaker: no reads
    breaker_half_open,  // a few reads, as a trial
    breaker_closed,     // as before
    slow_start_over,    // a replica that came back has its whole weight
    alarm,              // somebody should look: two primaries, a fenced old primary
};

inline constexpr std::size_t kEventKindCount = static_cast<std::size_t>(EventKind::alarm) + 1;
static_assert(kEventKindCount <= ServerView::kEvents);

struct Event {
    EventKind kind = EventKind::server_state;
    HostIndex host{};
    Rotation from = Rotation::unknown;  // of the server's rotation; equal to `to` for all but the server_* kinds
    Rotation to = Rotation::unknown;
    std::string cause;  // for people; may hold a server's own words, never a password

    friend bool operator==(const Event&, const Event&) = default;
};

[[nodiscard]] std::string_view to_text(EventKind kind) noexcept;
[[nodiscard]] std::string_view to_text(Rotation rotation) noexcept;
[[nodiscard]] std::string_view to_text(Role role) noexcept;

// `event=server_out cluster=main server=replica1 from=in to=lagging cause="…"`, always one line: control characters
// become spaces, quotes and backslashes are escaped.
[[nodiscard]] std::string format_event(const Event& event, std::string_view cluster, std::string_view server);

}  // namespace pgweir::cluster
