// What one probe of one server answered. Filled by the monitor, judged by ClusterState.
#pragma once

#include <cstdint>

#include "proxy/cluster/lsn_text.hpp"

namespace pgweir::cluster {

struct ProbeResult {
    std::uint64_t number = 0;  // given before the question was sent, see SampleClock
    bool in_recovery = false;
    Lsn position;  // pg_last_wal_replay_lsn() in recovery (0/0: nothing replayed), else pg_current_wal_insert_lsn()
    Lsn flushed;   // pg_current_wal_flush_lsn(): all that a primary sends; 0/0 in recovery
    bool replay_paused = false;
    std::uint64_t system_identifier = 0;
    std::uint32_t timeline = 0;
    std::uint32_t server_version = 0;  // server_version_num
    std::uint32_t wal_segment_size = kDefaultWalSegmentSize;
};

}  // namespace pgweir::cluster
