#include "proxy/net/backend.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstring>
#include <system_error>
#include <utility>

#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/net/endpoint.hpp"
#include "proxy/net/tcp_options.hpp"
#include "proxy/session/printable.hpp"

namespace pgweir::net {

namespace sqlstate = protocol::sqlstate;

namespace {

std::uint64_t next_id() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

BackendTarget pool_target(const HostPool& pool) {
    const PoolGroup& group = pool.group;
    return {.cluster = group.cluster, .host = pool.host, .user = group.user, .dbname = group.dbname,
            .database = group.database, .secret = group.secret, .parameters = {}};
}

Backend::Backend(Worker& worker, BackendTarget target)
    : Peer(worker.poller()), worker_(worker), target_(std::move(target)), id_(next_id()) {}

Backend::Backend(Worker& worker, BackendTarget target, const Endpoint& endpoint, std::uint32_t pid, std::string secret_key,
                 std::uint64_t id, std::chrono::system_clock::time_point connected)
    : Peer(worker.poller()), worker_(worker), target_(std::move(target)), endpoint_(endpoint),
      host_name_(worker.snapshot(target_.cluster)->servers[cluster::index_of(target_.host)].host),
      secret_key_(std::move(secret_key)), pid_(pid), id_(id), connected_(connected) {}

const std::string& Backend::server_name() const noexcept {
    return worker_.snapshot(target_.cluster)->servers[cluster::index_of(target_.host)].name;
}

void Backend::open_connection() {
    worker_.counters().server_connects.add();
    connected_ = std::chrono::system_clock::now();
    opened_ = worker_.now();
    logging_in_ = true;
    settings_ = worker_.settings_now();
    const cluster::ServerView& view = worker_.snapshot(target_.cluster)->servers[cluster::index_of(target_.host)];
    host_name_ = view.host;
    if (view.host.starts_with('/')) {
        candidates_ = {boost::asio::local::stream_protocol::endpoint(view.host + "/.s.PGSQL." + std::to_string(view.port))};
        return connect_next();
    }
    // Without any: the host is an address, or a name that has not been found.
    const std::vector<std::string> numbers = view.addresses.empty() ? std::vector{view.host} : view.addresses;
    candidates_.clear();
    for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
        boost::system::error_code error;
        const auto address = boost::asio::ip::make_address(*number, error);
        if (!error) candidates_.emplace_back(boost::asio::ip::tcp::endpoint(address, view.port));
    }
    if (!candidates_.empty()) return connect_next();
    worker_.post([weak = std::weak_ptr<Backend>(std::static_pointer_cast<Backend>(shared_from_this()))] {
        const std::shared_ptr<Backend> backend = weak.lock();
        if (backend && backend->logging_in_) backend->fail(sqlstate::kConnectionFailure, "its name has not been found", false);
    });
}

void Backend::connect_next() {
    endpoint_ = candidates_.back();
    candidates_.pop_back();
    connect(endpoint_);
}

void Backend::on_connected(int error) {
    if (!logging_in_) return;
    if (error == 0) return begin_login();
    if (!candidates_.empty()) return connect_next();
    fail(sqlstate::kConnectionFailure, std::generic_category().message(error), false);
}

void Backend::begin_login() {
    set_tcp_options(fd(), settings_->config.tcp);
    login_ = std::make_unique<session::ServerLogin>(target_.user, target_.dbname, target_.parameters, target_.secret);
    if (wants_tls()) return ask_for_tls();
    start_login();
}

bool Backend::wants_tls() const noexcept {
    const config::TlsMode mode = settings_->config.server_tls.sslmode;
    if (mode == config::TlsMode::disable || endpoint_.protocol().family() == AF_UNIX) return false;  // as in libpq
    return mode != config::TlsMode::allow || tls_wanted_;
}

void Backend::ask_for_tls() {
    tls_asked_ = true;
    std::string out;
    protocol::append_ssl_request(out);
    send(as_bytes(out));
    arm_read();
}

// One byte, and nothing behind it: that would not be protected (the class of CVE-2021-23222).
void Backend::on_tls_answer(Bytes answer) {
    const char said = static_cast<char>(answer[0]);
    if (answer.size() > 1) return fail(sqlstate::kProtocolViolation, "unencrypted data after SSLRequest", false);
    if (said == 'S') return start_tls(settings_->server_tls, Tls::Role::client, host_name_);
    const config::TlsMode mode = settings_->config.server_tls.sslmode;
    if (said == 'N' && mode <= config::TlsMode::prefer) {
        tls_asked_ = false;
        return start_login();
    }
    fail(sqlstate::kConnectionFailure, "the server does not support TLS (server_tls.sslmode)", false);
}

void Backend::on_encrypted(const std::string& error) {
    if (!logging_in_) return;
    if (!error.empty()) return fail(sqlstate::kConnectionFailure, "TLS: " + error, false);
    start_login();
}

void Backend::start_login() {
    std::string out;
    login_->start(out);
    send(as_bytes(out));
    arm_read();
}

void Backend::on_readable() {
    if (!logging_in_) return on_session_readable();
    read_login();
}

void Backend::read_login() {
    const std::size_t kept = partial_.size();
    std::memcpy(worker_.scratch.data(), partial_.data(), kept);
    const std::ptrdiff_t got = receive(worker_.scratch.data() + kept, Worker::kScratch - kept);
    if (got == kNothing) return arm_read();
    if (got == 0) return fail(sqlstate::kConnectionFailure, "server closed the connection", false);
    const auto keep_alive = shared_from_this();
    worker_.counters().server_bytes_received.add(static_cast<std::uint64_t>(got));
    partial_.clear();
    const Bytes bytes = as_bytes({worker_.scratch.data(), kept + static_cast<std::size_t>(got)});
    if (tls_asked_ && tls() == nullptr) return on_tls_answer(bytes);
    on_login_bytes(bytes);
}

void Backend::on_login_bytes(Bytes bytes) {
    std::string out;
    std::size_t consumed = 0;
    const auto step = login_->on_bytes(bytes, consumed, out);
    send(as_bytes(out));
    if (consumed < bytes.size()) partial_.assign(as_text(bytes.subspan(consumed)));
    switch (step) {
        case session::ServerLogin::Step::need_more: return arm_read();
        case session::ServerLogin::Step::ready: return finish_login();
        case session::ServerLogin::Step::failed: return refused();
    }
}

void Backend::finish_login() {
    logging_in_ = false;
    pid_ = login_->pid();
    secret_key_ = login_->secret_key();
    target_.secret = {};
    settings_.reset();
    spdlog::debug("event=server_login id={} server={} database={} user={} pid={}", id_, server_name(),
                  session::log_value(target_.database), session::log_value(target_.user), pid_);
    logged_in(*std::exchange(login_, nullptr));
}

void Backend::refused() {
    const session::ServerLoginError& error = login_->error();
    const bool allow = settings_->config.server_tls.sslmode == config::TlsMode::allow;
    if (allow && error.code == sqlstate::kInvalidAuthorization && !std::exchange(tls_wanted_, true)) {
        close_socket();  // it may be that it lets nobody in without TLS
        partial_.clear();
        candidates_ = {endpoint_};
        return connect_next();
    }
    using Kind = session::ServerLoginError::Kind;
    fail(error.code, error.message, error.kind == Kind::authentication || error.kind == Kind::refused);
}

void Backend::end_login() noexcept {
    logging_in_ = false;
    login_.reset();
    settings_.reset();
}

void Backend::on_lost() {
    if (!logging_in_) return on_session_lost();
    fail(sqlstate::kConnectionFailure, "server closed the connection", false);
}

void Backend::connect_timed_out() { fail(sqlstate::kConnectionFailure, "timed out (server_connect_timeout)", false); }

void Backend::tick(TimePoint now) {
    const auto limit = worker_.config().pool.server_connect_timeout;
    if (logging_in_ && limit.count() > 0 && now - opened_ > limit) connect_timed_out();
}

void Backend::fail(std::string_view code, std::string_view message, bool final) {
    if (!std::exchange(logging_in_, false)) return;
    const auto keep_alive = shared_from_this();
    settings_.reset();
    const auto login = std::move(login_);  // the texts may be its own
    spdlog::warn("event=server_login_failed server={} database={} user={} code={} cause={}", server_name(),
                 session::log_value(target_.database), session::log_value(target_.user), code, session::log_value(message));
    WorkerStats& stats = worker_.counters();
    (final ? stats.server_logins_failed : stats.server_connect_failures).add();
    if (!final) {
        using cluster::TrafficFailure;
        const auto how = code == sqlstate::kTooManyConnections ? TrafficFailure::overloaded : TrafficFailure::lost;
        worker_.shared().report_failure(target_.cluster, target_.host, how, std::string(code) + ": " + std::string(message));
    }
    close_socket();
    login_failed(code, message, final);
}

ServerRow Backend::row() const {
    ServerRow row;
    row.user = target_.user;
    row.database = target_.database;
    row.server = server_name();
    const ShownAddress address(endpoint_);
    row.addr = address.text();
    row.port = address.port();
    if (encrypted()) row.tls = tls()->version();
    row.connect_time = connected_;
    row.remote_pid = pid_;
    row.id = id_;
    row.worker = static_cast<unsigned>(worker_.id());
    return row;
}

}  // namespace pgweir::net
