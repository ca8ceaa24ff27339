#include "proxy/app/proxy.hpp"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <csignal>
#include <stdexcept>
#include <thread>
#include <utility>

#include "config/clusters.hpp"
#include "proxy/app/logging.hpp"

#include "proxy/session/printable.hpp"
#include "proxy/session/statement_cache.hpp"

namespace pgweir::app {

namespace {

constexpr std::chrono::milliseconds kDrainPoll{20};

// Every client and every server connection is a descriptor: as many as the system lets us have.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::size_t worker_count(const config::Config& config) {
    const std::size_t wanted = config.proxy.workers != 0 ? config.proxy.workers : std::thread::hardware_concurrency();
    return std::clamp<std::size_t>(wanted, 1, pool::kMaxWorkers);
}

// One part of an answer from each worker, put together on the control thread.
struct Gathering {
    std::size_t missing = 0;
    net::Inspection rows;
};

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

Proxy::Proxy(std::string file, config::Config config)
    : config_(std::move(config)),
      state_directory_(config_.proxy.state_dir),
      shared_(std::make_shared<const net::Settings>(config_, nullptr, state_directory_.salt_secret())),
      sources_{.config = config_, .stats = {}, .inspect = {}, .ping = {}, .snapshots = {}, .not_ready = {}, .unhealthy = {}, .started = std::chrono::steady_clock::now(), .version = PGWEIR_VERSION},
      listener_(shared_),
      signals_(io_),
      drain_timer_(io_) {
    raise_descriptor_limit();
    fill_shared();
    reloader_ = std::make_unique<Reloader>(
        io_, std::move(file), [this] { return shared_.settings; },
        [this](std::shared_ptr<const net::Settings> settings) { apply(std::move(settings)); });
    discovery_ = std::make_unique<discovery::Discovery>(io_, config_, [this] { set_members(); });
    fill_sources();
}

Proxy::~Proxy() = default;

void Proxy::fill_shared() {
    shared_.console = [this](std::string sql, std::string user, bool admin, std::function<void(std::string)> reply) {
        boost::asio::post(io_, [this, sql = std::move(sql), who = admin::Session{std::move(user), admin},
                                reply = std::move(reply)]() mutable { console_->execute(sql, who, std::move(reply)); });
    };
    shared_.report_failure = [this](std::size_t cluster, cluster::HostIndex host, cluster::TrafficFailure how, std::string what) {
        boost::asio::post(io_, [this, cluster, host, how, what = std::move(what)]() mutable {
            monitors_[cluster]->report_failure(host, how, std::move(what));
            discovery_->look_up_now(snapshots_[cluster]->servers[cluster::index_of(host)].host);
        });
    };
    shared_.report_success = [this](std::size_t cluster, cluster::HostIndex host) {
        boost::asio::post(io_, [this, cluster, host] { monitors_[cluster]->report_success(host); });
    };
    shared_.probe_now = [this](std::size_t cluster, cluster::HostIndex host) {
        boost::asio::post(io_, [this, cluster, host] { monitors_[cluster]->probe_now(host); });
    };
    shared_.server_left = [this](std::size_t cluster, cluster::HostIndex host, std::uint64_t member) {
        boost::asio::post(io_, [this, cluster, host, member] { server_left(cluster, host, member); });
    };
    shared_.freshen = [this](std::size_t cluster) {
        boost::asio::post(io_, [this, cluster] { monitors_[cluster]->freshen(); });
    };
    fill_look_up();
    fill_catalogs();
    for (std::size_t i = 0; i < worker_count(config_); ++i) {
        workers_.push_back(std::make_unique<net::Worker>(shared_, static_cast<pool::WorkerId>(i)));
        shared_.workers.push_back(workers_.back().get());
    }
}

void Proxy::fill_look_up() {
    auth_query_ = std::make_unique<monitor::AuthQuery>(
        io_, config_, [this](const std::string& cluster) { return primary_of(cluster); });
    shared_.look_up = [this](net::Shared::Lookup lookup) {
        boost::asio::post(io_, [this, lookup = std::move(lookup)]() mutable {
            if (lookup.pause) return auth_query_->pause([done = std::move(lookup.done)] { done({}); });
            auth_query_->ask(lookup.database, lookup.address, std::move(lookup.user),
                             [done = std::move(lookup.done)](monitor::AuthAnswer answer) {
                                 done({std::move(answer.password), std::move(answer.error)});
                             });
        });
    };
}

void Proxy::fill_catalogs() {
    catalogs_ = std::make_unique<monitor::CatalogWatch>(
        io_, config_, [this](const std::string& cluster) { return primary_of(cluster); },
        [this](const sql::CatalogKey& key, const std::shared_ptr<const sql::Catalog>& catalog) {
            for (const auto& worker : workers_) worker->learn_catalog(key, catalog);
        });
    shared_.use_catalog = [this](const sql::CatalogKey& key, pool::WorkerId who) {
        boost::asio::post(io_, [this, key, who] {
            if (auto known = catalogs_->use(key)) workers_[pool::index_of(who)]->learn_catalog(key, std::move(known));
        });
    };
    shared_.ddl_passed = [this](const sql::CatalogKey& key) {
        boost::asio::post(io_, [this, key] { catalogs_->ddl_passed(key); });
    };
}

const cluster::Member* Proxy::primary_of(const std::string& cluster) const {
    const auto place = shared_.settings->find_cluster(cluster);
    return place && *place < monitors_.size() ? monitors_[*place]->primary() : nullptr;
}

void Proxy::wait_for_reload() {
    reloads_.async_wait([this](const boost::system::error_code& error, int) {
        if (error) return;
        reloader_->reload([](const admin::ReloadResult&) {});
        wait_for_reload();
    });
}

// Everybody gets the new configuration: the control thread's own parts here and now, each worker on its own thread.
void Proxy::apply(std::shared_ptr<const net::Settings> settings) {
    if (stopping_) return;
    // What may throw comes before anything is changed.
    for (std::size_t i = monitors_.size(); i < settings->clusters.size(); ++i) (void)state_directory_.read(settings->clusters[i].name);
    config_ = settings->config;
    shared_.settings = std::move(settings);
    set_log_level(config_.log.level);
    for (const net::ClusterPlace& place : shared_.settings->clusters) {
        place.primary_reads->set_limit(config_.routing.max_primary_reads);
    }
    for (const auto& worker : workers_) worker->reload(shared_.settings);
    listener_.reload();
    session::StatementCache::schema_changed();  // for whoever has changed it behind pgweir's back (docs/sessions.md)
    auth_query_->reload();
    catalogs_->reload();
    make_monitors();
    for (const auto& monitor : monitors_) monitor->reload();
    discovery_->reload();
    set_members();
}

void Proxy::set_members() {
    const std::vector<cluster::Member> all = discovery_->members();
    for (std::size_t i = 0; i < monitors_.size(); ++i) {
        std::vector<cluster::Member> members;
        for (const cluster::Member& member : all) {
            if (member.cluster == shared_.settings->clusters[i].name) members.push_back(member);
        }
        // What is to find them has never answered: whoever is there stays.
        if (members.empty() && config::cluster_names(config_).contains(shared_.settings->clusters[i].name)) continue;
        monitors_[i]->set_members(members);
    }
}

void Proxy::server_left(std::size_t cluster, cluster::HostIndex host, std::uint64_t member) {
    if (++leaving_[member] < workers_.size()) return;
    leaving_.erase(member);
    monitors_[cluster]->release(host, member);
}

void Proxy::fill_sources() {
    sources_.stats = [this] {
        std::vector<const net::WorkerStats*> all;
        for (const auto& worker : workers_) all.push_back(&worker->stats());
        return all;
    };
    sources_.inspect = [this](std::function<void(net::Inspection)> done) { inspect(std::move(done)); };
    sources_.ping = [this](std::function<void()> done) { ping(std::move(done)); };
    sources_.snapshots = [this] {
        auto all = snapshots_;  // but for clusters that are not configured any more
        const auto configured = config::cluster_names(config_);
        std::erase_if(all, [&](const auto& snapshot) { return !configured.contains(snapshot->cluster); });
        return all;
    };
    sources_.discoveries = [this] { return discovery_->status(); };
    sources_.reload = [this](admin::ReloadDone done) { reloader_->reload(std::move(done)); };
    sources_.reloads = [this] { return reloader_->status(); };
    sources_.catalogs = [this] { return catalogs_->report(); };
    sources_.not_ready = [this]() -> std::optional<std::string> {
        if (stopping_) return "shutting down";
        if (!listening_) return "not listening yet";
        return std::nullopt;
    };
    fill_pauses();
    console_ = std::make_unique<admin::Console>(io_, sources_);
}

void Proxy::fill_pauses() {
    sources_.pause = [this](const std::string& database, std::function<void(bool)> done) { return pause(database, std::move(done)); };
    sources_.resume = [this](const std::string& database) { return resume(database); };
    sources_.paused = [this](std::string_view database) { return pauses_.covers(database); };
}

bool Proxy::pause(const std::string& database, std::function<void(bool)> done) {
    if (!pauses_.pause(database)) return false;
    spdlog::info("event=pausing database={}", session::log_value(database.empty() ? "*" : database));
    auto missing = std::make_shared<std::size_t>(workers_.size());
    const std::uint64_t resumes = resumes_;
    for (const auto& worker : workers_) {
        worker->pause(database, [this, database, missing, resumes, done] {
            boost::asio::post(io_, [this, database, missing, resumes, done] {
                if (--*missing > 0) return;
                const bool whole = resumes == resumes_ || pauses_.covers(database);
                if (whole) spdlog::info("event=paused database={}", session::log_value(database.empty() ? "*" : database));
                done(whole);
            });
        });
    }
    return true;
}

bool Proxy::resume(const std::string& database) {
    if (!pauses_.resume(database)) return false;
    ++resumes_;
    spdlog::info("event=resumed database={}", session::log_value(database.empty() ? "*" : database));
    for (const auto& worker : workers_) worker->resume(database);
    return true;
}

void Proxy::inspect(std::function<void(net::Inspection)> done) {
    auto gathering = std::make_shared<Gathering>();
    gathering->missing = workers_.size();
    for (const auto& worker : workers_) {
        worker->inspect([this, gathering, done](net::Inspection part) {
            boost::asio::post(io_, [gathering, done, part = std::move(part)]() mutable {
                append(gathering->rows.pools, std::move(part.pools));
                append(gathering->rows.clients, std::move(part.clients));
                append(gathering->rows.servers, std::move(part.servers));
                append(gathering->rows.learned, std::move(part.learned));
                if (--gathering->missing == 0) done(std::move(gathering->rows));
            });
        });
    }
}

void Proxy::ping(std::function<void()> done) {
    auto missing = std::make_shared<std::size_t>(workers_.size());
    for (const auto& worker : workers_) {
        worker->ping([this, missing, done] {
            boost::asio::post(io_, [missing, done] {
                if (--*missing == 0) done();
            });
        });
    }
}

// For the clusters that have none yet.
void Proxy::make_monitors() {
    for (std::size_t i = monitors_.size(); i < shared_.settings->clusters.size(); ++i) {
        const net::ClusterPlace& place = shared_.settings->clusters[i];
        auto empty = std::make_shared<cluster::Snapshot>();
        empty->cluster = place.name;
        snapshots_.push_back(std::move(empty));
        auto publish = [this, i](std::shared_ptr<const cluster::Snapshot> snapshot) {
            snapshots_[i] = snapshot;
            for (const auto& worker : workers_) worker->publish(i, snapshot);
        };
        const std::string& name = place.name;
        monitor::Remembered remembered{.memory = state_directory_.read(name), .keep = {}};
        remembered.keep = [this, name](const cluster::Memory& memory) { return state_directory_.keep(name, memory); };
        monitors_.push_back(
            std::make_unique<monitor::Monitor>(io_, config_, name, *place.clock, std::move(publish), std::move(remembered)));
        monitors_.back()->start();
    }
}

void Proxy::start_http() {
    if (config_.http.listen_port == 0) return;
    http_ = std::make_unique<admin::HttpServer>(io_, config_.http, sources_);
    try {
        http_->start();
    } catch (const boost::system::system_error& error) {
        throw std::runtime_error("cannot listen on " + config_.http.listen_addr + " port " +
                                 std::to_string(config_.http.listen_port) + " for HTTP: " + error.code().message());
    }
}

int Proxy::run() {
    std::signal(SIGPIPE, SIG_IGN);
    // What may fail comes before any thread is started.
    listener_.start();
    start_http();
    make_monitors();
    discovery_->reload();
    set_members();
    for (const auto& worker : workers_) worker->start();
    listening_ = true;
    wait_for_signals();
    spdlog::info("event=started version={} listen={}:{} workers={} servers={}", sources_.version, config_.proxy.listen_addr,
                 config_.proxy.listen_port, workers_.size(), config_.servers.size());
    io_.run();
    for (const auto& worker : workers_) worker->join();
    spdlog::info("event=stopped");
    return 0;
}

void Proxy::wait_for_signals() {
    reloads_.add(SIGHUP);
    wait_for_reload();
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
        if (error) return;
        spdlog::info("event=stopping signal={} limit_ms={}", number, config_.proxy.shutdown_timeout.count());
        shut_down();
    });
}

void Proxy::shut_down() {
    stopping_ = true;
    listener_.stop();
    for (const auto& worker : workers_) worker->drain();
    drain_deadline_ = std::chrono::steady_clock::now() + config_.proxy.shutdown_timeout;
    wait_until_drained();
    signals_.async_wait([this](const boost::system::error_code& error, int) {
        if (!error) stop();  // a second signal: at once
    });
}

void Proxy::wait_until_drained() {
    const auto all_finished = [this] {
        return std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->finished(); });
    };
    // Asked twice: the last of them may have given a client to one that was asked before.
    const bool done = all_finished() && all_finished();
    if (done || std::chrono::steady_clock::now() >= drain_deadline_) return stop();
    drain_timer_.expires_after(kDrainPoll);
    drain_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) wait_until_drained();
    });
}

void Proxy::stop() {
    for (const auto& worker : workers_) worker->stop();
    for (const auto& monitor : monitors_) monitor->stop();
    discovery_->stop();
    auth_query_->stop();
    catalogs_->stop();
    console_->stop();
    if (http_) http_->stop();
    signals_.cancel();
    reloads_.cancel();
    drain_timer_.cancel();
    io_.stop();
}

}  // namespace pgweir::app
