// A small world for the administration to look at: two workers, one cluster of three servers, two databases, two users.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>

#include "proxy/admin/sources.hpp"
#include "proxy/cluster/event.hpp"

namespace pgweir::admin::test {

struct World {
    boost::asio::io_context io;
    config::Config config;
    std::array<net::WorkerStats, 2> workers;
    std::shared_ptr<cluster::Snapshot> snapshot = std::make_shared<cluster::Snapshot>();
    net::Inspection rows;
    bool workers_answer = true;
    std::optional<std::string> not_ready, unhealthy;
    Sources sources;

    World() : sources{config, {}, {}, {}, {}, {}, {}, std::chrono::steady_clock::now(), "9.8.7"} {
        fill_config();
        fill_snapshot();
        sources.stats = [this] { return std::vector<const net::WorkerStats*>{&workers[0], &workers[1]}; };
        sources.snapshots = [this] { return std::vector<std::shared_ptr<const cluster::Snapshot>>{snapshot}; };
        sources.not_ready = [this] { return not_ready; };
        sources.unhealthy = [this] { return unhealthy; };
        sources.reloads = [] { return ReloadStatus{3, 1, std::chrono::system_clock::time_point(std::chrono::seconds(1000))}; };
        sources.discoveries = [] {
            return std::vector<discovery::Status>{{.name = "found", .cluster = "main", .type = "patroni", .answers = true, .members = 3, .failed = 2}};
        };
        // As in the program, the answer comes later on the control thread.
        sources.inspect = [this](std::function<void(net::Inspection)> done) {
            if (workers_answer) boost::asio::post(io, [this, done] { done(rows); });
        };
    }

    void fill_config() {
        config.servers = {{"pg1", "10.0.0.1", 5432, 1, "main"},
                          {"pg2", "10.0.0.2", 5432, 1, "main"},
                          {"pg3", "10.0.0.3", 5433, 2, "main"}};
        config::Database app;
        app.name = "app";
        app.dbname = "production";
        app.pool_size = 7;
        app.pool_mode = config::PoolMode::session;
        app.user = "forced";
        app.password = "database-secret";
        config::Database any;
        any.name = "*";
        config.databases = {app, any};
        config.users = {{"alice", "alice-secret", true}, {"bob", "bob-secret", false}};
        config.monitor.password = "monitor-secret";
    }

    void fill_snapshot() {
        cluster::ServerView primary;
        primary.name = "pg1";
        primary.host = "10.0.0.1";
        primary.role = cluster::Role::primary;
        primary.rotation = cluster::Rotation::not_a_replica;
        primary.reachable = true;
        primary.position = Lsn{0x1'4000028};
        primary.timeline = 3;
        primary.system_identifier = 7123456789012345678ULL;
        primary.server_version = 150008;
        cluster::ServerView replica = primary;
        replica.name = "pg2";
        replica.host = "10.0.0.2";
        replica.role = cluster::Role::replica;
        replica.rotation = cluster::Rotation::in;
        replica.lag_time = std::chrono::milliseconds(1500);
        replica.lag_bytes = 4096;
        replica.replay_paused = true;
        replica.zone = "east";
        replica.ramp = 550;
        replica.breaker = cluster::BreakerState::half_open;
        replica.transitions[static_cast<std::size_t>(cluster::EventKind::breaker_opened)] = 3;
        cluster::ServerView lost;
        lost.name = "pg3";
        lost.host = "10.0.0.3";
        lost.port = 5433;
        lost.weight = 2;
        lost.rotation = cluster::Rotation::unreachable;
        lost.last_error = "connection refused";
        snapshot->cluster = "main";
        snapshot->servers = {primary, replica, lost};
        snapshot->primary = cluster::HostIndex{0};
        snapshot->epoch = 5;
    }
};

}  // namespace pgweir::admin::test
