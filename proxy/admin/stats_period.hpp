// The totals of SHOW STATS, and their averages over the last full minute.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "proxy/net/stats.hpp"

namespace pgweir::admin {

// PgBouncer's counters, summed over the workers. Times are microseconds.
struct Totals {
    std::uint64_t server_assignments = 0, transactions = 0, queries = 0, received = 0, sent = 0;
    std::uint64_t transaction_us = 0, query_us = 0, wait_us = 0;
    std::uint64_t client_parses = 0, server_parses = 0, binds = 0;
};

[[nodiscard]] Totals sum_totals(const std::vector<const net::WorkerStats*>& workers);

// The same fields: counts and bytes per second; times per transaction, query and server assignment, in microseconds.
using Averages = Totals;

// What happened between two readings; all zero when no time has passed.
[[nodiscard]] Averages averages_between(const Totals& before, const Totals& after, std::chrono::microseconds elapsed);

// Keeps the two newest readings, a minute apart (PgBouncer's stats_period).
class StatsPeriod {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::seconds kLength{60};

    explicit StatsPeriod(TimePoint start) : before_{start, {}}, after_{start, {}} {}

    // To be called every kLength.
    void sample(TimePoint now, const Totals& totals) noexcept;
    // Over the last full period; before there is one, from the start until now.
    [[nodiscard]] Averages averages(TimePoint now, const Totals& totals) const;

  private:
    struct Reading {
        TimePoint at;
        Totals totals;
    };
    Reading before_, after_;
};

}  // namespace pgweir::admin
