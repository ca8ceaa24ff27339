#include "proxy/app/proxy.hpp"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <csignal>
#include <set>
#include <stdexcept>
#include <thread>

#include "proxy/session/printable.hpp"

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

Proxy::Proxy(const config::Config& config)
    : config_(config),
      state_directory_(config.proxy.state_dir),
      shared_(config, state_directory_.salt_secret()),
      sources_{.config = config, .stats = {}, .inspect = {}, .ping = {}, .snapshots = {}, .not_ready = {}, .unhealthy = {}, .started = std::chrono::steady_clock::now(), .version = PGWEIR_VERSION},
      listener_(io_, shared_),
      signals_(io_),
      drain_timer_(io_) {
    raise_descriptor_limit();
    fill_shared();
    fill_sources();
}

Proxy::~Proxy() = default;

void Proxy::fill_shared() {
    std::set<std::string> names;
    for (const config::Server& server : config_.servers) names.insert(server.cluster);
    shared_.clusters.assign(names.begin(), names.end());
    shared_.sample_clocks.resize(shared_.clusters.size());
    for (std::size_t i = 0; i < shared_.clusters.size(); ++i) {
        shared_.primary_reads.emplace_back(config_.routing.max_primary_reads);
    }
    snapshots_.resize(shared_.clusters.size());
    for (std::size_t i = 0; i < snapshots_.size(); ++i) {
        auto empty = std::make_shared<cluster::Snapshot>();
        empty->cluster = shared_.clusters[i];
        snapshots_[i] = std::move(empty);
    }
    shared_.console = [this](std::string sql, std::string user, bool admin, std::function<void(std::string)> reply) {
        boost::asio::post(io_, [this, sql = std::move(sql), who = admin::Session{std::move(user), admin},
                                reply = std::move(reply)]() mutable { console_->execute(sql, who, std::move(reply)); });
    };
    shared_.report_failure = [this](std::size_t cluster, cluster::HostIndex host, cluster::TrafficFailure how, std::string what) {
        boost::asio::post(io_, [this, cluster, host, how, what = std::move(what)]() mutable {
            monitors_[cluster]->report_failure(host, how, std::move(what));
        });
    };
    shared_.report_success = [this](std::size_t cluster, cluster::HostIndex host) {
        boost::asio::post(io_, [this, cluster, host] { monitors_[cluster]->report_success(host); });
    };
    shared_.probe_now = [this](std::size_t cluster, cluster::HostIndex host) {
        boost::asio::post(io_, [this, cluster, host] { monitors_[cluster]->probe_now(host); });
    };
    shared_.freshen = [this](std::size_t cluster) {
        boost::asio::post(io_, [this, cluster] { monitors_[cluster]->freshen(); });
    };
    shared_.resolve = [this](const std::string& host, std::uint16_t port, net::Shared::Resolved done) {
        boost::asio::post(io_, [this, host, port, done = std::move(done)]() mutable { resolve(host, port, std::move(done)); });
    };
    fill_look_up();
    fill_catalogs();
    load_tls();
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

const config::Server* Proxy::primary_of(const std::string& cluster) const {
    for (const auto& snapshot : snapshots_) {
        if (snapshot->cluster != cluster || !snapshot->primary) continue;
        const std::string& name = snapshot->servers[cluster::index_of(*snapshot->primary)].name;
        const auto found = std::find_if(config_.servers.begin(), config_.servers.end(),
                                        [&](const config::Server& server) { return server.name == name; });
        return found == config_.servers.end() ? nullptr : &*found;
    }
    return nullptr;
}

// Throws std::runtime_error, and nothing has changed.
void Proxy::load_tls() {
    std::shared_ptr<const net::TlsContext> clients, servers;
    if (config_.client_tls.sslmode != config::TlsMode::disable) clients = net::TlsContext::for_clients(config_.client_tls);
    if (config_.server_tls.sslmode != config::TlsMode::disable) servers = net::TlsContext::for_servers(config_.server_tls);
    shared_.client_tls.store(std::move(clients));
    shared_.server_tls.store(std::move(servers));
}

void Proxy::wait_for_reload() {
    reloads_.async_wait([this](const boost::system::error_code& error, int) {
        if (error) return;
        try {
            load_tls();
            spdlog::info("event=certificates_reloaded");
        } catch (const std::runtime_error& failed) {
            spdlog::error("event=certificates_not_reloaded cause=\"{}\"", failed.what());
        }
        wait_for_reload();
    });
}

void Proxy::resolve(const std::string& host, std::uint16_t port, net::Shared::Resolved done) {
    resolver_.async_resolve(host, std::to_string(port),
                            [done = std::move(done)](const boost::system::error_code& error, const auto& results) {
                                std::vector<net::Endpoint> found;
                                for (const auto& result : results) found.emplace_back(result.endpoint());
                                done(std::move(found), error.message());
                            });
}

void Proxy::fill_sources() {
    sources_.stats = [this] {
        std::vector<const net::WorkerStats*> all;
        for (const auto& worker : workers_) all.push_back(&worker->stats());
        return all;
    };
    sources_.inspect = [this](std::function<void(net::Inspection)> done) { inspect(std::move(done)); };
    sources_.ping = [this](std::function<void()> done) { ping(std::move(done)); };
    sources_.snapshots = [this] { return snapshots_; };
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

void Proxy::start_monitors() {
    for (std::size_t i = 0; i < shared_.clusters.size(); ++i) {
        auto publish = [this, i](std::shared_ptr<const cluster::Snapshot> snapshot) {
            snapshots_[i] = snapshot;
            for (const auto& worker : workers_) worker->publish(i, snapshot);
        };
        const std::string& name = shared_.clusters[i];
        monitor::Remembered remembered{.memory = state_directory_.read(name), .keep = {}};
        remembered.keep = [this, name](const cluster::Memory& memory) { return state_directory_.keep(name, memory); };
        monitors_.push_back(std::make_unique<monitor::Monitor>(io_, config_, name, shared_.sample_clocks[i],
                                                               std::move(publish), std::move(remembered)));
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
    start_monitors();
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
    const bool done = std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->finished(); });
    if (done || std::chrono::steady_clock::now() >= drain_deadline_) return stop();
    drain_timer_.expires_after(kDrainPoll);
    drain_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) wait_until_drained();
    });
}

void Proxy::stop() {
    for (const auto& worker : workers_) worker->stop();
    for (const auto& monitor : monitors_) monitor->stop();
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
