#include "proxy/net/verifier.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "protocol/sqlstate.hpp"
#include "proxy/session/printable.hpp"
#include "proxy/session/second_run.hpp"
#include "proxy/sql/masked.hpp"

namespace pgweir::net {

namespace sqlstate = protocol::sqlstate;

namespace {

using Outcome = VerifyConnection::Outcome;

constexpr std::chrono::seconds kWait{5};       // for a replica that has what the primary's answer may have shown
constexpr std::chrono::seconds kConnectAgain{10};
constexpr unsigned kRounds = 2;                // of primary, replica, primary
constexpr std::chrono::minutes kReportsIn{1};
constexpr unsigned kReports = 5;

// Fails for the server's sake, not for the statement's.
[[nodiscard]] bool is_trouble(std::string_view code) noexcept {
    return code.starts_with("57") || code.starts_with("53") || code.starts_with("58") || code.starts_with("08");
}

// Of others that work at the same time.
[[nodiscard]] bool is_conflict(std::string_view code) noexcept { return code.starts_with("40") || code == "55P03"; }

[[nodiscard]] std::string summary(const session::Fingerprint& answer) {
    return answer.error.empty() ? std::to_string(answer.rows) + " rows" : answer.error;
}

}  // namespace

struct Verifier::Run {
    PoolGroup& group;
    GroupUse use;
    Observed observed;             // the primary's newest answer
    session::Fingerprint found{};  // the replica's
    cluster::Causal seen{};        // what a replica must have before it is asked
    TimePoint deadline{};          // of the wait for one
    std::shared_ptr<VerifyConnection> connection{};  // it runs there; null: it waits
    std::string replica{};         // that was asked
    unsigned rounds = 0;
    bool on_primary = false;
};

Verifier::Verifier(Worker& worker) : worker_(worker) {}

Verifier::~Verifier() = default;

void Verifier::skip(Skip why) noexcept {
    WorkerStats& stats = worker_.counters();
    stats.shadow_verified[static_cast<std::size_t>(Verdict::skipped)].add();
    stats.shadow_skipped[static_cast<std::size_t>(why)].add();
}

// --- Each of these says whether the run is over.

bool Verifier::settle(const Run& run, Verdict verdict) {
    worker_.counters().shadow_verified[static_cast<std::size_t>(verdict)].add();
    if (verdict == Verdict::different || verdict == Verdict::refused) report(run, verdict);
    return true;
}

// Before there was anything to compare; or else what was different stays open.
bool Verifier::give_up(const Run& run, Skip why) {
    if (run.rounds > 0) return settle(run, Verdict::unsettled);
    skip(why);
    return true;
}

void Verifier::begin(PoolGroup& group, Observed observed) {
    if (!has_room()) return skip(Skip::busy);  // others were answered first
    const std::string& error = observed.answer.error;
    if (is_trouble(error) || is_conflict(error)) return skip(Skip::primary_failed);
    auto run = std::make_unique<Run>(Run{.group = group, .use = GroupUse(group), .observed = std::move(observed)});
    await_replica(*run);
    if (!seek(*run)) runs_.push_back(std::move(run));
}

// What the primary has answered by now a replica must have replayed: its lag is no difference.
void Verifier::await_replica(Run& run) {
    const cluster::Snapshot& snapshot = *worker_.snapshot(run.group.cluster);
    run.seen.saw_primary(snapshot, worker_.next_sample(run.group.cluster));
    run.deadline = worker_.now() + kWait;
    run.on_primary = false;
}

bool Verifier::seek(Run& run) {
    if (run.group.retired || worker_.paused(run.group)) return give_up(run, Skip::busy);
    const std::size_t cluster = run.group.cluster;
    const cluster::Bound bound = run.seen.bound(*worker_.snapshot(cluster), worker_.next_sample(cluster));
    sql::Reason why = sql::Reason::awaiting_sample;
    const auto host = worker_.pick(run.group, {.target = routing::Target::replica}, draws_, bound, {}, why);
    if (host) return !start(run, *host, false) && give_up(run, Skip::busy);
    if (why != sql::Reason::awaiting_sample && why != sql::Reason::replica_behind) return give_up(run, Skip::no_replica);
    if (worker_.now() >= run.deadline) return give_up(run, Skip::behind);
    worker_.want_fresh(cluster, why);
    return false;
}

// False: there is no connection to be had at once.
bool Verifier::start(Run& run, cluster::HostIndex host, bool primary) {
    HostPool& pool = worker_.host_pool(run.group, host);
    run.connection = connection_to(pool, primary);
    if (!run.connection) return false;
    run.on_primary = primary;
    if (!primary) run.replica = pool.key.server;
    run.connection->run(run.observed.settings, run.observed.request);
    return true;
}

// Takes no place in a pool that a client may want at once: on the primary, where all of them are, one more stays free.
std::shared_ptr<VerifyConnection> Verifier::connection_to(HostPool& pool, bool primary) {
    const auto idle = std::ranges::find_if(
        connections_, [&](const auto& connection) { return connection->idle() && &connection->host_pool() == &pool; });
    if (idle != connections_.end()) return *idle;
    if (connections_.size() >= kConnections) {
        const auto other = std::ranges::find_if(connections_, [](const auto& connection) { return connection->idle(); });
        if (other != connections_.end()) std::shared_ptr(*other)->close();
        return nullptr;
    }
    if (!worker_.may_connect(pool)) return nullptr;
    pool::Budget& budget = pool.pool.budget();
    const bool waited_for = pool.pool.counts(worker_.now()).waiting > 0 || !budget.hungry(worker_.id()).empty();
    const std::uint32_t spare = primary ? 1 : 0;
    if (waited_for || worker_.now() < connect_from_ || budget.taken() + spare >= budget.limit() || !budget.try_take()) return nullptr;
    auto connection = std::make_shared<VerifyConnection>(worker_, *this, pool);
    connections_.push_back(connection);
    worker_.add_backend(connection);
    connection->open_connection();
    return connection;
}

void Verifier::ran(VerifyConnection& connection, const Outcome& outcome) {
    const auto place = std::ranges::find_if(runs_, [&](const auto& run) { return run->connection.get() == &connection; });
    if (place == runs_.end()) return;
    Run& run = **place;
    const std::shared_ptr<VerifyConnection> used = std::exchange(run.connection, nullptr);
    const bool over = run.on_primary ? primary_answered(run, outcome) : replica_answered(run, outcome);
    if (over) std::erase_if(runs_, [&](const auto& other) { return other.get() == &run; });
    // The clients' own are there.
    if (used->host_pool().host == worker_.snapshot(used->host_pool().group.cluster)->primary) used->close();
}

bool Verifier::replica_answered(Run& run, const Outcome& outcome) {
    switch (outcome.kind) {
        case Outcome::Kind::answered: break;
        case Outcome::Kind::settings: return give_up(run, Skip::settings);
        case Outcome::Kind::timeout: return give_up(run, Skip::timeout);
        case Outcome::Kind::lost: return give_up(run, Skip::lost);
    }
    run.found = outcome.answer;
    if (run.found == run.observed.answer) return settle(run, Verdict::same);
    if (outcome.refusal == session::Refusal::read_only) return settle(run, Verdict::refused);
    if (run.found.error == sqlstate::kQueryCanceled) return give_up(run, Skip::timeout);
    if (is_conflict(run.found.error)) return give_up(run, Skip::conflict);
    if (is_trouble(run.found.error)) return give_up(run, Skip::lost);
    return ask_primary(run);
}

// Something may have been written between the two answers. If the primary still says what it said, nothing was.
bool Verifier::ask_primary(Run& run) {
    const auto primary = worker_.snapshot(run.group.cluster)->primary;
    if (primary && start(run, *primary, true)) return false;
    return settle(run, Verdict::unsettled);
}

bool Verifier::primary_answered(Run& run, const Outcome& outcome) {
    if (outcome.kind != Outcome::Kind::answered) return settle(run, Verdict::unsettled);
    if (outcome.answer == run.observed.answer) return settle(run, Verdict::different);
    if (outcome.refusal == session::Refusal::read_only) return settle(run, Verdict::refused);
    if (++run.rounds == kRounds || is_trouble(outcome.answer.error)) return settle(run, Verdict::unsettled);
    run.observed.answer = outcome.answer;
    await_replica(run);
    return seek(run);
}

void Verifier::seek_for_all(bool late_only) {
    for (std::size_t i = 0; i < runs_.size();) {
        Run& run = *runs_[i];
        const bool waits = !run.connection && (!late_only || worker_.now() >= run.deadline);
        if (waits && seek(run)) {
            runs_.erase(runs_.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
            ++i;
        }
    }
}

void Verifier::closed(VerifyConnection& connection) noexcept {
    std::erase_if(connections_, [&](const auto& other) { return other.get() == &connection; });
}

void Verifier::could_not_connect() noexcept { connect_from_ = worker_.now() + kConnectAgain; }

// A few of them a minute say what there is to say.
void Verifier::report(const Run& run, Verdict verdict) {
    if (worker_.now() - reports_since_ >= kReportsIn) {
        reports_since_ = worker_.now();
        reports_ = 0;
    }
    if (reports_ == kReports) return;
    ++reports_;
    spdlog::warn("event=shadow_difference result={} database={} user={} server={} primary={} replica={} statement={}",
                 kVerdicts[static_cast<std::size_t>(verdict)], session::log_value(run.group.database),
                 session::log_value(run.group.user), run.replica, session::log_value(summary(run.observed.answer)),
                 session::log_value(summary(run.found)),
                 session::log_value(sql::masked(session::statement_of(run.observed.request))));
}

}  // namespace pgweir::net
