// Where the primary's log has got to, sample by sample, in the two ways that matter for its replicas.
#pragma once

#include <chrono>
#include <optional>

#include "protocol/lsn.hpp"
#include "proxy/cluster/lag_ring.hpp"

namespace pgweir::cluster {

class PrimaryLog {
  public:
    // For how long both are kept: LagRing.
    explicit PrimaryLog(std::chrono::microseconds window) noexcept : replayable_(window), inserted_(window) {}

    // `before` is the time before the query was sent; both positions are normalised.
    void add(TimePoint before, Lsn inserted, Lsn flushed);
    void clear() noexcept;
    void set_window(std::chrono::microseconds window) noexcept;

    // What replicas can have replayed, by which their lag is measured. A primary sends what it has flushed, and keeps what a
    // statement without a transaction id has logged (pruning, by one that failed) until something makes it flush: up to half a
    // minute on an idle one. Whole pages it flushes before that, and no replica can replay the record that goes on behind them.
    [[nodiscard]] const LagRing& replayable() const noexcept { return replayable_; }
    // All that is in the log: how old may be what a replica shows. A commit that did not wait for its flush is seen at once.
    [[nodiscard]] const LagRing& inserted() const noexcept { return inserted_; }

  private:
    void add_flushed(TimePoint before, Lsn flushed, bool may_be_within_a_record);

    struct Sample {
        TimePoint before;
        Lsn position;
    };
    LagRing replayable_;
    LagRing inserted_;
    std::optional<Sample> page_end_;  // flushed so far, and perhaps within a record: none can be told to have replayed it
};

}  // namespace pgweir::cluster
