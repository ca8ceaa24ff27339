#include "proxy/cluster/event.hpp"

#include <algorithm>

namespace pgweir::cluster {

namespace {

void append_value(std::string& out, std::string_view value) {
    out.push_back('"');
    for (const char c : value) {
        if (c == '"' || c == '\\') out.push_back('\\');
        const auto byte = static_cast<unsigned char>(c);
        out.push_back(byte < 0x20 || byte == 0x7f ? ' ' : c);
    }
    out.push_back('"');
}

// A name is quoted only when it needs to be.
void append_name(std::string& out, std::string_view name) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    };
    if (!name.empty() && std::all_of(name.begin(), name.end(), plain)) {
        out.append(name);
    } else {
        append_value(out, name);
    }
}

}  // namespace

std::string_view to_text(EventKind kind) noexcept {
    switch (kind) {
        case EventKind::server_in: return "server_in";
        case EventKind::server_out: return "server_out";
        case EventKind::server_state: return "server_state";
        case EventKind::primary_changed: return "primary_changed";
        case EventKind::primary_lost: return "primary_lost";
        case EventKind::alarm: return "alarm";
    }
    return "?";
}

std::string_view to_text(Rotation rotation) noexcept {
    switch (rotation) {
        case Rotation::in: return "in";
        case Rotation::unknown: return "unknown";
        case Rotation::unreachable: return "unreachable";
        case Rotation::lagging: return "lagging";
        case Rotation::not_a_replica: return "not_a_replica";
        case Rotation::wrong_system: return "wrong_system";
        case Rotation::zero_weight: return "zero_weight";
    }
    return "?";
}

std::string_view to_text(Role role) noexcept {
    switch (role) {
        case Role::unknown: return "unknown";
        case Role::primary: return "primary";
        case Role::replica: return "replica";
    }
    return "?";
}

std::string format_event(const Event& event, std::string_view cluster, std::string_view server) {
    std::string out = "event=";
    out.append(to_text(event.kind)).append(" cluster=");
    append_name(out, cluster);
    out.append(" server=");
    append_name(out, server);
    if (event.from != event.to) {
        out.append(" from=").append(to_text(event.from)).append(" to=").append(to_text(event.to));
    }
    out.append(" cause=");
    append_value(out, event.cause);
    return out;
}

}  // namespace pgweir::cluster
