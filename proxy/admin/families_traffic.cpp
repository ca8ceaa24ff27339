#include <array>

#include "proxy/admin/families.hpp"
#include "proxy/admin/family_builder.hpp"

namespace pgweir::admin {

namespace {

using net::WorkerStats;

struct CounterRow {
    std::string_view name, help;
    net::Counter WorkerStats::*field;
    double unit = 1;
};

struct GaugeRow {
    std::string_view name, help;
    net::Gauge WorkerStats::*field;
};

// pgbouncer_exporter's stems where the meaning is the same.
constexpr auto kCounters = std::to_array<CounterRow>({
    {"pgweir_clients_accepted_total", "Client connections accepted", &WorkerStats::clients_accepted},
    {"pgweir_clients_refused_total", "Client connections refused at a limit", &WorkerStats::clients_refused},
    {"pgweir_login_failures_total", "Clients that failed to authenticate", &WorkerStats::login_failures},
    {"pgweir_protocol_violations_total", "Clients dropped for malformed messages", &WorkerStats::protocol_violations},
    {"pgweir_stats_sql_transactions_pooled_total", "SQL transactions pooled", &WorkerStats::transactions},
    {"pgweir_stats_queries_pooled_total", "SQL queries pooled", &WorkerStats::queries},
    {"pgweir_stats_server_assignments_total", "Server connections given to a client", &WorkerStats::server_assignments},
    {"pgweir_stats_received_bytes_total", "Bytes received from clients", &WorkerStats::client_bytes_received},
    {"pgweir_stats_sent_bytes_total", "Bytes sent to clients", &WorkerStats::client_bytes_sent},
    {"pgweir_stats_server_in_transaction_seconds_total", "Time of server connections in a transaction",
     &WorkerStats::transaction_us, kMicrosecond},
    {"pgweir_stats_queries_duration_seconds_total", "Time of server connections executing queries",
     &WorkerStats::query_us, kMicrosecond},
    {"pgweir_stats_client_wait_seconds_total", "Time of clients waiting for a server connection", &WorkerStats::wait_us,
     kMicrosecond},
    {"pgweir_stats_client_parses_total", "Statements prepared by clients", &WorkerStats::client_parses},
    {"pgweir_stats_server_parses_total", "Statements prepared on servers", &WorkerStats::server_parses},
    {"pgweir_stats_binds_total", "Prepared statements bound", &WorkerStats::binds},
    {"pgweir_notifications_received_total", "NOTIFYs that came on shared listening connections", &WorkerStats::notifications_received},
    {"pgweir_notifications_sent_total", "Notifications sent to clients that listen through them", &WorkerStats::notifications_sent},
    {"pgweir_statements_promoted_total", "Statements without a name that were run as prepared ones (promote_unnamed)",
     &WorkerStats::statements_promoted},
    {"pgweir_promotions_given_back_total", "Statements that were dearer as prepared ones, and are run as they come for a while",
     &WorkerStats::promotions_given_back},
    {"pgweir_statements_healed_total", "Outdated prepared statements made anew, and their segments sent again",
     &WorkerStats::statements_healed},
    {"pgweir_servers_received_bytes_total", "Bytes received from servers", &WorkerStats::server_bytes_received},
    {"pgweir_servers_sent_bytes_total", "Bytes sent to servers", &WorkerStats::server_bytes_sent},
    {"pgweir_server_connects_total", "Server connections made", &WorkerStats::server_connects},
    {"pgweir_server_connect_failures_total", "Server connections that could not be made",
     &WorkerStats::server_connect_failures},
    {"pgweir_server_login_failures_total", "Server connections refused at login", &WorkerStats::server_logins_failed},
    {"pgweir_server_disconnects_total", "Server connections closed", &WorkerStats::server_disconnects},
    {"pgweir_cancels_forwarded_total", "Cancel requests sent on to a server", &WorkerStats::cancels_forwarded},
    {"pgweir_cancels_dropped_total", "Cancel requests without a query to cancel", &WorkerStats::cancels_dropped},
    {"pgweir_servers_handed_over_total", "Server connections handed to another worker", &WorkerStats::handed_over},
    {"pgweir_pins_total", "Sessions that began to hold their server connection", &WorkerStats::pins},
    {"pgweir_session_probes_total", "Questions about what a session left on its server connection",
     &WorkerStats::probes},
    {"pgweir_freshness_waits_total", "Reads that waited for a replica that has what they must see", &WorkerStats::freshness_waits},
    {"pgweir_freshness_wait_timeouts_total", "Of these, those that waited in vain", &WorkerStats::freshness_timeouts},
    {"pgweir_freshness_wait_seconds_total", "Time that they waited", &WorkerStats::freshness_wait_us, kMicrosecond},
    {"pgweir_primary_read_waits_total", "Reads that waited for a place on the primary (max_primary_reads)", &WorkerStats::primary_read_waits},
    {"pgweir_reads_refused_total", "Reads answered with an error, for want of a server that may run them", &WorkerStats::reads_refused},
    {"pgweir_hold_seconds_total", "Time of clients held", &WorkerStats::hold_us, kMicrosecond},
    {"pgweir_hold_timeouts_total", "Held clients that got an error after failover_wait", &WorkerStats::hold_timeouts},
    {"pgweir_hold_refusals_total", "Clients that got the error at once, being more than failover_max_waiters",
     &WorkerStats::hold_refusals},
    {"pgweir_wait_timeouts_total", "Clients that waited longer than query_wait_timeout", &WorkerStats::wait_timeouts},
});

constexpr auto kGauges = std::to_array<GaugeRow>({
    {"pgweir_used_clients", "Client connections", &WorkerStats::clients},
    {"pgweir_waiting_clients", "Clients waiting for a server connection", &WorkerStats::clients_waiting},
    {"pgweir_held_clients", "Clients held since their primary is away or their database is paused", &WorkerStats::clients_held},
    {"pgweir_active_servers", "Server connections in use by a client", &WorkerStats::servers_active},
    {"pgweir_idle_servers", "Server connections ready for a client", &WorkerStats::servers_idle},
    {"pgweir_login_servers", "Server connections being made", &WorkerStats::servers_login},
    {"pgweir_primary_reads", "Reads that hold a place on the primary (max_primary_reads)", &WorkerStats::primary_reads},
    {"pgweir_replication_connections", "Replication clients, each with a server connection of its own",
     &WorkerStats::replications},
});

constexpr std::array<std::string_view, 2> kHoldCauses = {"failover", "pause"};  // by net::HoldCause

void add_holds(Families& out, const std::vector<const net::WorkerStats*>& workers) {
    prometheus::MetricFamily& family = out.emplace_back(counter_family("pgweir_holds_total", "Times that a client was held, by cause"));
    for (std::size_t cause = 0; cause < kHoldCauses.size(); ++cause) {
        std::uint64_t sum = 0;
        for (const WorkerStats* worker : workers) sum += worker->holds[cause].get();
        add_sample(family, static_cast<double>(sum), {label("cause", kHoldCauses[cause])});
    }
}

}  // namespace

void add_traffic(Families& out, const std::vector<const net::WorkerStats*>& workers) {
    for (const CounterRow& row : kCounters) {
        std::uint64_t sum = 0;
        for (const WorkerStats* worker : workers) sum += (worker->*row.field).get();
        add_sample(out.emplace_back(counter_family(row.name, row.help)), static_cast<double>(sum) * row.unit);
    }
    for (const GaugeRow& row : kGauges) {
        std::int64_t sum = 0;
        for (const WorkerStats* worker : workers) sum += (worker->*row.field).get();
        add_sample(out.emplace_back(gauge_family(row.name, row.help)), static_cast<double>(sum));
    }
    add_holds(out, workers);
}

}  // namespace pgweir::admin
