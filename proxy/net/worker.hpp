// One thread with its own event loop, clients, pools and server connections. Workers share nothing but Shared and post to
// each other.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <unordered_set>
#include <vector>

#include "protocol/scram_crypto.hpp"
#include "proxy/cluster/balancer.hpp"
#include "proxy/cluster/snapshot.hpp"
#include "proxy/net/client_names.hpp"
#include "proxy/net/database_watch.hpp"
#include "proxy/net/host_pool.hpp"
#include "proxy/net/inspect.hpp"
#include "proxy/net/pause_set.hpp"
#include "proxy/net/poller.hpp"
#include "proxy/net/primary_reads.hpp"
#include "proxy/net/shared.hpp"
#include "proxy/net/stats.hpp"
#include "proxy/routing/route.hpp"
#include "proxy/session/gather.hpp"
#include "proxy/session/statement_cache.hpp"

namespace pgweir::net {

class Acceptor;
class Backend;
class Canceler;
class Client;
class ListenHub;
class ListeningSocket;
class Server;
class Verifier;
struct Handover;

using TimePoint = std::chrono::steady_clock::time_point;

class Worker {
  public:
    Worker(Shared& shared, pool::WorkerId id);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    void start();  // starts the thread
    void join();

    // --- From any thread.
    void post(std::function<void()> task) { poller_.post(std::move(task)); }  // runs on the worker's thread
    // A client that another worker has accepted. `over_limit`: of max_client_conn.
    void adopt_client(int fd, const Endpoint& from, bool over_limit);
    // Accepts clients from these sockets from now on, and no others.
    void listen(std::vector<std::shared_ptr<const ListeningSocket>> sockets);
    void publish(std::size_t cluster, std::shared_ptr<const cluster::Snapshot> snapshot);
    // The configuration was reloaded.
    void reload(std::shared_ptr<const Settings> settings);
    // What is known of a database's names now; of one that the worker has not asked about it is dropped.
    void learn_catalog(sql::CatalogKey key, std::shared_ptr<const sql::Catalog> catalog);
    void cancel_request(std::uint32_t pid, std::string secret);
    void inspect(std::function<void(Inspection)> done);  // `done` is called on this worker's thread
    void ping(std::function<void()> done);
    void hungry(pool::PoolKey key, pool::WorkerId who);
    void retry(pool::PoolKey key);
    void take_over(std::shared_ptr<Handover> handover);
    // PAUSE: holds the clients of a database (empty: of all) when they want a server connection. `done` is called on this
    // worker's thread when the last of its server connections is closed, or the pause is over.
    void pause(std::string database, std::function<void()> done);
    void resume(std::string database);
    // Idle clients go at once, the others when their transaction ends; the thread ends when all are gone, or at stop().
    void drain();
    void stop();
    // Clients that it has or was given.
    [[nodiscard]] std::uint32_t load() const noexcept { return load_.load(std::memory_order_relaxed); }
    [[nodiscard]] const WorkerStats& stats() const noexcept { return stats_; }
    [[nodiscard]] bool finished() const noexcept { return finished_.load() && load() == 0; }

    // --- On the worker's own thread: for its clients and servers.
    [[nodiscard]] Poller& poller() noexcept { return poller_; }
    [[nodiscard]] Shared& shared() noexcept { return shared_; }
    [[nodiscard]] const Settings& settings() const noexcept { return *settings_; }
    [[nodiscard]] const config::Config& config() const noexcept { return settings_->config; }
    // For what goes on with them when there are newer ones.
    [[nodiscard]] const std::shared_ptr<const Settings>& settings_now() const noexcept { return settings_; }
    [[nodiscard]] pool::WorkerId id() const noexcept { return id_; }
    [[nodiscard]] WorkerStats& counters() noexcept { return stats_; }
    [[nodiscard]] session::ParameterTable& parameters() noexcept { return parameters_; }
    [[nodiscard]] session::StatementCache& statements() noexcept { return statements_; }
    [[nodiscard]] ClientNamesTable& client_names() noexcept { return client_names_; }
    // When this wake began: one reading of the clock for all that came in it.
    [[nodiscard]] TimePoint now() const noexcept { return now_; }
    [[nodiscard]] bool draining() const noexcept { return draining_; }
    [[nodiscard]] bool stopped() const noexcept { return stopped_; }
    [[nodiscard]] const cluster::Snapshot* snapshot(std::size_t cluster) const noexcept {
        return snapshots_[cluster].get();
    }
    // The receive buffer, and the outputs of the chunk that is being worked on.
    static constexpr std::size_t kScratch = 64 * 1024;
    std::array<char, kScratch> scratch;
    session::Gather to_client, to_server;

