#include "proxy/cluster/event.hpp"

namespace pgweir::cluster {

std::string_view to_text(EventKind kind) noexcept {
    switch (kind) {
        case EventKind::server_in:
            return "server_in";
        case EventKind::server_out:
            return "server_out";
        case EventKind::server_state:
            return "server_state";
        case EventKind::primary_changed:
            return "primary_changed";
        case EventKind::primary_lost:
            return "primary_lost";
        case EventKind::primary_away:
            return "primary_away";
        case EventKind::primary_back:
            return "primary_back";
        case EventKind::breaker_opened:
            return "breaker_opened";
        case EventKind::breaker_half_open:
            return "breaker_half_open";
        case EventKind::breaker_closed:
            return "breaker_closed";
        case EventKind::slow_start_over:
            return "slow_start_over";
        case EventKind::alarm:
            return "alarm";
    }
    return "unknown";
}

std::string_view to_text(Rotation rotation) noexcept {
    switch (rotation) {
        case Rotation::in:
            return "in";
        case Rotation::unknown:
            return "unknown";
        case Rotation::unreachable:
            return "unreachable";
        case Rotation::lagging:
            return "lagging";
        case Rotation::not_a_replica:
            return "not_a_replica";
        case Rotation::wrong_system:
            return "wrong_system";
        case Rotation::fenced:
            return "fenced";
        case Rotation::zero_weight:
            return "zero_weight";
        case Rotation::breaker_open:
            return "breaker_open";
    }
    return "unknown";
}

std::string_view to_text(Role role) noexcept {
    switch (role) {
        case Role::unknown:
            return "unknown";
        case Role::primary:
            return "primary";
        case Role::replica:
            return "replica";
    }
    return "unknown";
}

std::string format_event(const Event& event, std::string_view cluster, std::string_view server) {
    std::string line = "event=" + std::string(to_text(event.kind)) + " cluster=" + std::string(cluster) +
                       " server=" + std::string(server);
    if (event.from != event.to) {
        line += " from=" + std::string(to_text(event.from)) + " to=" + std::string(to_text(event.to));
    }
    line += " cause=\"";
    for (const char c : event.cause) {
        if (c == '"' || c == '\\') line += '\\';
        line += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? ' ' : c;
    }
    return line + "\"";
}

}  // namespace pgweir::cluster
