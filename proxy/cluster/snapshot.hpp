// What is known of a cluster's servers at one moment. Made by the control thread, read by every worker as const.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/lsn.hpp"
#include "proxy/cluster/breaker.hpp"
#include "proxy/cluster/lsn_text.hpp"
#include "proxy/cluster/samples.hpp"
#include "proxy/cluster/slow_start.hpp"

namespace pgweir::cluster {

using TimePoint = std::chrono::steady_clock::time_point;

// A server's place in Snapshot::servers, its own for as long as it is a member, and after that until nobody refers to it.
enum class HostIndex : std::uint32_t {};

[[nodiscard]] constexpr std::size_t index_of(HostIndex host) noexcept { return static_cast<std::size_t>(host); }

// Servers of a cluster at one time, those that have left and are still in use among them.
inline constexpr std::size_t kMaxServers = 256;

enum class Role : std::uint8_t { unknown, primary, replica };

// Why a server is in or out of the rotation for reads (semantics.md F).
enum class Rotation : std::uint8_t {
    in,
    unknown,
    unreachable,
    lagging,
    not_a_replica,
    wrong_system,
    zero_weight,
    breaker_open,
    fenced,  // it says that it is the primary and is not accepted as one (G)
};

struct ServerView {
    std::string name;
    std::string host;
    std::uint16_t port = 5432;
    std::uint32_t weight = 1;
    std::uint32_t ramp = SlowStart::kWhole;  // how much of the weight counts now, in thousandths
    std::string zone;
    bool local = false;          // in the proxy's own zone
    std::uint64_t identity = 0;  // identity_of(name)
    std::vector<std::string> addresses;  // Member::addresses
    std::uint64_t member = 0;            // its membership's number, unique in the process
    bool left_as_primary = false;        // of one that is gone
    bool gone = false;                   // it has left: never in rotation, never the primary, not to be shown
    Role role = Role::unknown;
    Rotation rotation = Rotation::unknown;
    bool reachable = false;                             // the last probe was answered in time
    std::optional<std::chrono::microseconds> lag_time;  // none: unknown, or more than the window
    std::optional<std::uint64_t> lag_bytes;
    // What the primary had committed at this time is replayed; none: not known. Of a replica that is in rotation.
    std::optional<TimePoint> current_at;
    std::chrono::microseconds round_trip{0};  // of probes, a decaying average; 0: none was answered
    Lsn position;  // replayed on a replica, inserted on a primary
    bool replay_paused = false;  // pg_wal_replay_pause() on a replica that answers
    std::uint32_t timeline = 0;
    std::uint64_t system_identifier = 0;
    std::uint32_t server_version = 0;  // as server_version_num
    std::string last_error;            // of the newest failed probe; empty when none failed since the last success
    // Raised whenever it was lost: behind a restart a replica may show less than before.
    std::uint32_t incarnation = 0;
    // How often each event of EventKind has been told of it.
    static constexpr std::size_t kEvents = 16;
    std::array<std::uint64_t, kEvents> transitions{};
    BreakerState breaker = BreakerState::closed;
    bool awaits_success = false;      // the control thread wants to be told of reads that it answers
    std::shared_ptr<Trials> trials;   // while its breaker is half open: each read that is sent there takes one

    // Of the reads, beside the other servers' shares.
    [[nodiscard]] std::uint64_t share() const noexcept { return std::uint64_t{weight} * ramp; }
};

struct Snapshot {
    std::uint64_t version = 0;  // grows with every snapshot
    std::string cluster;
    std::vector<ServerView> servers;
    std::optional<HostIndex> primary;
    std::uint64_t primary_changes = 0;  // since the start, the first primary included
    // The primary's history that `samples` belong to: raised with every change of the primary or of its timeline. 0: there
    // has been no primary yet.
    std::uint64_t epoch = 0;
    SampleRing samples;  // normalised
    std::uint32_t wal_segment_size = kDefaultWalSegmentSize;
    std::uint64_t arrivals = 0;  // raised when a replica comes into rotation, and when its slow start is over
    bool local_first = false;    // enough of the proxy's own zone is in rotation for all reads to stay there
    bool few_healthy = false;    // less than min_healthy_percent of the replicas' weight is in rotation

    // The primary, if it answers: whatever needs it is held while there is none.
    [[nodiscard]] std::optional<HostIndex> serving_primary() const noexcept {
        return primary && servers[index_of(*primary)].reachable ? primary : std::nullopt;
    }
    // No connection there may be used, nor a new one be made: it must not be taken for what it says it is (semantics.md G).
    [[nodiscard]] bool barred(HostIndex host) const noexcept {
        const Rotation rotation = servers[index_of(host)].rotation;
        return rotation == Rotation::fenced || rotation == Rotation::wrong_system;
    }
    [[nodiscard]] bool in_rotation(HostIndex host) const noexcept {
        return servers[index_of(host)].rotation == Rotation::in;
    }
};

}  // namespace pgweir::cluster
