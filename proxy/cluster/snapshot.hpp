// What is known of a cluster's servers at one moment. Made by the control thread, read by every worker as const.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/lsn.hpp"
#include "proxy/cluster/lsn_text.hpp"
#include "proxy/cluster/samples.hpp"

namespace pgweir::cluster {

using TimePoint = std::chrono::steady_clock::time_point;

// A server's place in Snapshot::servers, the same in every snapshot of a cluster between two reloads.
enum class HostIndex : std::uint32_t {};

[[nodiscard]] constexpr std::size_t index_of(HostIndex host) noexcept { return static_cast<std::size_t>(host); }

enum class Role : std::uint8_t { unknown, primary, replica };

// Why a server is in or out of the rotation for reads (semantics.md F).
enum class Rotation : std::uint8_t { in, unknown, unreachable, lagging, not_a_replica, wrong_system, zero_weight };

struct ServerView {
    std::string name;
    std::string host;
    std::uint16_t port = 5432;
    std::uint32_t weight = 1;
    Role role = Role::unknown;
    Rotation rotation = Rotation::unknown;
    bool reachable = false;                             // the last probe was answered in time
    std::optional<std::chrono::microseconds> lag_time;  // none: unknown, or more than the window
    std::optional<std::uint64_t> lag_bytes;
    // What the primary had committed at this time is replayed; none: not known. Of a replica that is in rotation.
    std::optional<TimePoint> current_at;
    std::chrono::microseconds round_trip{0};  // of probes, a decaying average; 0: none was answered
    Lsn position;  // replayed on a replica, inserted on a primary
    std::uint32_t timeline = 0;
    std::uint64_t system_identifier = 0;
    std::uint32_t server_version = 0;  // as server_version_num
    std::string last_error;            // of the newest failed probe; empty when none failed since the last success
    // Raised whenever it was lost: behind a restart a replica may show less than before.
    std::uint32_t incarnation = 0;
};

struct Snapshot {
    std::uint64_t version = 0;  // grows with every snapshot
    std::string cluster;
    std::vector<ServerView> servers;
    std::optional<HostIndex> primary;
    // The primary's history that `samples` belong to: raised with every change of the primary or of its timeline. 0: there
    // has been no primary yet.
    std::uint64_t epoch = 0;
    SampleRing samples;  // normalised
    std::uint32_t wal_segment_size = kDefaultWalSegmentSize;
    std::uint64_t arrivals = 0;  // raised when a replica comes into rotation

    [[nodiscard]] bool in_rotation(HostIndex host) const noexcept {
        return servers[index_of(host)].rotation == Rotation::in;
    }
};

}  // namespace pgweir::cluster