    // Null: there is none of this name.
    [[nodiscard]] const config::Database* database(const std::string& name) const noexcept;
    // What is behind this name; none: no such database.
    [[nodiscard]] std::optional<GroupIdentity> identity_of(const std::string& database) const;
    // The pools for a database and user, made when needed; null when there is no such database.
    [[nodiscard]] PoolGroup* group(const std::string& database, const std::string& user, const session::ServerSecret& secret);
    // Null: no primary is known.
    [[nodiscard]] HostPool* primary_pool(PoolGroup& group);
    // The primary is known and answers.
    [[nodiscard]] bool primary_answers(const PoolGroup& group) const noexcept;
    // Whether the server has replayed the last change of the schema that pgweir has seen.
    [[nodiscard]] bool schema_settled(std::size_t cluster, cluster::HostIndex host);
    // Who is in the way on one server: Pool::crowd().
    [[nodiscard]] static std::uint32_t crowd(const PoolGroup& group, std::size_t host) noexcept;
    // A replica for the route that `bound` admits, or with read_preference = nearest perhaps the primary; none: `why` says
    // what stands in the way. It is replicas_lag, too, where the one that is returned lags (when_all_lag). `client`:
    // identity_of() its address.
    [[nodiscard]] std::optional<cluster::HostIndex> pick(const PoolGroup& group, const routing::Route& route, std::uint64_t client,
                                                         const cluster::Bound& bound, std::optional<cluster::HostIndex> avoid,
                                                         sql::Reason& why);
    // A replica has answered a read: for the balancer, and its breaker.
    void read_answered(std::size_t cluster, cluster::HostIndex host, std::chrono::microseconds took);
    [[nodiscard]] PrimaryReads& primary_reads(std::size_t cluster) noexcept { return primary_reads_[cluster]; }
    void wake_primary_reads(pool::WorkerId who, std::size_t cluster);
    // SampleClock::next() of the cluster.
    [[nodiscard]] std::uint64_t next_sample(std::size_t cluster) const noexcept { return settings_->clusters[cluster].clock->next(); }
    // Asks the control thread for what `why` (awaiting_sample, replica_behind, max_lag) calls for, unless it is on its way.
    void want_fresh(std::size_t cluster, sql::Reason why);
    // Client::look_again() at each news of a cluster, and at `deadline`.
    void wait_for_freshness(Client& client, TimePoint deadline);
    [[nodiscard]] HostPool& host_pool(PoolGroup& group, cluster::HostIndex host);
    // Starts logins, asks and wakes other workers, as the pool's state calls for.
    void pump(HostPool& pool);
    void tell_others(HostPool& pool);  // pump()'s part with the other workers
    // Where a connection went that became free.
    void settle(Server& server, const pool::Released& released);
    // A server is not to be used for reads for a moment, until the monitor has made up its mind; its waiters go elsewhere.
    void suspect(HostPool& pool);
    void reroute_waiters(HostPool& pool);
    // New connections may be made: nothing is paused, and the server may be used.
    [[nodiscard]] bool may_connect(const HostPool& pool) const;
    [[nodiscard]] bool paused(const PoolGroup& group) const { return pauses_.covers(group.database); }
    // Of what a server reported at login, the settings that are tracked.
    [[nodiscard]] session::ParameterRef tracked(const ParameterList& reported);
    // What the primary reports is what every client is welcomed with.
    void learn_welcome(PoolGroup& group, const ParameterList& reported);
    void count_use(std::size_t cluster, cluster::HostIndex host, int delta) noexcept;
    // Unpredictable bytes, for secrets.
    [[nodiscard]] protocol::RandomReserve& random() noexcept { return random_; }
    [[nodiscard]] double jitter() noexcept { return chance_.next(); }

    void take_client(int fd, const Endpoint& from, bool over_limit);
    void remove_client(Client& client);
    void add_server(std::shared_ptr<Server> server);
    void remove_server(Server& server);
    // Connections to servers that no pool has: they get ticks, and a row in the console.
    void add_backend(std::shared_ptr<Backend> backend);
    void remove_backend(Backend& backend);
    [[nodiscard]] ListenHub& listen_hub() noexcept { return *listen_hub_; }
    [[nodiscard]] Verifier& verifier() noexcept { return *verifier_; }
    // Runs a task with another worker's hub (or this one's), on that worker's thread.
    void to_hub(pool::WorkerId who, std::function<void(ListenHub&)> task);
    void add_canceler(std::shared_ptr<Canceler> canceler);
    void remove_canceler(Canceler& canceler);

