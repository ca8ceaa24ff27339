// The running proxy: control thread, workers, monitors, console and HTTP, from start to SIGTERM.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "proxy/admin/console.hpp"
#include "proxy/admin/http_server.hpp"
#include "proxy/admin/sources.hpp"
#include "proxy/app/reload.hpp"
#include "proxy/app/state_directory.hpp"
#include "proxy/discovery/discovery.hpp"
#include "proxy/monitor/auth_query.hpp"
#include "proxy/monitor/catalog_watch.hpp"
#include "proxy/monitor/monitor.hpp"
#include "proxy/net/listener.hpp"
#include "proxy/net/pause_set.hpp"
#include "proxy/net/shared.hpp"
#include "proxy/net/worker.hpp"

namespace pgweir::app {

class Proxy {
  public:
    // `file`: where the configuration came from, and is read again.
    Proxy(std::string file, config::Config config);
    ~Proxy();
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;

    // Serves until SIGTERM or SIGINT. The result is the process's exit status. Throws when it cannot start.
    int run();

  private:
    void fill_shared();
    void fill_sources();
    void fill_pauses();
    [[nodiscard]] bool pause(const std::string& database, std::function<void(bool)> done);
    [[nodiscard]] bool resume(const std::string& database);
    void fill_look_up();
    void fill_catalogs();
    [[nodiscard]] const cluster::Member* primary_of(const std::string& cluster) const;
    void wait_for_reload();
    void apply(std::shared_ptr<const net::Settings> settings);
    void make_monitors();
    void set_members();
    void server_left(std::size_t cluster, cluster::HostIndex host, std::uint64_t member);
    void inspect(std::function<void(net::Inspection)> done);
    void ping(std::function<void()> done);
    void start_http();
    void wait_for_signals();
    void shut_down();
    void wait_until_drained();
    void stop();

    config::Config config_;  // in force; its contents are replaced by a reload
    boost::asio::io_context io_;
    StateDirectory state_directory_;
    net::Shared shared_;
    admin::Sources sources_;
    std::vector<std::shared_ptr<const cluster::Snapshot>> snapshots_;  // by cluster
    net::PauseSet pauses_;
    std::uint64_t resumes_ = 0;
    std::vector<std::unique_ptr<net::Worker>> workers_;
    std::vector<std::unique_ptr<monitor::Monitor>> monitors_;  // by cluster
    std::unique_ptr<monitor::AuthQuery> auth_query_;
    std::unique_ptr<monitor::CatalogWatch> catalogs_;
    std::map<std::uint64_t, std::size_t> leaving_;  // members that have left: how many workers do not refer to them any more
    std::unique_ptr<discovery::Discovery> discovery_;
    std::unique_ptr<Reloader> reloader_;
    std::unique_ptr<admin::Console> console_;
    std::unique_ptr<admin::HttpServer> http_;
    net::Listener listener_;
    boost::asio::signal_set signals_;
    boost::asio::signal_set reloads_{io_};
    boost::asio::steady_timer drain_timer_;
    std::chrono::steady_clock::time_point drain_deadline_;
    bool listening_ = false;
    bool stopping_ = false;
};

}  // namespace pgweir::app
