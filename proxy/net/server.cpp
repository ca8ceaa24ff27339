#include "proxy/net/server.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/net/client.hpp"
#include "proxy/net/slow_statement.hpp"
#include "proxy/session/printable.hpp"
#include "proxy/session/session_state.hpp"

namespace pgweir::net {

namespace {

constexpr int kReceivesPerWake = 8;
constexpr std::chrono::seconds kLinger{5};

}  // namespace

Handover::~Handover() {
    if (fd >= 0) ::close(fd);
}

Server::Server(Worker& worker, HostPool& pool) : Backend(worker, pool_target(pool)), pool_(pool) {}

Server::Server(Worker& worker, HostPool& pool, Handover& handover)
    : Backend(worker, pool_target(pool), handover.endpoint, handover.pid, std::move(handover.secret_key), handover.id,
              handover.connected),
      pool_(pool) {
    adopt(std::exchange(handover.fd, -1), std::move(handover.tls));
    login_settings_ = worker.parameters().intern(std::move(handover.login));
    machine_ = std::make_unique<session::ServerMachine>(worker.parameters(), login_settings_, std::size_t{0});
    machine_->set_actual(worker.parameters().intern(std::move(handover.actual)));
    machine_->prepared() = std::move(*handover.prepared);
    set_up_machine();
    machine_->unnamed_unknown = true;  // whose it was stays behind
}

std::shared_ptr<Handover> Server::hand_over() {
    auto handover = std::make_shared<Handover>();
    handover->endpoint = endpoint();
    handover->key = pool_.key;
    handover->database = pool_.group.database;
    handover->user = pool_.group.user;
    handover->cluster = pool_.group.cluster;
    handover->host = pool_.host;
    handover->secret = pool_.group.secret;
    handover->history = history();
    handover->budget = pool_.pool.shared_budget();
    const auto list = [](const session::ParameterRef& set) {
        return std::vector<session::Parameter>(set->entries().begin(), set->entries().end());
    };
    handover->actual = list(machine_->actual());
    handover->login = list(login_settings_);
    handover->welcome = pool_.group.welcome;
    handover->prepared = std::move(machine_->prepared());
    handover->pid = pid();
    handover->secret_key = secret_key();
    handover->connected = connected();
    handover->id = id();
    done_ = true;
    // In the middle of a message it cannot go on elsewhere: the other worker gets its place in the pool, and logs in.
    if (!partial_.empty() || !sent_all() || lost() || (tls() != nullptr && tls()->has_more())) close_socket();
    handover->tls = release_tls();
    handover->fd = release_socket();
    return handover;
}

void Server::logged_in(const session::ServerLogin& login) {
    worker_.counters().servers_login.add(-1);
    login_settings_ = worker_.tracked(login.parameters());
    PoolGroup& group = pool_.group;
    const bool is_primary = worker_.snapshot(group.cluster)->primary == pool_.host;
    if (is_primary || group.read_only) worker_.learn_welcome(group, login.parameters());
    machine_ = std::make_unique<session::ServerMachine>(worker_.parameters(), login_settings_, std::size_t{0});
    set_up_machine();
    arm_read();
    worker_.settle(*this, pool_.pool.login_succeeded(*this, worker_.now()));
}

void Server::login_failed(std::string_view code, std::string_view message, bool final) {
    done_ = true;
    const std::string code_kept(code);
    const std::string text = "server login failed: " + std::string(message);
    worker_.counters().servers_login.add(-1);
    pool_.pool.login_failed(this, worker_.now(), worker_.jitter());
    worker_.remove_server(*this);
    if (worker_.snapshot(pool_.group.cluster)->primary != pool_.host) {
        worker_.suspect(pool_);
    } else if (final) {
        for (pool::Waiter* waiter : pool_.pool.take_waiters()) static_cast<Client*>(waiter)->fail(code_kept, text);
    }
    worker_.pump(pool_);
}

void Server::link(Client& client) noexcept {
    held_for_cancel_ = told_ = false;
    machine_->segment_text.clear();
    machine_->timed = {};
    client_ = &client;
    requested_ = worker_.now();
    worker_.count_use(pool_.group.cluster, pool_.host, 1);
}

void Server::on_session_readable() {
    if (done_) return linger();
    for (int i = 0; i < kReceivesPerWake; ++i) {
        const std::size_t kept = partial_.size();
        std::memcpy(worker_.scratch.data(), partial_.data(), kept);
        const std::size_t room = Worker::kScratch - kept;
        const std::ptrdiff_t got = receive(worker_.scratch.data() + kept, room);
        if (got == kNothing) break;
        if (got == 0) return on_end();
        worker_.counters().server_bytes_received.add(static_cast<std::uint64_t>(got));
        partial_.clear();
        on_answer(as_bytes({worker_.scratch.data(), kept + static_cast<std::size_t>(got)}));
        if (done_) return;
        if (client_ != nullptr && client_->blocked()) return;  // its on_drained() arms us again
        if (static_cast<std::size_t>(got) < room) break;
    }
    arm_read();
}

void Server::on_answer(Bytes bytes) {
    session::ClientMachine* client = client_ != nullptr ? client_->machine() : nullptr;
    const session::ServerProgress progress = machine_->on_bytes(bytes, client, worker_.to_client);
    if (client_ != nullptr) {
        client_->flush_to_client();
    } else {
        worker_.to_client.clear();
    }
    if (client_ != nullptr) client_->heard(bytes.first(progress.consumed), progress.healed);
    if (progress.healed) {
        send(as_bytes(machine_->take_output()));
        worker_.counters().statements_healed.add();
    }
    fatal_ |= progress.fatal;
    going_down_ |= progress.going_down;
    told_ |= progress.told;
    if (progress.row_too_long) return refuse_row();
    if (progress.statement_missing) retire();
    if (progress.violation) return close("server broke the protocol");
    if (progress.consumed < bytes.size()) partial_.assign(as_text(bytes.subspan(progress.consumed)));
    if (progress.read_only_refusal && worker_.snapshot(pool_.group.cluster)->primary == pool_.host) {
        worker_.shared().probe_now(pool_.group.cluster, pool_.host);
    }
    if (client_ != nullptr && client_->lost()) return client_->close("connection lost");
    if (progress.given_back && client_ != nullptr) client_->run_again(*this);
    if (fatal_ && machine_->quiet()) return close("server ended the connection");
    if (progress.ready) return settle();
    // COPY data that nobody will send.
    if (client_ == nullptr && machine_->copy() == session::Copy::in) {
        must_close_ |= machine_->unsynced();  // nobody will send its Sync
        return clean_up();
    }
    if (client_ != nullptr) client_->resume();
}

void Server::set_up_machine() {
    machine_->set_name(pool_.key.server);
    set_limits();
}

void Server::set_limits() {
    if (!machine_) return;
    const config::Config& config = worker_.config();
    machine_->set_max_row(static_cast<std::uint32_t>(config.proxy.max_row_size));
    machine_->prepared().set_limit(std::max<std::size_t>(config.pool.max_prepared_statements, 1));
    machine_->segment_text.turn_on(config.log.min_duration_statement.count() > 0);
}

// The rest of the row is still to come: neither side can go on.
void Server::refuse_row() {
    must_close_ = true;
    client_->fail(protocol::sqlstate::kProgramLimitExceeded, "a row of the result is longer than max_row_size");
}

void Server::segment_sent(TimePoint now) noexcept {
    if (counting_) return;
    counting_ = true;
    sent_ = now;
}

void Server::count_segment() {
    if (!std::exchange(counting_, false) || client_ == nullptr) return;
    WorkerStats& stats = worker_.counters();
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(worker_.now() - sent_);
    stats.query[static_cast<std::size_t>(client_->route().target)].record(took);
    if (client_->route().target == routing::Target::replica) worker_.read_answered(pool_.group.cluster, pool_.host, took);
    stats.query_us.add(static_cast<std::uint64_t>(took.count()));
    if (machine_->segment_took(took)) stats.promotions_given_back.add();
    if (machine_->segment_text.on()) log_if_slow(took);
    if (machine_->status() != session::TransactionStatus::idle) return;
    stats.transactions.add();
    stats.transaction_us.add(static_cast<std::uint64_t>(took.count()));
}

void Server::log_if_slow(std::chrono::microseconds took) {
    session::SegmentText& text = machine_->segment_text;
    const bool slow = took >= worker_.config().log.min_duration_statement;
    if (slow && client_->welcomed()) spdlog::info("{}", slow_line(client_->slow_statement(took), text));
    text.clear();
}

void Server::run(session::Purpose purpose, std::string_view sql) {
    std::string out;
    machine_->inject_query(sql, purpose, out, worker_.to_client);
    worker_.to_client.clear();
    step_ = purpose;
    send(as_bytes(out));
}

// A request of ours has been answered. False: this connection is not to be looked at further now.
bool Server::step_done() {
    if (machine_->internal_pending()) return false;
    const session::Purpose step = *step_;
    step_.reset();
    const bool held = machine_->held_for_settings();
    machine_->release_settings_hold();
    const session::InternalOutcome outcome = machine_->outcome();
    switch (step) {
        case session::Purpose::client:
        case session::Purpose::statement: return true;
        case session::Purpose::settings: {
            dirty_ |= outcome.failed;
            if (client_ == nullptr) return true;
            if (outcome.failed) {
                client_->settings_refused(outcome.error_body);
                return false;
            }
            client_->settings_accepted();
            if (client_ == nullptr) return false;
            // Held back behind the settings, the segment goes now; else it is under way already.
            if (held && machine_->quiet() && client_->welcomed()) client_->resume();
            return client_ != nullptr;  // if not quiet, the client may go on: its own answer may have come with this one
        }
        case session::Purpose::probe:
            if (client_ == nullptr) return true;
            worker_.counters().probes.add();
            client_->machine()->clear_taint();
            probed(outcome.failed ? "failed" : outcome.probe);
            return client_ != nullptr;
        case session::Purpose::reset:
            if (outcome.failed) return close("session could not be reset"), false;
            if (outcome.reset_sql_was_discard) {
                machine_->forget_session();
                dirty_ = false;
            } else if (std::exchange(scrubbing_, false)) {
                machine_->set_actual(machine_->login());
            }
            return true;
    }
    return true;
}

// A pin that has lost its reason ends; what a statement left behind unseen makes one.
void Server::probed(std::string_view found) {
    session::ClientMachine& session = *client_->machine();
    const bool pinned = session.pin() != session::Pin::none;
    if (found.empty()) {
        session.set_pin(session::Pin::none);
        unscrubbed_ = true;
        return;
    }
    if (pinned) return;
    worker_.counters().pins.add();
    session.set_pin(session::Pin::state);
    // A setting may only be written in another way than we know it.
    if (!session.rejects_state() || found == "setting") return;
    client_->fail(protocol::sqlstate::kFeatureNotSupported,
                  "a function left session state behind that pgweir cannot carry to another server connection "
                  "(on_session_state = \"reject\")");
}

void Server::settle_down() {
    const auto keep_alive = shared_from_this();
    settle();
}

void Server::settle() {
    if (done_) return;
    if (step_ && !step_done()) return;
    if (done_) return;
    if (client_ == nullptr) return clean_up();
    if (!machine_->quiet()) return client_->resume();
    // The server ended a COPY while the client was still sending: nobody else may come before the rest of that message.
    if (client_->machine()->mid_message() || !sent_all()) return client_->resume();
    count_segment();
    held_for_cancel_ = state() == pool::SlotState::canceling && machine_->releasable();
    if (held_for_cancel_) return;  // cancel_over() comes back here
    session::ClientMachine& session = *client_->machine();
    const bool was_pinned = session.pin() != session::Pin::none;
    session.segment_done(*machine_);
    if (machine_->releasable()) {
        if (session.pin() == session::Pin::none) {
            if (!session.tainted()) return unscrubbed_ ? scrub() : release();
            return probe();
        }
        if (session.tainted() && session::can_be_probed(session.pin())) return probe();
        if (!was_pinned) worker_.counters().pins.add();
        std::string out;
        if (!session.replay_settings(*machine_, out, worker_.to_client)) settings_sent();
        if (machine_->internal_pending()) settings_sent();
        send(as_bytes(out));
        client_->session_idle();
        if (client_ == nullptr) return;  // it could not take a notification
    }
    if (session.wants_move(*machine_)) return client_->move_transaction();
    client_->resume();
}

// Looks for what the session holds; the client's next request waits.
void Server::probe() {
    machine_->hold_for_settings();
    const std::size_t prepared = machine_->prepared().size();
    run(session::Purpose::probe, session::probe_sql(*machine_->actual(), *machine_->login(), prepared));
}

// Settings that no look at the session shows must not be the next client's.
void Server::scrub() {
    unscrubbed_ = false;
    scrubbing_ = true;
    machine_->hold_for_settings();
    run(session::Purpose::reset, session::kResetSettingsSql);
}

// The client is done with a clean session: somebody else's turn.
void Server::release() {
    arm_read();  // the last client may have been too slow for its answers
    Client* client = std::exchange(client_, nullptr);
    std::shared_ptr<Client> next = client != nullptr ? client->self() : nullptr;
    if (next) {
        worker_.count_use(pool_.group.cluster, pool_.host, -1);
        next->unlink();
    }
    worker_.settle(*this, pool_.pool.release(*this, worker_.now()));
    if (!next) return;
    if (next->leaving()) return next->drain();
    next->resume();
}

void Server::abandon() {
    const auto keep_alive = shared_from_this();
    Client* client = std::exchange(client_, nullptr);
    worker_.count_use(pool_.group.cluster, pool_.host, -1);
    counting_ = false;
    machine_->attempt.drop();
    if (session::ClientMachine* session = client != nullptr ? client->machine() : nullptr) {
        dirty_ |= session->pin() != session::Pin::none || session->tainted();
        must_close_ |= session->pin() == session::Pin::load || session->mid_message();
    }
    dirty_ |= unscrubbed_ || scrubbing_;
    unscrubbed_ = scrubbing_ = false;
    // A Sync of ours would commit what the client has not: the server must see the connection end.
    must_close_ |= machine_->unsynced();
    // What is under way may change the session, and nobody will be there to note it.
    dirty_ |= !machine_->quiet();
    machine_->release_settings_hold();
    if (done_) return;
    if (fatal_ || lost()) return close("server ended the connection");
    arm_read();  // it may have been paused for the client's sake
    if (!step_ || step_done()) clean_up();
}

// Nobody is linked: bring the session back to where everybody may have it.
void Server::clean_up() {
    if (must_close_ || retired()) return close("session state that cannot be reset");
    if (!machine_->quiet()) {
        std::string out;
        if (machine_->copy() == session::Copy::in) {
            protocol::append_copy_fail(out, "client closed the connection");
            machine_->copy_ended_by_client();
        }
        return send(as_bytes(out));
    }
    if (machine_->status() != session::TransactionStatus::idle) {
        return run(session::Purpose::reset, session::kRollbackSql);
    }
    if (dirty_) {
        run(session::Purpose::reset, session::kDiscardSql);
        machine_->outcome().reset_sql_was_discard = true;
        return;
    }
    if (state() == pool::SlotState::canceling || !sent_all()) return;
    release();
}

void Server::cancel_begins() { pool_.pool.set_canceling(*this); }

void Server::cancel_over() {
    if (done_) return;
    pool_.pool.clear_canceling(*this);
    if (state() == pool::SlotState::canceling) return;  // another one is under way
    held_for_cancel_ = false;
    if (retired() && client_ == nullptr) return close("cancel did not end");
    if (machine_->quiet() && !step_) settle_down();
}

void Server::on_drained() {
    if (!machine_ || !machine_->quiet()) {
        if (client_ != nullptr) client_->resume();
    } else if (!step_) {
        settle_down();
    }
}

void Server::on_end() {
    if (done_) return gone();
    ended_ = true;
    const bool own_fault = fatal_ && !going_down_;  // of the session, as its idle_session_timeout: the server is well
    if (state() != pool::SlotState::closing && !own_fault) {
        worker_.suspect(pool_);
        worker_.shared().report_failure(pool_.group.cluster, pool_.host, cluster::TrafficFailure::lost,
                                        fatal_ ? "the server said that it ends" : "a connection was lost");
    }
    close(fatal_ ? "server ended the connection" : "server connection lost");
}

void Server::close(std::string_view why) {
    if (std::exchange(done_, true)) return;
    const auto keep_alive = shared_from_this();
    spdlog::debug("event=server_closed id={} server={} database={} user={} cause={}", id(), pool_.key.server,
                  session::log_value(pool_.key.database), session::log_value(pool_.key.user), session::log_value(why));
    worker_.counters().server_disconnects.add();
    if (client_ != nullptr) part_with_client();
    if (ended_ || lost() || !open()) return gone();
    // The server counts a backend until it has exited: the place in the pool is free when it hangs up, not before.
    pool_.pool.closing(*this);
    linger_until_ = worker_.now() + kLinger;
    end_sending();
    arm_read();
    if (lost()) gone();
}

void Server::went_silent() {
    if (done_ || logging_in()) return;
    const bool idle = state() == pool::SlotState::idle;
    if (idle || (client_ != nullptr && takes_back(client_->machine()))) close("the server does not answer");
}

void Server::part_with_client() {
    Client* client = std::exchange(client_, nullptr);
    const auto keep_alive = client->self();
    worker_.count_use(pool_.group.cluster, pool_.host, -1);
    counting_ = false;
    session::ClientMachine* session = client->machine();
    if (machine_ && machine_->releasable() && !step_ && !told_ && session != nullptr && !session->mid_message()) {
        session->segment_done(*machine_);
        const bool whole = session->pin() == session::Pin::none && !session->tainted();
        if (whole) return let_go(*client);  // it loses nothing
    }
    if (!told_ && client->takes_back_unsent()) {
        (void)machine_->take_back(*session);  // the client's bytes have stayed with it
        session->run_again(session::Refusal::none);
        return let_go(*client);
    }
    if (takes_back(session)) {
        client->run_again(*this);
        return let_go(*client);
    }
    client->server_lost(loss_of(*client));
}

Client::Loss Server::loss_of(Client& client) const noexcept {
    if (told_) return Client::Loss::told;
    const bool under_way = machine_ && (machine_->queue().client_ready() > 0 || machine_->unsynced());
    const bool may_write = client.route().reason != sql::Reason::read && client.route().target == routing::Target::primary;
    if (under_way && may_write && (client.machine() == nullptr || client.machine()->may_have_committed())) return Client::Loss::unknown;
    return fenced_ ? Client::Loss::fenced : Client::Loss::plain;
}

void Server::give_back() {
    worker_.to_client.clear();
    close("the connection was dead");
}

void Server::fence() {
    fenced_ = true;
    logging_in() ? retire() : close("the server is not the primary any more");
}

void Server::let_go(Client& client) {
    client.unlink();
    client.leaving() ? client.drain() : client.resume();
}

// A read whose answer has not begun is not lost with its server.
bool Server::takes_back(const session::ClientMachine* session) const noexcept {
    const bool kept = machine_ && (machine_->attempt.open() || machine_->attempt.refused());
    return kept && !told_ && session != nullptr && !session->mid_message();
}

// Nothing that comes is wanted any more, but for its end.
void Server::linger() {
    std::ptrdiff_t got = 0;
    for (int i = 0; i < kReceivesPerWake; ++i) {
        got = receive(worker_.scratch.data(), Worker::kScratch);
        if (got <= 0) break;
    }
    if (got == 0) return gone();
    arm_read();
}

void Server::gone() {
    const auto keep_alive = shared_from_this();
    linger_until_ = {};
    close_socket();
    pool_.pool.closed(*this);
    worker_.remove_server(*this);
    worker_.pump(pool_);
}

void Server::say_goodbye() {
    std::string out;
    protocol::append_terminate(out);
    send(as_bytes(out));
    close("released for good");
}

ServerRow Server::row() const {
    ServerRow row = Backend::row();
    switch (state()) {
        case pool::SlotState::login: row.state = "login"; break;
        case pool::SlotState::idle: row.state = "idle"; break;
        case pool::SlotState::active: row.state = "active"; break;
        case pool::SlotState::canceling: row.state = "being_canceled"; break;
        case pool::SlotState::closing:
        case pool::SlotState::detached: row.state = "closing"; break;
    }
    if (requested_ != TimePoint{}) {
        const auto ago = std::chrono::steady_clock::now() - requested_;
        row.request_time = std::chrono::system_clock::now() - std::chrono::duration_cast<std::chrono::system_clock::duration>(ago);
    }
    if (machine_) {
        row.prepared_statements = static_cast<std::uint32_t>(machine_->prepared().size());
        if (const std::string* name = machine_->actual()->find("application_name")) row.application_name = *name;
    }
    row.link = client_ != nullptr ? client_->id() : 0;
    return row;
}

}  // namespace pgweir::net
