#include "proxy/net/worker.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "proxy/net/acceptor.hpp"
#include "proxy/net/canceler.hpp"
#include "proxy/net/client.hpp"
#include "proxy/net/listen_hub.hpp"
#include "proxy/net/random_word.hpp"
#include "proxy/net/server.hpp"
#include "proxy/net/verifier.hpp"

namespace pgweir::net {

namespace {

constexpr std::chrono::seconds kSuspicion{1};
constexpr std::chrono::milliseconds kTick{100};

// No thread is ever cancelled. Told so, glibc spares two atomic instructions around each send() and recv(), which are
// cancellation points: it only marks what is not asynchronous already.
void make_cancellation_free() noexcept {
    int before = 0;
    ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    ::pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before);
}

}  // namespace

Worker::Worker(Shared& shared, pool::WorkerId id)
    : shared_(shared),
      settings_(shared.settings),
      id_(id),
      statements_(*settings_->functions, config().pool.statement_cache_size, config().routing.learned_statements_size),
      chance_(random_word()),
      acceptor_(std::make_unique<Acceptor>(*this)),
      listen_hub_(std::make_unique<ListenHub>(*this)),
      verifier_(std::make_unique<Verifier>(*this)) {
    make_room_for_clusters();
}

Worker::~Worker() {
    join();
    stale_.clear();
    clients_.clear();
    servers_.clear();
    backends_.clear();
    cancelers_.clear();
}

void Worker::start() {
    thread_ = std::thread([this] { run(); });
}

void Worker::run() {
    make_cancellation_free();
    open_sends();
    now_ = std::chrono::steady_clock::now();
    TimePoint next_tick = now_ + kTick;
    while (!stopped_) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::min(next_tick, stale_deadline_) - now_);
        poller_.wait(std::max(left, std::chrono::milliseconds{0}));
        now_ = std::chrono::steady_clock::now();
        poller_.dispatch();
        if (now_ >= stale_deadline_) look_again();
        if (now_ < next_tick) continue;
        tick();
        next_tick = now_ + kTick;
    }
}

// Without a ring each send is a system call.
void Worker::open_sends() {
    if (!config().proxy.io_uring) return;
    const int error = poller_.sends().open();
    if (error != 0 && pool::index_of(id_) == 0) spdlog::info("event=io_uring_unavailable cause=\"{}\"", std::generic_category().message(error));
}

void Worker::join() {
    if (thread_.joinable()) thread_.join();
}

void Worker::stop() {
    post([this] {
        finished_.store(true);
        stopped_ = true;
    });
}

void Worker::listen(std::vector<std::shared_ptr<const ListeningSocket>> sockets) {
    post([this, sockets = std::move(sockets)] { acceptor_->listen(sockets); });
}

void Worker::adopt_client(int fd, const Endpoint& from, bool over_limit) {
    load_.fetch_add(1, std::memory_order_relaxed);
    post([this, fd, from, over_limit] { begin_client(fd, from, over_limit); });
}

void Worker::take_client(int fd, const Endpoint& from, bool over_limit) {
    load_.fetch_add(1, std::memory_order_relaxed);
    begin_client(fd, from, over_limit);
}

void Worker::begin_client(int fd, const Endpoint& from, bool over_limit) {
    const auto client = std::make_shared<Client>(*this, fd, from, over_limit);
    client->set_slot(add_client(client));
    client->start();
    if (draining_) client->drain();  // another worker accepted it before it heard of the end
}

std::uint32_t Worker::add_client(std::shared_ptr<Client> client) {
    if (free_slots_.empty()) {
        clients_.push_back(std::move(client));
        return static_cast<std::uint32_t>(clients_.size() - 1);
    }
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    clients_[slot] = std::move(client);
    return slot;
}

void Worker::remove_client(Client& client) {
    const std::uint32_t slot = client.slot();
    if (slot >= clients_.size() || clients_[slot].get() != &client) return;
    const std::shared_ptr<Client> last = std::move(clients_[slot]);
    clients_[slot].reset();
    free_slots_.push_back(slot);
    shared_.clients.fetch_sub(1);
    load_.fetch_sub(1, std::memory_order_relaxed);
    std::erase_if(stale_, [&](const auto& other) { return other == last; });
    finish_if_drained();
}

void Worker::add_server(std::shared_ptr<Server> server) { servers_.insert(std::move(server)); }

void Worker::remove_server(Server& server) { servers_.erase(server.self()); }

void Worker::add_backend(std::shared_ptr<Backend> backend) { backends_.insert(std::move(backend)); }

void Worker::remove_backend(Backend& backend) {
    backends_.erase(std::static_pointer_cast<Backend>(backend.shared_from_this()));
}

void Worker::add_canceler(std::shared_ptr<Canceler> canceler) { cancelers_.insert(std::move(canceler)); }

void Worker::remove_canceler(Canceler& canceler) {
    cancelers_.erase(std::static_pointer_cast<Canceler>(canceler.shared_from_this()));
}

void Worker::publish(std::size_t cluster, std::shared_ptr<const cluster::Snapshot> snapshot) {
    post([this, cluster, snapshot = std::move(snapshot)]() mutable {
        const std::shared_ptr<const cluster::Snapshot> before = std::exchange(snapshots_[cluster], std::move(snapshot));
        on_snapshot(cluster, *before);
    });
}

