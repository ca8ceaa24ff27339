#include "proxy/monitor/catalog_watch.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "proxy/session/printable.hpp"
#include "proxy/sql/catalog_builder.hpp"

namespace pgweir::monitor {

namespace {

constexpr std::chrono::seconds kTimeout{15};       // of one reading
constexpr std::chrono::seconds kSpacing{1};        // between the beginnings of two, also when DDL passes all the time
constexpr std::chrono::milliseconds kSettle{50};   // after DDL: more may follow
constexpr std::chrono::milliseconds kBusy{100};    // too many are being read: later
constexpr std::chrono::seconds kFirstRetry{1};
constexpr std::chrono::seconds kLastRetry{60};
constexpr std::size_t kAtOnce = 4;

}  // namespace

struct CatalogWatch::Entry {
    Entry(boost::asio::io_context& io, sql::CatalogKey name) : key(std::move(name)), timer(io) {}

    sql::CatalogKey key;
    std::shared_ptr<const sql::Catalog> catalog;  // null: none yet
    boost::asio::steady_timer timer;              // the next reading
    Clock::time_point due = Clock::time_point::max();  // max: the timer does not run
    std::shared_ptr<CatalogReader> reader;        // null: not being read
    Clock::time_point used, begun{}, read{};
    std::chrono::system_clock::time_point read_at{};
    std::string error;
    unsigned failures = 0;  // in a row
    bool again = false;     // DDL passed while it was being read
    bool told_cut = false;
};

CatalogWatch::CatalogWatch(boost::asio::io_context& io, const config::Config& config, PrimaryOf primary_of, Publish publish)
    : io_(io),
      config_(config),
      primary_of_(std::move(primary_of)),
      publish_(std::move(publish)),
      interval_(config.routing.catalog_interval),
      random_(std::random_device{}()) {}

CatalogWatch::~CatalogWatch() { stop(); }

void CatalogWatch::stop() {
    for (const auto& [key, entry] : entries_) {
        entry->timer.cancel();
        if (entry->reader) entry->reader->stop();
    }
    entries_.clear();
    loading_ = 0;
}

void CatalogWatch::reload() {
    std::erase_if(entries_, [](const auto& entry) { return !entry.second->reader && entry.first.functions.use_count() <= 2; });
    if (std::exchange(interval_, config_.routing.catalog_interval) == config_.routing.catalog_interval) return;
    if (interval_.count() == 0) return forget();
    for (const auto& [key, entry] : entries_) {
        if (entry->due != Clock::time_point::max()) schedule(*entry, std::min(entry->due, Clock::now() + jittered(interval_)));
    }
}

// Names mean from now on what the lists say.
void CatalogWatch::forget() {
    for (const auto& [key, entry] : entries_) {
        if (entry->catalog) publish_(key, nullptr);
    }
    stop();
}

std::shared_ptr<const sql::Catalog> CatalogWatch::use(const sql::CatalogKey& key) {
    if (interval_.count() == 0) return nullptr;
    std::unique_ptr<Entry>& entry = entries_[key];
    if (!entry) entry = std::make_unique<Entry>(io_, key);
    entry->used = Clock::now();
    if (!entry->reader && entry->due == Clock::time_point::max()) schedule(*entry, entry->used);
    return entry->catalog;
}

void CatalogWatch::ddl_passed(const sql::CatalogKey& key) {
    const Clock::time_point now = Clock::now();
    for (const auto& [other, entry] : entries_) {
        if (other.cluster != key.cluster || other.dbname != key.dbname) continue;
        if (entry->reader) {
            entry->again = true;
        } else {
            schedule(*entry, std::min(entry->due, std::max(now + kSettle, entry->begun + kSpacing)));
        }
    }
}

void CatalogWatch::schedule(Entry& entry, Clock::time_point when) {
    entry.due = when;
    entry.timer.expires_at(when);
    entry.timer.async_wait([this, &entry](const boost::system::error_code& error) {
        if (error) return;
        entry.due = Clock::time_point::max();
        if (Clock::now() - entry.used < kUnused) return load(entry);
        if (!entry.catalog) entries_.erase(sql::CatalogKey(entry.key));  // perhaps there never was such a database
    });
}

void CatalogWatch::load(Entry& entry) {
    if (loading_ >= kAtOnce) return schedule(entry, Clock::now() + kBusy);
    entry.begun = Clock::now();
    entry.again = false;
    const cluster::Member* primary = primary_of_(entry.key.cluster);
    if (primary == nullptr) return failed(entry, "no primary is known");
    ++loading_;
    entry.reader = std::make_shared<CatalogReader>(io_);
    const auto reader = entry.reader;  // it may be over before start() is
    reader->start(options_for(*primary, entry.key.dbname), kTimeout, [this, &entry](CatalogAnswer answer, const std::string& error) {
        loaded(entry, std::move(answer), error);
    });
}

void CatalogWatch::loaded(Entry& entry, CatalogAnswer answer, const std::string& error) {
    --loading_;
    entry.reader.reset();
    if (!error.empty()) return failed(entry, one_line(error));
    if (answer.cut() && !std::exchange(entry.told_cut, true)) {
        spdlog::warn("event=catalog_cut cluster={} database={} rows_of_a_kind={}", entry.key.cluster,
                     session::log_value(entry.key.dbname), kMaxCatalogRows);
    }
    accept(entry, answer.rows());
    const Clock::time_point now = Clock::now();
    const Clock::time_point next = entry.again ? std::max(now + kSettle, entry.begun + kSpacing)
                                               : now + jittered(interval_);
    schedule(entry, next);
}

void CatalogWatch::accept(Entry& entry, const sql::CatalogRows& rows) {
    ++loads_.good;
    auto catalog = std::make_shared<const sql::Catalog>(sql::CatalogBuilder::build(rows, *entry.key.functions));
    const bool news = !entry.catalog || !(*entry.catalog == *catalog);
    if (entry.failures > 0 || !entry.catalog) {
        const sql::CatalogCounts& counts = catalog->counts();
        spdlog::info("event=catalog_read cluster={} database={} functions={} safe_functions={} unsafe_views={} unsafe_relations={} "
                     "unsafe_operators={} unsafe_casts={}",
                     entry.key.cluster, session::log_value(entry.key.dbname), counts.functions, counts.safe_functions,
                     counts.views, counts.relations, counts.operators, counts.casts);
    }
    entry.failures = 0;
    entry.error.clear();
    entry.read = Clock::now();
    entry.read_at = std::chrono::system_clock::now();
    if (!news) return;
    entry.catalog = std::move(catalog);
    publish_(entry.key, entry.catalog);
}

// What was known before stays in force.
void CatalogWatch::failed(Entry& entry, const std::string& error) {
    ++loads_.failed;
    if (entry.failures++ == 0) {
        spdlog::warn("event=catalog_not_read cluster={} database={} cause={}", entry.key.cluster, session::log_value(entry.key.dbname),
                     session::log_value(error));
    }
    entry.error = error;
    const auto doubled = kFirstRetry * (1U << std::min(entry.failures - 1, 6U));
    schedule(entry, Clock::now() + jittered(std::min<Clock::duration>(doubled, kLastRetry)));
}

// A tenth more or less.
CatalogWatch::Clock::duration CatalogWatch::jittered(Clock::duration span) {
    const double factor = std::uniform_real_distribution<double>(0.9, 1.1)(random_);
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(span) * factor);
}

ConnectionOptions CatalogWatch::options_for(const cluster::Member& server, const std::string& dbname) const {
    const auto [user, password] = monitor_login(config_);
    ConnectionOptions options = server_options(config_.server_tls, server);
    options.insert(options.end(), {{"dbname", dbname},
                                   {"user", user},
                                   {"password", password},
                                   {"passfile", kNoFile},
                                   {"application_name", "pgweir_catalog"}});
    return options;
}

CatalogReport CatalogWatch::report() const {
    CatalogReport report{.databases = {}, .loads = loads_};
    const Clock::time_point now = Clock::now();
    for (const auto& [key, entry] : entries_) {
        CatalogStatus& one = report.databases.emplace_back();
        one.cluster = key.cluster;
        one.dbname = key.dbname;
        one.loaded_at = entry->read_at;
        if (entry->catalog) one.age = std::chrono::duration_cast<std::chrono::milliseconds>(now - entry->read);
        one.in_use = now - entry->used < kUnused;
        if (entry->catalog) one.counts = entry->catalog->counts();
        one.error = entry->error;
    }
    return report;
}

}  // namespace pgweir::monitor