  private:
    void run();
    void begin_client(int fd, const Endpoint& from, bool over_limit);
    [[nodiscard]] std::uint32_t add_client(std::shared_ptr<Client> client);  // its cancel slot
    void tick();
    void sweep(HostPool& pool, TimePoint now);
    void apply(std::shared_ptr<const Settings> settings);
    void make_room_for_clusters();
    void configure(PoolGroup& group, const config::Database& entry, const session::ServerSecret& secret);
    void reconfigure_groups();
    [[nodiscard]] bool still_is(const PoolGroup& group, const config::Database& entry) const;
    void retire(std::unique_ptr<PoolGroup> group);
    void close_retired();
    void retire_unused(TimePoint time);
    void leave_gone(std::size_t cluster);
    void free_gone();
    struct Gone {
        std::size_t cluster = 0;
        cluster::HostIndex host{};
        std::uint64_t member = 0;
    };
    [[nodiscard]] bool refers_to(const Gone& gone);
    [[nodiscard]] PoolGroup* group_for(const Handover& handover);
    [[nodiscard]] pool::PoolLimits limits_of(const PoolGroup& group) const noexcept;
    [[nodiscard]] GroupIdentity identity_of(const std::string& database, const config::Database& entry) const;
    [[nodiscard]] DatabaseWatch& watch(const config::Database& database, const PoolGroup& group);
    void note_use(DatabaseWatch& watch);
    void tell_watches(TimePoint now);
    void leave_promoted(std::size_t cluster, cluster::HostIndex primary);
    void leave_silent(std::size_t cluster, const cluster::Snapshot& before);
    void leave_fenced(std::size_t cluster, const cluster::Snapshot& before);
    void fence(std::size_t cluster, cluster::HostIndex host);
    void wake_held(std::size_t cluster);
    void finish_pauses();
    void on_snapshot(std::size_t cluster, const cluster::Snapshot& before);
    void hand_over(Server& server, pool::WorkerId to);
    void finish_if_drained();
    [[nodiscard]] const PoolGroup* group_of(session::StatementScope scope) const noexcept;
    [[nodiscard]] HostPool* find_pool(const pool::PoolKey& key);
    void look_again();
    void publish_gauges();
    void for_each_group(const std::function<void(PoolGroup&)>& call) const;
    void for_each_pool(const std::function<void(HostPool&)>& call);
    void start_login(HostPool& pool);
    void open_sends();
    void collect(Inspection& out);

    Poller poller_;  // first: sockets leave it when they are destroyed
    Shared& shared_;
    std::shared_ptr<const Settings> settings_;
    pool::WorkerId id_;
    WorkerStats stats_;
    ClientNamesTable client_names_;
    session::ParameterTable parameters_;
    using WatchName = std::tuple<std::string, std::string, std::size_t>;  // as clients call it, as servers do, cluster
    std::map<WatchName, std::unique_ptr<DatabaseWatch>> watches_;         // outlive the statements
    session::StatementCache statements_;
    std::vector<std::shared_ptr<const cluster::Snapshot>> snapshots_;  // by cluster
    std::vector<cluster::Balancer> balancers_;                         // by cluster
    std::deque<PrimaryReads> primary_reads_;                           // by cluster
    std::vector<std::vector<std::uint32_t>> in_use_;                   // by cluster and host
    std::vector<std::vector<TimePoint>> suspect_until_;                // by cluster and host
    std::vector<Gone> gone_;                                           // servers that have left, while they are still in use
    std::vector<std::vector<std::uint64_t>> left_;                     // by cluster and host: the last member that left
    TimePoint tell_use_{};
    std::map<std::pair<std::string, std::string>, std::unique_ptr<PoolGroup>> groups_;  // by database and user on the servers
    std::vector<std::unique_ptr<PoolGroup>> retired_groups_;           // clients or connections of theirs are still here
    std::uint32_t next_scope_ = 0;
    std::vector<std::shared_ptr<Client>> clients_;                     // by cancel slot
    std::vector<std::uint32_t> free_slots_;
    std::unordered_set<std::shared_ptr<Server>> servers_;
    std::unordered_set<std::shared_ptr<Backend>> backends_;            // but for the pools' servers
    PauseSet pauses_;
    std::vector<std::pair<std::string, std::function<void()>>> pausing_;  // by database (empty: all): told when it is paused
    std::vector<std::shared_ptr<Client>> stale_;                       // waiting for a replica that has what they must see
    TimePoint stale_deadline_ = TimePoint::max();                      // the first of theirs
    cluster::Chance chance_;
    protocol::RandomReserve random_;
    bool draining_ = false;
    std::atomic<bool> finished_{false};
    std::atomic<std::uint32_t> load_{0};
    std::unordered_set<std::shared_ptr<Canceler>> cancelers_;
    std::unique_ptr<Acceptor> acceptor_;
    std::unique_ptr<ListenHub> listen_hub_;
    std::unique_ptr<Verifier> verifier_;
    std::uint64_t schema_epoch_ = session::StatementCache::schema_epoch();
    TimePoint schema_changed_{};  // seen here; zero: not since the start
    TimePoint now_ = std::chrono::steady_clock::now();
    bool stopped_ = false;
    std::thread thread_;
};

}  // namespace pgweir::net
