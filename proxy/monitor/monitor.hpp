// Watches one cluster: a persistent libpq connection of its own to every server, one query an interval on each, judged
// by cluster::ClusterState. Everything runs on one io_context, the control thread's; nothing blocks.
//
// The probe's role needs to log in to `monitor.database` and membership in pg_monitor
// (pg_stat_wal_receiver.received_tli is NULL without it); see proxy/monitor/probe_query.hpp for the grants.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "proxy/cluster/failure.hpp"
#include "proxy/cluster/member.hpp"
#include "proxy/cluster/memory.hpp"
#include "proxy/cluster/snapshot.hpp"

namespace pgweir::monitor {

// What was known before, and where to keep what is known now: called on the io_context's thread, before a snapshot that
// rests on it is published. False: it could not be kept, and will be tried again. An empty function keeps nothing.
struct Remembered {
    cluster::Memory memory{};
    std::function<bool(const cluster::Memory&)> keep{};
};

class Monitor {
  public:
    using Publish = std::function<void(std::shared_ptr<const cluster::Snapshot>)>;

    // Watches the servers of `config` whose cluster is `cluster_name`, until set_members() says otherwise; HostIndex counts
    // them in the configured order.
    // `publish` is called on the io_context's thread, at every event and at least once a round.
    // `clock` numbers the questions and says what is wanted; it outlives the monitor.
    Monitor(boost::asio::io_context& io, const config::Config& config, std::string cluster_name, cluster::SampleClock& clock,
            Publish publish, Remembered remembered = {});
    ~Monitor();  // as stop()
    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;

    // Publishes a first snapshot (everything unknown), then probes. Call once, on the io_context's thread or before it
    // runs.
    void start();
    // Closes the connections and publishes no more. On the io_context's thread, or when it does not run.
    void stop();
    // Who belongs to the cluster from now on: others leave, and one whose host or port is another than before leaves and joins
    // again. Publishes when that changes anything. On the io_context's thread, as all that follows.
    void set_members(const std::vector<cluster::Member>& members);
    // Nobody refers any more to this server, which has left; nothing if it is another member's by now.
    void release(cluster::HostIndex host, std::uint64_t member);
    // The configuration has been replaced: intervals, limits and logins are as in there.
    void reload();
    // Null: none is known. Until the next call of anything here.
    [[nodiscard]] const cluster::Member* primary() const;
    // A worker met a failure of this server's (ClusterState::on_traffic_failure): publishes and probes at once.
    void report_failure(cluster::HostIndex host, cluster::TrafficFailure how, std::string what);
    // A worker's read was answered while its snapshot said `awaits_success`.
    void report_success(cluster::HostIndex host);
    // Probes this server at once, without distrusting it (a 25006 from the primary, a new pool).
    void probe_now(cluster::HostIndex host);
    // Somebody waits for a newer sample or newer positions of replicas (the flags of `clock`): asks for them at once, but
    // no server more often than every 5 ms, and publishes each answer.
    void freshen();

  private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace pgweir::monitor
