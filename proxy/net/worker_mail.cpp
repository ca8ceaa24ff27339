// What workers post to each other, and what the control thread asks of them.
#include <spdlog/spdlog.h>

#include <cstring>

#include "proxy/net/acceptor.hpp"
#include "proxy/net/canceler.hpp"
#include "proxy/net/client.hpp"
#include "proxy/net/listen_hub.hpp"
#include "proxy/net/process_id.hpp"
#include "proxy/net/server.hpp"
#include "proxy/net/verifier.hpp"
#include "proxy/net/worker.hpp"

namespace pgweir::net {

namespace {

// Equal in the bytes of a cancel key, in a time that does not tell where they differ.
bool same_secret(std::uint64_t secret, std::string_view given) noexcept {
    if (given.size() != 4 && given.size() != sizeof secret) return false;
    unsigned difference = 0;
    std::array<char, sizeof secret> bytes;
    std::memcpy(bytes.data(), &secret, sizeof secret);
    for (std::size_t i = 0; i < given.size(); ++i) {
        difference |= static_cast<unsigned>(static_cast<unsigned char>(bytes[i] ^ given[i]));
    }
    return difference == 0;
}

// Apart from the set, which giving up changes.
template <class T>
std::vector<std::shared_ptr<T>> those_due(const std::unordered_set<std::shared_ptr<T>>& all, TimePoint time) {
    std::vector<std::shared_ptr<T>> due;
    for (const auto& one : all) {
        if (one->due(time)) due.push_back(one);
    }
    return due;
}

}  // namespace

void Worker::cancel_request(std::uint32_t pid, std::string secret) {
    const ProcessId who = ProcessId::from(pid);
    if (who.worker >= shared_.workers.size()) return;
    Worker& other = *shared_.workers[who.worker];
    other.post([&other, slot = who.slot, secret = std::move(secret)] {
        const std::shared_ptr<Client> client = slot < other.clients_.size() ? other.clients_[slot] : nullptr;
        if (!client || !same_secret(client->secret(), secret)) return other.stats_.cancels_dropped.add();
        client->cancel();
    });
}

void Worker::hungry(pool::PoolKey key, pool::WorkerId who) {
    post([this, key = std::move(key), who] {
        HostPool* pool = find_pool(key);
        if (pool == nullptr) return;
        while (pool::ServerSlot* slot = pool->pool.give_idle(who)) hand_over(static_cast<Server&>(*slot), who);
    });
}

void Worker::retry(pool::PoolKey key) {
    post([this, key = std::move(key)] {
        if (HostPool* pool = find_pool(key)) pump(*pool);
    });
}

void Worker::to_hub(pool::WorkerId who, std::function<void(ListenHub&)> task) {
    Worker& other = *shared_.workers[pool::index_of(who)];
    other.post([&other, task = std::move(task)] { task(*other.listen_hub_); });
}

void Worker::hand_over(Server& server, pool::WorkerId to) {
    const auto keep_alive = server.self();
    stats_.handed_over.add();
    std::shared_ptr<Handover> handover = server.hand_over();
    remove_server(server);
    shared_.workers[pool::index_of(to)]->take_over(std::move(handover));
}

void Worker::take_over(std::shared_ptr<Handover> handover) {
    post([this, handover = std::move(handover)] {
        PoolGroup* group = group_for(*handover);
        if (group == nullptr) {  // its database or its server is gone: the connection closes with `handover`
            handover->budget->give_back();
            if (HostPool* pool = find_pool(handover->key)) pump(*pool);
            return;
        }
        if (group->welcome.empty() && !handover->welcome.empty()) learn_welcome(*group, handover->welcome);
        HostPool& pool = host_pool(*group, handover->host);
        if (handover->fd < 0) {
            pool.pool.adoption_failed();
            return pump(pool);
        }
        auto server = std::make_shared<Server>(*this, pool, *handover);
        add_server(server);
        if (!may_connect(pool)) handover->history.retired = true;
        const pool::Released released = pool.pool.adopt(*server, handover->history, now());
        server->arm_read();
        settle(*server, released);
        pump(pool);
    });
}

// Null: there is no such pool any more.
PoolGroup* Worker::group_for(const Handover& handover) {
    const pool::PoolKey& key = handover.key;
    const std::size_t host = cluster::index_of(handover.host);
    if (handover.cluster >= snapshots_.size() || host >= snapshots_[handover.cluster]->servers.size()) return nullptr;
    const cluster::ServerView& server = snapshots_[handover.cluster]->servers[host];
    if (server.gone || server.member != key.member) return nullptr;
    if (HostPool* pool = find_pool(key)) return &pool->group;
    PoolGroup* group = this->group(handover.database, handover.user, handover.secret);
    const bool same = group != nullptr && group->user == key.user && group->identity() == GroupIdentity{key.dbname, handover.cluster, key.read_only};
    return same ? group : nullptr;
}

void Worker::drain() {
    post([this] {
        draining_ = true;
        const std::vector<std::shared_ptr<Client>> clients = clients_;
        for (const auto& client : clients) {
            if (client) client->drain();
        }
        finish_if_drained();
    });
}

void Worker::finish_if_drained() {
    if (!draining_ || free_slots_.size() < clients_.size()) return;
    finished_.store(true);
}

void Worker::tick() {
    const TimePoint time = now();
    std::vector<HostPool*> pools;
    for_each_pool([&](HostPool& pool) { pools.push_back(&pool); });
    for (HostPool* pool : pools) sweep(*pool, time);
    for (std::size_t slot = 0; slot < clients_.size(); ++slot) {
        if (const std::shared_ptr<Client> client = clients_[slot]) client->tick(time);
    }
    const std::vector<std::shared_ptr<Backend>> backends(backends_.begin(), backends_.end());
    for (const auto& backend : backends) backend->tick(time);
    for (const auto& server : those_due(servers_, time)) server->give_up();
    for (const auto& canceler : those_due(cancelers_, time)) canceler->give_up();
    verifier_->tick();
    acceptor_->tick(time);
    tell_watches(time);
    finish_pauses();
    retire_unused(time);
    close_retired();
    free_gone();
    publish_gauges();
}

void Worker::sweep(HostPool& pool, TimePoint time) {
    const pool::Sweep due = pool.pool.sweep(time);
    for (pool::ServerSlot* slot : due.close) static_cast<Server*>(slot)->say_goodbye();
    for (pool::ServerSlot* slot : due.late) static_cast<Server*>(slot)->connect_timed_out();
    for (pool::Waiter* waiter : due.timed_out) static_cast<Client*>(waiter)->waited_too_long();
    pump(pool);
}

void Worker::publish_gauges() {
    std::size_t idle = 0;
    std::size_t waiting = static_cast<std::size_t>(stats_.clients_held.get()) + stale_.size();
    for (const PrimaryReads& reads : primary_reads_) waiting += reads.waiting();
    for_each_pool([&](HostPool& pool) {
        const pool::PoolCounts counts = pool.pool.counts(now());
        idle += counts.idle;
        waiting += counts.waiting;
    });
    stats_.servers_idle.set(static_cast<std::int64_t>(idle));
    stats_.clients_waiting.set(static_cast<std::int64_t>(waiting));
    const auto catch_up = [](Counter& counter, std::uint64_t value) { counter.add(value - counter.get()); };
    catch_up(stats_.client_parses, statements_.counters.client_parses);
    catch_up(stats_.server_parses, statements_.counters.server_parses);
    catch_up(stats_.binds, statements_.counters.binds);
    catch_up(stats_.statements_promoted, statements_.counters.promoted);
}

void Worker::ping(std::function<void()> done) { post(std::move(done)); }

void Worker::inspect(std::function<void(Inspection)> done) {
    post([this, done = std::move(done)] {
        Inspection out;
        collect(out);
        done(std::move(out));
    });
}

void Worker::collect(Inspection& out) {
    const TimePoint time = now();
    for_each_pool([&](HostPool& pool) {
        const pool::PoolCounts counts = pool.pool.counts(time);
        const auto number = [](std::size_t n) { return static_cast<std::uint32_t>(n); };
        PoolRow row;
        row.database = pool.group.database;
        row.user = pool.key.user;
        row.server = pool.key.server;
        row.cl_active = number(counts.active + counts.canceling);
        row.cl_waiting = number(counts.waiting);
        row.cl_active_cancel_req = number(counts.canceling);
        row.sv_active = number(counts.active);
        row.sv_being_canceled = number(counts.canceling);
        row.sv_idle = number(counts.idle);
        row.sv_login = number(counts.login);
        row.maxwait = std::chrono::duration_cast<std::chrono::microseconds>(counts.oldest_wait);
        row.pool_mode = pool.group.mode;
        row.pool_size = pool.group.pool_size;
        out.pools.push_back(std::move(row));
    });
    for (const auto& client : clients_) {
        if (client) out.clients.push_back(client->row(time));
    }
    for (const auto& server : servers_) out.servers.push_back(server->row());
    for (const auto& backend : backends_) out.servers.push_back(backend->row());
    for (const session::LearnedReads::Entry& entry : statements_.learned.entries()) {
        const PoolGroup* group = group_of(entry.scope);
        if (group != nullptr) out.learned.push_back({group->database, group->user, entry.text, entry.refusals, entry.uses, static_cast<unsigned>(id_)});
    }
}

}  // namespace pgweir::net
