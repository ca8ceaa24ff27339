#include "proxy/admin/stats_period.hpp"

namespace pgweir::admin {

Totals sum_totals(const std::vector<const net::WorkerStats*>& workers) {
    Totals sum;
    for (const net::WorkerStats* worker : workers) {
        sum.server_assignments += worker->server_assignments.get();
        sum.transactions += worker->transactions.get();
        sum.queries += worker->queries.get();
        sum.received += worker->client_bytes_received.get();
        sum.sent += worker->client_bytes_sent.get();
        sum.transaction_us += worker->transaction_us.get();
        sum.query_us += worker->query_us.get();
        sum.wait_us += worker->wait_us.get();
        sum.client_parses += worker->client_parses.get();
        sum.server_parses += worker->server_parses.get();
        sum.binds += worker->binds.get();
    }
    return sum;
}

Averages averages_between(const Totals& before, const Totals& after, std::chrono::microseconds elapsed) {
    if (elapsed.count() <= 0) return {};
    const double seconds = std::chrono::duration<double>(elapsed).count();
    const auto rate = [&](std::uint64_t Totals::*member) {
        return static_cast<std::uint64_t>(static_cast<double>(after.*member - before.*member) / seconds);
    };
    const auto mean = [&](std::uint64_t Totals::*time, std::uint64_t Totals::*count) -> std::uint64_t {
        const std::uint64_t n = after.*count - before.*count;
        return n == 0 ? 0 : (after.*time - before.*time) / n;
    };
    Averages result;
    result.server_assignments = rate(&Totals::server_assignments);
    result.transactions = rate(&Totals::transactions);
    result.queries = rate(&Totals::queries);
    result.received = rate(&Totals::received);
    result.sent = rate(&Totals::sent);
    result.transaction_us = mean(&Totals::transaction_us, &Totals::transactions);
    result.query_us = mean(&Totals::query_us, &Totals::queries);
    result.wait_us = mean(&Totals::wait_us, &Totals::server_assignments);
    result.client_parses = rate(&Totals::client_parses);
    result.server_parses = rate(&Totals::server_parses);
    result.binds = rate(&Totals::binds);
    return result;
}

void StatsPeriod::sample(TimePoint now, const Totals& totals) noexcept {
    before_ = after_;
    after_ = {now, totals};
}

Averages StatsPeriod::averages(TimePoint now, const Totals& totals) const {
    const bool full = after_.at > before_.at;
    const Reading end = full ? after_ : Reading{now, totals};
    return averages_between(before_.totals, end.totals,
                            std::chrono::duration_cast<std::chrono::microseconds>(end.at - before_.at));
}

}  // namespace pgweir::admin
