#include <array>

#include "proxy/admin/families.hpp"
#include "proxy/admin/family_builder.hpp"
#include "proxy/routing/route.hpp"

namespace pgweir::admin {

namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

// In the order in which WorkerStats counts them.
constexpr std::array kTargets = {routing::Target::primary, routing::Target::replica};

MetricFamily histogram_family(std::string_view name, std::string_view help) {
    return {std::string(name), std::string(help), MetricType::Histogram, {}};
}

using Routed = decltype(net::WorkerStats::routed);

void add_routed(MetricFamily& family, const std::vector<const net::WorkerStats*>& workers, const Routed net::WorkerStats::*routed) {
    for (std::size_t target = 0; target < kTargets.size(); ++target) {
        for (std::size_t reason = 0; reason < sql::kReasonCount; ++reason) {
            std::uint64_t sum = 0;
            for (const net::WorkerStats* worker : workers) sum += (worker->*routed)[target][reason].get();
            add_sample(family, static_cast<double>(sum),
                       {label("target", name(kTargets[target])), label("reason", name(static_cast<sql::Reason>(reason)))});
        }
    }
}

// By the index that WorkerStats uses: session::Refusal, whose first is none.
constexpr std::array<std::string_view, 5> kCauses = {"", "read_only", "conflict", "schema", "lost"};

void add_verified(Families& out, const std::vector<const net::WorkerStats*>& workers) {
    MetricFamily& family = out.emplace_back(
        counter_family("pgweir_shadow_verified_total", "Reads in the shadow that were run on a replica, too, by what came of it"));
    for (std::size_t verdict = 0; verdict < net::kVerdicts.size(); ++verdict) {
        std::uint64_t sum = 0;
        for (const net::WorkerStats* worker : workers) sum += worker->shadow_verified[verdict].get();
        add_sample(family, static_cast<double>(sum), {label("result", net::kVerdicts[verdict])});
    }
}

void add_run_again(Families& out, const std::vector<const net::WorkerStats*>& workers) {
    MetricFamily& family = out.emplace_back(counter_family(
        "pgweir_reads_run_again_total", "Reads that a replica did not run and that were run once more, by cause"));
    for (std::size_t cause = 1; cause < kCauses.size(); ++cause) {
        std::uint64_t sum = 0;
        for (const net::WorkerStats* worker : workers) sum += worker->reads_run_again[cause].get();
        add_sample(family, static_cast<double>(sum), {label("cause", kCauses[cause])});
    }
}

}  // namespace

void add_routing(Families& out, const std::vector<const net::WorkerStats*>& workers) {
    add_routed(out.emplace_back(counter_family("pgweir_queries_routed_total",
                                               "Statements by the target they were routed to and the reason")),
               workers, &net::WorkerStats::routed);
    add_routed(out.emplace_back(counter_family("pgweir_shadow_routed_total",
                                               "With split = \"shadow\": statements by where they would have gone and why")),
               workers, &net::WorkerStats::shadow_routed);
    add_verified(out, workers);
    add_run_again(out, workers);
    std::vector<const net::Histogram*> parts;
    for (const net::WorkerStats* worker : workers) parts.push_back(&worker->wait);
    add_histogram(out.emplace_back(histogram_family("pgweir_client_wait_duration_seconds",
                                                    "How long clients waited for a server connection")),
                  parts);
    MetricFamily& queries = out.emplace_back(
        histogram_family("pgweir_query_duration_seconds", "From a request's first byte sent to ReadyForQuery"));
    for (std::size_t target = 0; target < kTargets.size(); ++target) {
        parts.clear();
        for (const net::WorkerStats* worker : workers) parts.push_back(&worker->query[target]);
        add_histogram(queries, parts, {label("target", name(kTargets[target]))});
    }
}

}  // namespace pgweir::admin
