#include "proxy/net/client.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/cluster/identity.hpp"
#include "proxy/net/canceler.hpp"
#include "proxy/net/client_replicating.hpp"
#include "proxy/net/client_shadow.hpp"
#include "proxy/net/client_starting.hpp"
#include "proxy/net/endpoint.hpp"
#include "proxy/net/listen_hub.hpp"
#include "proxy/net/server.hpp"
#include "proxy/net/slow_statement.hpp"
#include "proxy/session/printable.hpp"

namespace pgweir::net {

namespace sqlstate = protocol::sqlstate;

namespace {

std::uint64_t next_client_id() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

Client::Client(Worker& worker, int fd, const Endpoint& from, bool over_limit)
    : Peer(worker.poller()), worker_(worker), id_(next_client_id()), connected_(std::chrono::system_clock::now()), address_(from) {
    adopt(fd);
    const std::string address = address_.text();
    address_identity_ = cluster::identity_of(address);
    starting_ = std::make_unique<Starting>(worker, over_limit, address);
    starting_->has_secret = worker.random()(std::as_writable_bytes(std::span(&secret_, 1)));
}

Client::~Client() = default;

void Client::start() {
    worker_.counters().clients.add(1);
    counted_ = true;
    if (!starting_->has_secret) return fail(sqlstate::kInternalError, "no random bytes for the client's secret");
    on_readable();  // its first bytes are there, as a rule
}

// No new work for a client that leaves its answers lying, or they would pile up here. COPY data is taken: its notices may
// lie, as they would at the server.
bool Client::does_not_read() const noexcept {
    return blocked() && state_ != State::replication && (server_ == nullptr || server_->machine().copy() != session::Copy::in);
}

bool Client::gated() const noexcept {
    if (waiting() || homeless_ || awaits_channel_ || state_ == State::welcome || console_busy_ || does_not_read()) return true;
    if (state_ == State::login && starting_->asking) return true;
    if (state_ == State::replication) return !stream_takes();
    if (server_ == nullptr) return false;
    if (machine_->mid_message()) return server_->blocked();
    const session::ServerMachine& machine = server_->machine();
    return server_->blocked() || server_->held_for_cancel() || (!machine.accepts_requests() && machine.copy() != session::Copy::in);
}

void Client::on_readable() {
    if (state_ == State::refused) return discard();
    if (gated()) {  // read on when the gate opens; only the end of the stream matters now
        if (hung_up()) close("client closed the connection");
        return;
    }
    if (begins_with_tls()) return;
    Worker& worker = worker_;
    if (in_.size() >= Worker::kScratch / 2) {
        const std::size_t room = std::max(Worker::kScratch, in_.size() / 2);
        const std::ptrdiff_t got = receive(in_.room(room), room);
        if (got == 0) return close("client closed the connection");
        if (got > 0) {
            in_.extend(static_cast<std::size_t>(got));
            worker.counters().client_bytes_received.add(static_cast<std::uint64_t>(got));
        }
        const KeptBytes all = std::exchange(in_, {});
        return on_bytes(all.bytes());
    }
    const std::size_t kept = in_.size();
    if (kept > 0) std::memcpy(worker.scratch.data(), in_.bytes().data(), kept);
    const std::ptrdiff_t got = receive(worker.scratch.data() + kept, Worker::kScratch - kept);
    if (got == 0) return close("client closed the connection");
    if (got == kNothing) return arm_read();
    worker.counters().client_bytes_received.add(static_cast<std::uint64_t>(got));
    if (kept > 0) in_ = {};
    on_bytes(as_bytes({worker.scratch.data(), kept + static_cast<std::size_t>(got)}));
}

// Works on what has come; keeps what must wait. The caller keeps this alive.
void Client::on_bytes(Bytes bytes) {
    const std::size_t used = work(bytes);
    if (state_ == State::closed) return;
    if (used < bytes.size()) in_.assign(bytes.subspan(used));
    if (lost()) return close("connection lost");
    arm_read();
}

void Client::resume() {
    if (state_ == State::closed) return;
    if (working_) {
        again_ = true;
        return;
    }
    if (in_.empty()) return arm_read();
    const auto keep_alive = shared_from_this();
    const KeptBytes all = std::exchange(in_, {});
    on_bytes(all.bytes());
}

std::size_t Client::work(Bytes bytes) {
    working_ = true;
    std::size_t at = 0;
    while (state_ != State::closed && !does_not_read()) {
        again_ = false;
        const Bytes rest = bytes.subspan(at);
        std::size_t used = 0;
        switch (state_) {
            case State::login: used = on_login(rest); break;
            case State::console: used = on_console(rest); break;
            case State::replication: used = on_stream(rest); break;
            case State::session:
                if (waiting() || homeless_ || awaits_channel_) break;
                used = server_ != nullptr ? work_linked(rest) : work_unlinked(rest);
                break;
            case State::refused:
            case State::welcome:
            case State::closed: break;
        }
        at += used;
        const bool idle = used == 0 || (at == bytes.size() && state_ == State::session);
        if (idle && !again_) break;
    }
    working_ = false;
    return at;
}

std::size_t Client::work_linked(Bytes bytes) {
    if (server_->blocked() || server_->held_for_cancel()) return 0;
    const bool was_mid_message = machine_->mid_message();
    const session::Forwarded forwarded =
        machine_->forward(bytes, &server_->machine(), worker_.to_server, worker_.to_client);
    if (flush_to_server(); unsent_ && !was_mid_message && !machine_->mid_message() && server_->dead_on_sending()) {
        server_->give_back();
        return 0;
    }
    if (forwarded.consumed > 0) {
        unsent_ = false;
        unsent_tries_ = 0;
    }
    count(forwarded);
    if (shadow_) watched_sent(forwarded);
    flush_to_client();
    if (forwarded.failed) {
        worker_.counters().protocol_violations.add();
        fail(forwarded.violation.code, forwarded.violation.message);
    } else if (forwarded.terminate) {
        close("client said good-bye");
    } else if (forwarded.listen) {
        listen();
    } else if (server_ != nullptr && machine_->wants_move(server_->machine())) {
        move_transaction();
    } else if (was_mid_message && !machine_->mid_message() && server_->machine().quiet()) {
        server_->settle_down();
    }
    return forwarded.consumed;
}

std::size_t Client::work_unlinked(Bytes bytes) {
    if (bytes.empty()) return 0;
    if (leaving()) return say_farewell(), 0;
    const session::Plan plan = machine_->plan(bytes);
    switch (plan.kind) {
        case session::Plan::Kind::incomplete: return 0;
        case session::Plan::Kind::terminate: close("client said good-bye"); return 0;
        case session::Plan::Kind::violation:
            worker_.counters().protocol_violations.add();
            fail(plan.violation.code, plan.violation.message);
            return 0;
        case session::Plan::Kind::local: {
            const session::Forwarded forwarded =
                machine_->forward(bytes.first(plan.covered), nullptr, worker_.to_server, worker_.to_client);
            worker_.to_server.clear();
            flush_to_client();
            if (forwarded.failed) fail(forwarded.violation.code, forwarded.violation.message);
            if (forwarded.terminate) close("client said good-bye");
            drop_channels();
            return forwarded.consumed;
        }
        case session::Plan::Kind::server:
            if (shadow_) judge_shadow(plan.judged, bytes.first(plan.covered));
            acquire(plan.route);
            if (refusal_ == nullptr || state_ != State::session) return 0;
            return refuse_segment(bytes, sqlstate::kCannotConnectNow, std::exchange(refusal_, nullptr));
        case session::Plan::Kind::listen: listen(); return 0;
    }
    return 0;
}

void Client::acquire_from(HostPool& pool) {
    const pool::Acquired acquired = pool.pool.acquire(*this, queued_);
    switch (acquired.outcome) {
        case pool::Acquired::Outcome::leased: return link(*static_cast<Server*>(acquired.slot));
        case pool::Acquired::Outcome::queued: return worker_.pump(pool);
        case pool::Acquired::Outcome::refused:
            return fail(sqlstate::kTooManyConnections, "too many clients wait for a server connection (max_waiters)");
    }
}

void Client::link(Server& server) {
    const auto keep_alive = shared_from_this();
    server_ = &server;
    server.link(*this);
    unsent_ = !(machine_ && machine_->moving());  // what moves has begun, and its client knows
    avoid_.reset();
    end_hold();
    WorkerStats& stats = worker_.counters();
    stats.server_assignments.add();
    const auto waited = std::chrono::duration_cast<std::chrono::microseconds>(worker_.now() - queued_);
    stats.wait.record(waited);
    waited_ = std::max(waited, std::chrono::microseconds{0});
    stats.wait_us.add(static_cast<std::uint64_t>(waited_.count()));
    if (state_ == State::welcome) starting_->make_machine(*this, server);
    const std::size_t pending = server.machine().queue().size();
    const bool go = machine_->attach(server.machine(), route_, worker_.to_server.own(), worker_.to_client);
    if (!worker_.snapshot(group_->cluster)->primary) server.machine().attempt.without_primary();
    server.machine().schema_settled = worker_.schema_settled(group_->cluster, server.host_pool().host);
    const bool sent = server.machine().queue().size() > pending;
    if (sent) {
        server.settings_sent();
        flush_to_server();
    }
    if (!go) return;
    if (state_ == State::welcome) {
        if (sent) return;
        settings_accepted();
        return server.settle_down();
    }
    if (working_) {
        again_ = true;
        return;
    }
    resume();
}

void Client::reroute() {
    homeless_ = false;
    if (state_ == State::replication) return open_stream();
    rerouted_ = true;
    if (state_ == State::welcome) {
        acquire(first_route());
    } else if (machine_->moving()) {
        acquire(machine_->move());
    } else {
        resume();
    }
    rerouted_ = false;
}

void Client::unlink() {
    note_touch();
    server_ = nullptr;
    place_on_primary_.give_back();
    if (machine_) machine_->detached();
    drop_channels();
    send_notifications();
}

void Client::run_again(Server& server) {
    session::Attempt& attempt = server.machine().attempt;
    const session::Refusal why = attempt.refused() ? attempt.refusal() : session::Refusal::lost;
    in_.prepend(as_bytes(server.machine().take_back(*machine_)));
    machine_->run_again(why);
    (void)machine_->take_touch();  // nothing has been seen
    worker_.counters().reads_run_again[static_cast<std::size_t>(why)].add();
    if (why == session::Refusal::conflict && !group_->read_only) avoid_ = server.host_pool().host;
}

void Client::settings_refused(const std::string& error_body) {
    std::string out(1, 'E');
    append_be32(out, static_cast<std::uint32_t>(error_body.size() + 4));
    out += error_body;
    send(as_bytes(out));
    close("settings refused by the server");
}

void Client::server_lost(Loss loss) {
    server_ = nullptr;  // in the middle of an answer, perhaps: nothing but the error may follow
    place_on_primary_.give_back();
    if (machine_) machine_->detached();
    switch (loss) {
        case Loss::told: return close("server ended the connection");
        case Loss::plain: return fail(sqlstate::kConnectionFailure, "the server connection was lost");
        case Loss::fenced: return fail(sqlstate::kAdminShutdown, "the server is not the primary any more");
        case Loss::unknown: break;
    }
    fail(sqlstate::kTransactionResolutionUnknown,
         "the server connection was lost: whether the statement took effect is unknown");
}

void Client::cancel() {
    if (state_ == State::replication) return cancel_stream();
    if (awaits_channel_) return give_up_listening(sqlstate::kQueryCanceled, "canceling statement due to user request");
    if ((waiting() || homeless_) && !(machine_ && machine_->moving())) {
        return refuse_waiting(sqlstate::kQueryCanceled, "canceling statement due to user request");
    }
    if (server_ != nullptr && server_->working() && !server_->machine().internal_pending()) {
        worker_.counters().cancels_forwarded.add();
        return Canceler::start(worker_, server_->self());
    }
    worker_.counters().cancels_dropped.add();
}

void Client::fail(std::string_view code, std::string_view message) {
    if (state_ == State::closed) return;
    std::string out = starting_ ? std::move(starting_->unsaid) : std::string();
    protocol::append_error(out, "FATAL", code, message);
    send(as_bytes(out));
    end_sending();
    close(message);
}

void Client::close(std::string_view why) {
    if (state_ == State::closed) return;
    const auto keep_alive = shared_from_this();
    const bool was_login = state_ == State::login || state_ == State::refused;
    state_ = State::closed;
    homeless_ = false;
    end_freshness_wait();
    give_up_place();
    end_hold();
    if (waiting()) pool()->cancel_wait(*this);
    worker_.listen_hub().drop(*this);
    if (Server* server = std::exchange(server_, nullptr)) server->abandon();
    if (replicating_) end_stream(why);
    if (worker_.config().log.disconnections && !was_login) {
        spdlog::info("event=client_closed id={} user={} database={} addr={}:{} cause={}", id_, session::log_value(names_->user),
                     session::log_value(names_->database), address_.text(), address_.port(), session::log_value(why));
    }
    close_socket();
    machine_.reset();
    starting_.reset();
    in_ = {};
    if (counted_) worker_.counters().clients.add(-1);
    if (group_ != nullptr) group_->leave(worker_.now());
    worker_.remove_client(*this);
}

void Client::waited_too_long() {
    worker_.counters().wait_timeouts.add();
    homeless_ = false;
    if (waits_for_place_) {
        return fail(sqlstate::kCannotConnectNow,
                    "too few replicas are in rotation, and max_primary_reads run on the primary (query_wait_timeout)");
    }
    fail(sqlstate::kQueryCanceled, "no server connection became free in time (query_wait_timeout)");
}

void Client::tick(TimePoint now) {
    if (state_ == State::refused) return now >= starting_->refuse_at ? refuse_login() : void();
    const config::Config& config = worker_.config();
    const bool logging_in = state_ == State::login || (state_ == State::welcome && !waiting());
    if (logging_in && now - starting_->since > config.proxy.client_login_timeout) {
        worker_.counters().login_failures.add();
        return fail(sqlstate::kConnectionFailure, "login took too long (client_login_timeout)");
    }
    const auto limit = config.pool.query_wait_timeout;
    const bool late = limit.count() > 0 && now - queued_ > limit;
    if (homeless_ && late) return waited_too_long();
    if (held() && hold_cause_ == HoldCause::failover && now - hold_since_ >= config.pool.failover_wait) return hold_is_over(false);
    if (awaits_channel_ && late) give_up_listening(sqlstate::kQueryCanceled, "no connection to listen on in time (query_wait_timeout)");
    if (state_ == State::replication) tick_stream(now);
}

void Client::drain() {
    if (state_ == State::replication) return drain_stream();
    const bool idle = server_ == nullptr && !waiting() && (!homeless_ || held()) && !awaits_channel_;
    if (idle || state_ != State::session) say_farewell();
}

bool Client::leaving() const noexcept { return worker_.draining() || (group_ != nullptr && group_->retired); }

void Client::say_farewell() {
    if (worker_.draining()) return fail(sqlstate::kAdminShutdown, "pgweir is shutting down");
    fail(sqlstate::kAdminShutdown, "database \"" + group_->database + "\" is not configured any more as it was when this session began");
}

void Client::join_group(PoolGroup& group) noexcept {
    group_ = &group;
    ++group.clients;
}

void Client::on_drained() {
    if (state_ == State::replication) return resume_stream();
    resume_server();
}

void Client::resume_server() {
    send_notifications();
    if (server_ != nullptr) server_->arm_read();
    resume();
}

void Client::flush_to_client() {
    const Bytes bytes = worker_.to_client.bytes();
    if (!bytes.empty()) {
        worker_.counters().client_bytes_sent.add(bytes.size());
        send_soon(bytes);
    }
    worker_.to_client.clear();
}

// The first bytes since the link, unless they are a read's that can be taken back, must be known to have been sent or not:
// what was not is placed anew (work_linked(), semantics.md G). Such a read runs again as one whose replica was lost.
bool Client::sends_soon() const noexcept { return !unsent_ || server_->machine().attempt.open(); }

void Client::flush_to_server() {
    const Bytes bytes = worker_.to_server.bytes();
    if (server_ != nullptr && !bytes.empty()) {
        worker_.counters().server_bytes_sent.add(bytes.size());
        server_->segment_sent(worker_.now());
        sends_soon() ? server_->send_soon(bytes) : server_->send(bytes);
    }
    worker_.to_server.clear();
}

void Client::count(const session::Forwarded& forwarded) {
    WorkerStats& stats = worker_.counters();
    for (std::uint32_t i = 0; i < forwarded.segments; ++i) {
        last_ = machine_->route();
        stats.routed[static_cast<std::size_t>(last_->target)][static_cast<std::size_t>(last_->reason)].add();
        if (shadow_) count_shadow();
        stats.queries.add();
    }
}

SlowStatement Client::slow_statement(std::chrono::microseconds took) const {
    const std::string* name = machine_->desired()->find("application_name");
    return {.took = took,
            .waited = machine_->first_on_server() ? waited_ : std::chrono::microseconds{0},
            .client = id_,
            .user = names_->user,
            .database = names_->database,
            .address = address_.text(),
            .application_name = name != nullptr ? std::string_view(*name) : std::string_view{},
            .port = address_.port(),
            .server = server_->host_pool().key.server,
            .route = last_.value_or(route_)};
}

ClientRow Client::row(TimePoint now) const {
    ClientRow row;
    if (names_) {
        row.user = names_->user;
        row.database = names_->database;
    }
    row.state = server_ != nullptr             ? "active"
                : held() && hold_cause_       ? "held"
                : waiting() || homeless_      ? "waiting"
                : replicating_                ? "replication"
                                              : "idle";
    row.addr = address_.text();
    row.port = address_.port();
    if (tls() != nullptr) row.tls = tls()->version();
    row.connect_time = connected_;
    row.request_time = connected_;
    row.id = id_;
    row.worker = static_cast<unsigned>(worker_.id());
    if (waiting() || homeless_) row.wait = std::chrono::duration_cast<std::chrono::microseconds>(now - queued_);
    if (last_) {
        row.target = routing::name(last_->target);
        row.reason = sql::name(last_->reason);
    }
    if (server_ != nullptr) row.link = server_->host_pool().key.server;
    if (replicating_ && replicating_->stream) row.link = replicating_->stream->server_name();
    if (machine_) {
        if (machine_->pin() != session::Pin::none) row.pinned = session::name(machine_->pin());
        if (const std::string* name = machine_->desired()->find("application_name")) row.application_name = *name;
    }
    return row;
}

}  // namespace pgweir::net