void Worker::on_snapshot(std::size_t cluster, const cluster::Snapshot& before) {
    const cluster::Snapshot& snapshot = *snapshots_[cluster];
    in_use_[cluster].resize(snapshot.servers.size());
    suspect_until_[cluster].resize(snapshot.servers.size());
    for (std::size_t i = 0; i < before.servers.size(); ++i) {  // proven good again since it was out
        const bool was_out = before.servers[i].rotation != cluster::Rotation::in;
        if (was_out && snapshot.servers[i].rotation == cluster::Rotation::in) suspect_until_[cluster][i] = {};
    }
    leave_gone(cluster);
    leave_fenced(cluster, before);
    const auto primary = snapshot.serving_primary();
    const bool moved = primary != before.serving_primary();
    for_each_pool([&](HostPool& pool) {
        if (pool.group.cluster != cluster) return;
        const bool was_primary = before.primary == pool.host && snapshot.primary != pool.host;
        const bool serves = primary == pool.host || snapshot.in_rotation(pool.host);
        if (primary == pool.host && moved) pool.pool.server_is_back();
        if (pool.pool.counts(now()).waiting > 0 && (was_primary || !serves)) reroute_waiters(pool);
    });
    leave_silent(cluster, before);
    listen_hub_->look_at_primary(cluster);
    if (snapshot.primary && snapshot.primary != before.primary) leave_promoted(cluster, *snapshot.primary);
    if ((primary && moved) || snapshot.arrivals != before.arrivals) wake_held(cluster);
    const bool replica = std::ranges::any_of(
        snapshot.servers, [](const cluster::ServerView& server) { return server.rotation == cluster::Rotation::in; });
    if (replica || !snapshot.few_healthy || (primary && moved)) primary_reads_[cluster].wake_all();
    look_again();
    verifier_->look_again();
}

// A server that hangs, or to which nothing passes, ends no connection. Reads that it has not begun to answer run elsewhere.
void Worker::leave_silent(std::size_t cluster, const cluster::Snapshot& before) {
    const cluster::Snapshot& snapshot = *snapshots_[cluster];
    const auto went_silent = [&](std::size_t host) {
        return host < before.servers.size() && before.servers[host].reachable && !snapshot.servers[host].reachable &&
               !snapshot.servers[host].gone;
    };
    const std::vector<std::shared_ptr<Server>> servers(servers_.begin(), servers_.end());
    for (const auto& server : servers) {
        const HostPool& pool = server->host_pool();
        if (pool.group.cluster == cluster && went_silent(cluster::index_of(pool.host))) server->went_silent();
    }
}

// Sessions for reading only that were on a replica are on a primary now, where they could be made to write.
void Worker::leave_promoted(std::size_t cluster, cluster::HostIndex primary) {
    const std::vector<std::shared_ptr<Server>> servers(servers_.begin(), servers_.end());
    for (const auto& server : servers) {
        const HostPool& pool = server->host_pool();
        if (pool.group.read_only && pool.group.cluster == cluster && pool.host == primary && !server->logging_in()) {
            server->close("the replica has become the primary");
        }
    }
}

void Worker::reroute_waiters(HostPool& pool) {
    for (pool::Waiter* waiter : pool.pool.take_waiters()) static_cast<Client*>(waiter)->reroute();
}

session::ParameterRef Worker::tracked(const ParameterList& reported) {
    std::vector<session::Parameter> settings;
    for (const auto& [name, value] : reported) {
        if (session::is_tracked_report(name)) settings.push_back({session::canonical_name(name), value});
    }
    session::ParameterRef result = parameters_.intern(std::move(settings));
    result.prove();
    return result;
}

void Worker::learn_welcome(PoolGroup& group, const ParameterList& reported) {
    if (group.welcome != reported) {
        group.welcome = reported;
        group.greetings.clear();
    }
    group.accepted.try_emplace("", tracked(reported));
}

void Worker::count_use(std::size_t cluster, cluster::HostIndex host, int delta) noexcept {
    in_use_[cluster][cluster::index_of(host)] += static_cast<std::uint32_t>(delta);
    stats_.servers_active.add(delta);
}

void Worker::suspect(HostPool& pool) {
    const cluster::Snapshot& snapshot = *snapshots_[pool.group.cluster];
    if (snapshot.primary == pool.host) return;
    suspect_until_[pool.group.cluster][cluster::index_of(pool.host)] = now() + kSuspicion;
    reroute_waiters(pool);
}

void Worker::start_login(HostPool& pool) {
    auto server = std::make_shared<Server>(*this, pool);
    add_server(server);
    stats_.servers_login.add(1);
    pool.pool.login_started(*server, now());
    server->open_connection();
}

void Worker::pump(HostPool& pool) {
    if (may_connect(pool)) {
        for (unsigned wanted = pool.pool.connects_wanted(now()); wanted > 0; --wanted) start_login(pool);
    }
    if (shared_.workers.size() > 1) tell_others(pool);
    if (!pool.group.retired) return;
    // What has become free here is what the pool that has taken its place may wait for.
    HostPool* const successor = find_pool(pool.key);
    if (successor != nullptr && !successor->group.retired) pump(*successor);
}

void Worker::tell_others(HostPool& pool) {
    if (pool.pool.take_ask()) {
        for (Worker* other : shared_.workers) {
            if (other != this) other->hungry(pool.key, id_);
        }
    }
    pool::WorkerSet hungry_ones = pool.pool.hungry_elsewhere();
    while (const auto other = hungry_ones.take()) shared_.workers[pool::index_of(*other)]->retry(pool.key);
}

void Worker::settle(Server& server, const pool::Released& released) {
    HostPool& pool = server.host_pool();
    switch (released.next) {
        case pool::Released::Next::to_waiter: return static_cast<Client*>(released.waiter)->link(server);
        case pool::Released::Next::idle:
            if (shared_.workers.size() > 1) pump(pool);
            return;
        case pool::Released::Next::hand_over: hand_over(server, released.worker); break;
        case pool::Released::Next::close: server.say_goodbye(); break;
    }
    pump(pool);
}

}  // namespace pgweir::net
