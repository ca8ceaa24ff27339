// What one session has written and seen, and so what a replica must have replayed before the session may read there
// (semantics.md E). Positions of another epoch than the snapshot's are never compared with what is in it.
//
// `next` is everywhere SampleClock::next(), asked for after the event: the first sample that starts after it.
#pragma once

#include <cstdint>
#include <optional>

#include "proxy/cluster/balancer.hpp"
#include "proxy/cluster/snapshot.hpp"

namespace pgweir::cluster {

class Causal {
  public:
    // Something ended on the primary that may have written. Every replica must have replayed it.
    void wrote(const Snapshot& snapshot, std::uint64_t next) noexcept;
    // Something ended on the primary that only read: it may have seen what no replica has.
    void saw_primary(const Snapshot& snapshot, std::uint64_t next) noexcept;
    // Something ended on this replica, which may be ahead of all that is known of it: it becomes the session's home, where
    // the session can go on reading without going back in time, unless it has been lost since (`incarnation`: its own when
    // it was chosen). Others must have replayed what it may have shown.
    void saw_replica(const Snapshot& snapshot, HostIndex host, std::uint32_t incarnation, std::uint64_t next) noexcept;
    // SET pgweir.read_after, normalised; 0/0 takes it back.
    void read_after(const Snapshot& snapshot, Lsn token, std::uint64_t next) noexcept;

    // For a read now. `arrived`: the number of the first sample that had not started when the read came, where it must see
    // all that was committed then (consistency = "global"); else 0.
    [[nodiscard]] Bound bound(const Snapshot& snapshot, std::uint64_t next, std::uint64_t arrived = 0) noexcept;

    // After bound(): some replica in rotation has all that the session wrote and asked for; what it lacks, if anything, is
    // what the session has seen elsewhere. That comes by itself within milliseconds.
    [[nodiscard]] bool lacks_only_sights(const Snapshot& snapshot) const noexcept;
    // A replica has come into rotation since the session chose its home: it should choose again when it can. True once for
    // each such change.
    [[nodiscard]] bool should_move(const Snapshot& snapshot) noexcept;
    // Home is in rotation with others, and none of these is admitted yet.
    [[nodiscard]] static bool held_at_home(const Snapshot& snapshot, const Bound& bound) noexcept;

  private:
    // A sample that has not completed, or the position that it gave.
    struct Need {
        std::uint64_t sample = 0;  // 0: none is awaited
        Lsn position;

        void await(std::uint64_t number) noexcept { sample = number; }
        void resolve(const SampleRing& samples) noexcept;
    };

    void renew(const Snapshot& snapshot, std::uint64_t next) noexcept;
    void leave_home_if_lost(const Snapshot& snapshot) noexcept;

    std::uint64_t epoch_ = 0;
    Need written_, seen_;
    Lsn token_;
    std::optional<HostIndex> home_;
    std::uint32_t incarnation_ = 0;  // of home_
    std::uint64_t arrivals_ = 0;     // when home_ was chosen
};

}  // namespace pgweir::cluster
