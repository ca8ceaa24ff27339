#include "proxy/net/client_starting.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "config/network.hpp"
#include "protocol/frame.hpp"
#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/net/client_shadow.hpp"
#include "proxy/net/process_id.hpp"
#include "proxy/net/server.hpp"
#include "proxy/routing/draw.hpp"
#include "proxy/session/local_settings.hpp"
#include "proxy/session/printable.hpp"
#include "proxy/session/setting_names.hpp"

namespace pgweir::net {

namespace sqlstate = protocol::sqlstate;

namespace {

constexpr std::size_t kMaxAccepted = 1000, kMaxGreetings = 100;
constexpr std::string_view kHotStandby = "in_hot_standby";
constexpr std::string_view kReadOnly = "default_transaction_read_only";

// Memory of logins that are over, of this thread.
struct SpareLogins {
    std::array<std::unique_ptr<std::byte[]>, 64> blocks;
    std::size_t count = 0;
};
thread_local SpareLogins spare_logins;

bool always_accepted(std::string_view application_name) noexcept {
    return application_name.size() < 64 &&
           std::all_of(application_name.begin(), application_name.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// libpq judges by these two (target_session_attrs); where a server is too old to report them, it would have to ask.
void append_read_only(std::string& out) {
    protocol::append_parameter_status(out, kHotStandby, "on");
    protocol::append_parameter_status(out, kReadOnly, "on");
}

// The welcome's ParameterStatus messages, for a session with these settings.
void append_statuses(std::string& out, const PoolGroup& group, const session::ParameterSet& settings) {
    for (const auto& [name, value] : group.welcome) {
        const std::string* own = session::is_tracked_report(name) ? settings.find(name) : nullptr;
        const bool standby = session::same_name(name, kHotStandby);  // it speaks for the primary
        if (group.read_only && (standby || session::same_name(name, kReadOnly))) continue;
        protocol::append_parameter_status(out, name, standby ? "off" : own != nullptr ? *own : value);
    }
    if (group.read_only) append_read_only(out);
}

}  // namespace

Client::Starting::Starting(Worker& worker, bool over, const std::string& address)
    : since(worker.now()),
      in_force(worker.settings_now()),
      login(in_force->users, in_force->config.proxy.auth_type, std::ref(worker.random()), encryption(in_force->config.client_tls)),
      over_limit(over) {
    if (!in_force->access.empty()) login.admit_by(in_force->access, config::parse_address(address), address);
    if (!in_force->config.proxy.auth_query.empty()) login.look_up_unknown();
}

void* Client::Starting::operator new(std::size_t size) {
    if (spare_logins.count == 0) return new std::byte[size];
    return spare_logins.blocks[--spare_logins.count].release();
}

void Client::Starting::operator delete(void* memory) noexcept {
    std::unique_ptr<std::byte[]> block(static_cast<std::byte*>(memory));
    if (spare_logins.count < spare_logins.blocks.size()) spare_logins.blocks[spare_logins.count++] = std::move(block);
}

session::Encryption Client::Starting::encryption(const config::ClientTls& tls) noexcept {
    switch (tls.sslmode) {
        case config::TlsMode::disable: return session::Encryption::none;
        case config::TlsMode::allow:
        case config::TlsMode::prefer: return session::Encryption::offered;
        case config::TlsMode::require:
        case config::TlsMode::verify_ca:
        case config::TlsMode::verify_full: break;
    }
    return session::Encryption::required;
}

// Direct TLS: a record of a handshake where a startup packet's length would be (semantics.md H).
bool Client::begins_with_tls() {
    // Nothing may have come before, not even the front of a packet: it was not protected.
    if (state_ != State::login || tls() != nullptr || !in_.empty() || !starting_->login.untouched()) return false;
    const std::shared_ptr<const TlsContext>& context = starting_->in_force->client_tls;
    char first = 0;
    if (!context || ::recv(fd(), &first, 1, MSG_DONTWAIT | MSG_PEEK) != 1 || first != 0x16) return false;
    direct_tls_ = true;
    start_tls(context, Tls::Role::server, {});
    return true;
}

void Client::on_encrypted(const std::string& error) {
    const bool unnamed = error.empty() && direct_tls_ && !tls()->has_alpn();
    if (!error.empty() || unnamed) {
        worker_.counters().login_failures.add();
        spdlog::warn("event=login_failed id={} addr={}:{} cause=\"TLS: {}\"", id_, address_.text(), address_.port(),
                     unnamed ? "direct connection without ALPN" : session::printable(error));
        return close("TLS handshake failed");
    }
    starting_->login.encrypted(tls()->context().end_point(), tls()->peer_name());
    arm_read();
}

std::string Client::Starting::take_settings(const config::Proxy& config) {
    for (const auto& [name, value] : login.result().parameters) {
        const auto ignored = [&asked = name](const std::string& other) { return session::same_name(other, asked); };
        if (std::any_of(config.ignore_startup_parameters.begin(), config.ignore_startup_parameters.end(), ignored)) continue;
        if (session::is_local_setting(name)) {
            session::LocalSettings unused;
            if (auto error = session::take_local_setting(name, value, unused)) return std::move(*error);
            own.push_back({name, value});
        } else if (session::same_name(name, "application_name") && always_accepted(value)) {
            application_name = value;
        } else {
            wanted.push_back({name, value});
            key.append(name).push_back('\0');
            key.append(value).push_back('\0');
        }
    }
    return {};
}

session::LocalSettings Client::Starting::local_settings(const Client& client) const {
    session::LocalSettings settings = client.group_->settings;
    const auto& users = client.worker_.config().users;
    const auto user = std::ranges::find(users, client.names_->user, &config::User::name);
    if (user != users.end()) {
        settings.read_preference = user->read_preference.value_or(settings.read_preference);
        if (user->max_lag) settings.max_lag = static_cast<std::uint32_t>(user->max_lag->count());
    }
    for (const session::Parameter& setting : own) (void)session::take_local_setting(setting.name, setting.value, settings);
    return settings;
}

const Greeting& Client::Starting::greeting(const Client& client, const session::ParameterRef& settings) const {
    PoolGroup& group = *client.group_;
    const std::string who = key + application_name;
    const auto known = group.greetings.find(who);
    if (known != group.greetings.end() && known->second.made_of == settings) return known->second;
    session::ParameterTable& table = client.worker_.parameters();
    Greeting made{.made_of = settings, .start = settings, .statuses = {}};
    if (group.read_only) made.start = table.with(made.start, kReadOnly, "on");
    if (!application_name.empty()) made.start = table.with(made.start, "application_name", application_name);
    made.start.prove();
    append_statuses(made.statuses, group, *made.start);
    if (group.greetings.size() >= kMaxGreetings) group.greetings.clear();
    return group.greetings.insert_or_assign(who, std::move(made)).first->second;
}

void Client::Starting::make_machine(Client& client, Server& server) {
    Worker& worker = client.worker_;
    session::ParameterRef desired = server.login_settings();
    for (const session::Parameter& parameter : wanted) {
        desired = worker.parameters().with(desired, parameter.name, parameter.value);
    }
    client.machine_ = std::make_unique<session::ClientMachine>(worker.statements(), worker.parameters(),
                                                               session::ClientSetup{.start = desired});
}

void Client::Starting::accepted(Client& client) {
    PoolGroup& group = *client.group_;
    if (group.accepted.size() >= kMaxAccepted) group.accepted.clear();
    const session::ParameterRef settings = client.machine_->desired();
    group.accepted.insert_or_assign(key, settings);
    client.begin_session(settings);
}

std::size_t Client::on_login(Bytes bytes) {
    if (starting_->asking) return 0;
    std::string out;
    std::size_t consumed = 0;
    const auto step = starting_->login.on_bytes(bytes, consumed, out);
    after_login_step(step, std::move(out));
    return consumed;
}

void Client::after_login_step(session::ClientLogin::Step step, std::string out) {
    if (step == session::ClientLogin::Step::failed) return login_failed(std::move(out));
    if (step == session::ClientLogin::Step::authenticated) {
        starting_->unsaid = std::move(out);
        return authenticated();
    }
    send(as_bytes(out));
    switch (step) {
        case session::ClientLogin::Step::need_more: break;
        case session::ClientLogin::Step::lookup: look_up(false); break;
        case session::ClientLogin::Step::pause: look_up(true); break;
        case session::ClientLogin::Step::start_tls:
            start_tls(starting_->in_force->client_tls, Tls::Role::server, {});
            break;
        case session::ClientLogin::Step::cancel:
            worker_.cancel_request(starting_->login.cancel_pid(), std::string(starting_->login.cancel_secret()));
            close("cancel request");
            break;
        case session::ClientLogin::Step::authenticated:
        case session::ClientLogin::Step::failed: break;
    }
}

void Client::look_up(bool pause) {
    starting_->asking = true;
    const session::LoginResult& asked = starting_->login.result();
    worker_.shared().look_up({asked.user, asked.database, address_.text(), pause,
                              [&worker = worker_, weak = std::weak_ptr(self())](session::LookupAnswer answer) {
                                  worker.post([weak, answer = std::move(answer)] {
                                      if (const auto client = weak.lock()) client->looked_up(answer);
                                  });
                              }});
}

void Client::looked_up(const session::LookupAnswer& answer) {
    if (state_ != State::login) return;  // it has left, or waited too long
    starting_->asking = false;
    std::string out;
    const auto step = starting_->login.looked_up(answer, out);
    after_login_step(step, std::move(out));
    resume();
}

// Whoever guesses passwords has to wait for each answer; what else goes wrong is said at once.
void Client::login_failed(std::string answer) {
    worker_.counters().login_failures.add();
    const session::ClientLogin& login = starting_->login;
    const std::string rule = login.rule().empty() ? "" : " rule=" + session::log_value(login.rule());
    spdlog::warn("event=login_failed id={} user={} database={} addr={}:{}{} cause={}", id_,
                 session::log_value(login.result().user), session::log_value(login.result().database),
                 address_.text(), address_.port(), rule, session::log_value(login.failure()));
    starting_->refusal = std::move(answer);
    const auto delay = worker_.config().proxy.auth_failure_delay;
    if (!login.failed_password() || delay.count() == 0) return refuse_login();
    starting_->refuse_at = worker_.now() + delay;
    state_ = State::refused;
}

void Client::refuse_login() {
    send(as_bytes(starting_->refusal));
    end_sending();
    close("login failed");
}

// Until it is told: only its end matters.
void Client::discard() {
    if (receive(worker_.scratch.data(), Worker::kScratch) == 0) return close("client closed the connection");
    arm_read();
}

void Client::authenticated() {
    const session::LoginResult& result = starting_->login.result();
    names_ = worker_.client_names().share(result.user, result.database);
    const auto& [user, database] = *names_;
    admin_ = result.admin;
    WorkerStats& stats = worker_.counters();
    const config::Config& config = worker_.config();
    const bool replication = !result.replication.empty() && result.replication != "false";
    if (!replication && database == config.proxy.admin_database) return console_welcome();
    if (starting_->over_limit) {
        stats.clients_refused.add();
        return fail(sqlstate::kTooManyConnections, "no more connections allowed (max_client_conn)");
    }
    if (worker_.draining()) return fail(sqlstate::kAdminShutdown, "pgweir is shutting down");
    session::ServerSecret secret;
    secret.password = result.password;
    secret.client_key = result.client_key;
    secret.server_key = result.server_key;
    secret.md5_hash = result.md5_hash;
    if (const std::string error = starting_->take_settings(config.proxy); !error.empty()) {
        return fail(sqlstate::kInvalidParameterValue, error);
    }
    if (replication) {
        send(as_bytes(std::exchange(starting_->unsaid, {})));
        return replicate(std::move(secret));
    }
    PoolGroup* group = worker_.group(database, user, secret);
    if (group == nullptr) return fail(sqlstate::kInvalidCatalogName, "database \"" + database + "\" is not configured");
    join_group(*group);
    group_->learn(std::move(secret));
    state_ = State::welcome;
    if (!group_->welcome.empty()) {
        const auto known = group_->accepted.find(starting_->key);
        if (known != group_->accepted.end()) return begin_session(known->second);
    }
    send(as_bytes(std::exchange(starting_->unsaid, {})));  // a server is asked first, which may take its time
    acquire(first_route());
}

// Of the server that is asked for the welcome, and whether it takes the settings.
routing::Route Client::first_route() const noexcept {
    if (group_->read_only) return {routing::Target::replica, sql::Reason::read_only_database};
    return {routing::Target::primary, sql::Reason::no_statement};
}

void Client::append_key(std::string& out) const {
    const bool long_key = starting_->login.result().minor >= 2;
    const std::uint32_t pid = ProcessId{pool::index_of(worker_.id()), slot_}.number();
    protocol::append_backend_key_data(out, pid,
                                      {reinterpret_cast<const char*>(&secret_), long_key ? sizeof secret_ : std::size_t{4}});
}

void Client::settings_accepted() {
    machine_->desired().prove();
    if (state_ == State::welcome) starting_->accepted(*this);
}

// As the configuration has it, without what the client asked for.
session::ClientSetup Client::setup_now() const {
    const config::Config& config = worker_.config();
    const bool transaction_mode = group_->mode == config::PoolMode::transaction;
    const auto max_packet = std::min<std::uint64_t>(config.proxy.max_packet_size, 0x7fff'fffb);
    return {.scope = group_->scope,
            .split = group_->split,
            .drawn = group_->split != config::Split::on || routing::drawn(id_, group_->split_percent),
            .session_mode = !transaction_mode,
            .reject_state = group_->on_session_state == config::SessionState::reject,
            .shared_listen = transaction_mode && !group_->read_only,
            .read_only = group_->read_only,
            .promote_unnamed = config.pool.promote_unnamed == config::PromoteUnnamed::automatic,
            .max_message = static_cast<std::uint32_t>(max_packet),
            .max_statement = static_cast<std::uint32_t>(config.proxy.max_statement_size),
            .max_client_statements = config.pool.max_client_statement_memory,
            .max_statements = config.pool.max_statement_memory,
            .retry_limit = config.routing.retry_reads ? config.routing.retry_buffer_size : 0,
            .names = group_->watch != nullptr ? &group_->watch->names : nullptr};
}

void Client::reload() {
    if (state_ != State::session) return;
    machine_->reload(setup_now());
    watch_shadow();
}

void Client::watch_shadow() {
    const bool wanted = group_->split == config::Split::shadow && !group_->read_only;
    if (!wanted) shadow_.reset();
    else if (!shadow_) shadow_ = std::make_unique<Shadow>();
}

void Client::begin_session(session::ParameterRef settings) {
    const Greeting& greeting = starting_->greeting(*this, settings);
    session::ClientSetup setup = setup_now();
    setup.start = greeting.start;
    setup.settings = starting_->local_settings(*this);
    machine_ = std::make_unique<session::ClientMachine>(worker_.statements(), worker_.parameters(), std::move(setup));
    watch_shadow();
    std::string out = std::move(starting_->unsaid);
    out += greeting.statuses;
    append_key(out);
    protocol::append_ready_for_query(out, 'I');
    send(as_bytes(out));
    state_ = State::session;
    starting_.reset();
    worker_.counters().clients_accepted.add();
    if (worker_.config().log.connections) {
        spdlog::info("event=client_login id={} user={} database={} addr={}:{}", id_, session::log_value(names_->user),
                     session::log_value(names_->database), address_.text(), address_.port());
    }
}

}  // namespace pgweir::net
