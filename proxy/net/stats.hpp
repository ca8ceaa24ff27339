// One worker's counters: written by that worker alone with relaxed stores, read by a scrape from another thread.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>

#include "proxy/net/verdict.hpp"
#include "proxy/sql/reason.hpp"

namespace pgweir::net {

// A counter with a single writer.
class Counter {
  public:
    void add(std::uint64_t n = 1) noexcept { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

// A gauge with a single writer.
class Gauge {
  public:
    void set(std::int64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
    void add(std::int64_t n) noexcept { set(get() + n); }
    [[nodiscard]] std::int64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::int64_t> value_{0};
};

// Durations in buckets by powers of two: bucket i counts durations under 2^(i+4) microseconds (16 µs … 16·2^20 µs), the last the rest.
class Histogram {
  public:
    static constexpr std::size_t kBuckets = 22;

    void record(std::chrono::microseconds duration) noexcept {
        const auto us = static_cast<std::uint64_t>(duration.count() < 0 ? 0 : duration.count());
        const auto width = static_cast<std::size_t>(std::bit_width(us));
        const std::size_t bucket = width <= 4 ? 0 : width - 4;
        buckets_[bucket < kBuckets ? bucket : kBuckets - 1].add();
        sum_us_.add(us);
    }
    [[nodiscard]] std::uint64_t bucket(std::size_t i) const noexcept { return buckets_[i].get(); }
    [[nodiscard]] std::uint64_t sum_us() const noexcept { return sum_us_.get(); }
    // Upper bound of bucket i in microseconds, exclusive; meaningless for the last.
    [[nodiscard]] static constexpr std::uint64_t upper_us(std::size_t i) noexcept { return std::uint64_t{16} << i; }

  private:
    std::array<Counter, kBuckets> buckets_;
    Counter sum_us_;
};

// Why a client is held: its primary is away, or its database is paused.
enum class HoldCause : std::uint8_t { failover, pause };

struct WorkerStats {
    // One count per target (0 primary, 1 replica) and reason.
    std::array<std::array<Counter, sql::kReasonCount>, 2> routed;
    std::array<std::array<Counter, sql::kReasonCount>, 2> shadow_routed;  // split = "shadow": where they would have gone
    std::array<Counter, kVerdicts.size()> shadow_verified;  // by Verdict
    std::array<Counter, kSkips.size()> shadow_skipped;      // by Skip
    Counter clients_accepted, clients_refused, login_failures, protocol_violations;
    Counter transactions, queries, server_assignments;  // PgBouncer's total_xact_count, total_query_count, total_server_assignment_count
    Counter client_bytes_received, client_bytes_sent, server_bytes_received, server_bytes_sent;
    Counter transaction_us, query_us, wait_us;  // PgBouncer's total_xact_time, total_query_time, total_wait_time
    Counter freshness_waits, freshness_timeouts, freshness_wait_us;  // reads that waited for a replica to have what they must see
    Counter primary_read_waits;  // reads that waited for one of max_primary_reads places
    Counter reads_refused;       // answered with an error, for want of a server that may run them
    std::array<Counter, 2> holds;  // by HoldCause
    Counter hold_us, hold_timeouts, hold_refusals;
    Counter client_parses, server_parses, binds;
    std::array<Counter, 5> reads_run_again;  // by session::Refusal
    Counter statements_promoted;    // Parses without a name that became prepared statements of the server's
    Counter promotions_given_back;  // statements that turned out dearer so, and are run as they come for a while
    Counter statements_healed;  // outdated prepared statements that were made anew, and their segments sent again
    Counter server_connects, server_connect_failures, server_logins_failed, server_disconnects;
    Counter notifications_received, notifications_sent;  // from servers, and to clients
    Counter cancels_forwarded, cancels_dropped, handed_over, pins, probes, wait_timeouts;
    Gauge clients, clients_held, clients_waiting, servers_active, servers_idle, servers_login, replications, primary_reads;
    Histogram wait;                      // a client's wait for a server connection
    std::array<Histogram, 2> query;      // from a segment's first byte sent to its ReadyForQuery, by target
};

}  // namespace pgweir::net
