// A server connection's way in: address, connection, login.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <system_error>

#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/net/client.hpp"
#include "proxy/net/server.hpp"
#include "proxy/session/setting_names.hpp"

namespace pgweir::net {

void Server::open_connection() {
    worker_.counters().server_connects.add();
    connected_ = std::chrono::system_clock::now();
    const cluster::ServerView& view = worker_.snapshot(pool_.group.cluster)->servers[cluster::index_of(pool_.host)];
    host_name_ = view.host;
    if (view.host.starts_with('/')) {
        candidates_ = {boost::asio::local::stream_protocol::endpoint(view.host + "/.s.PGSQL." + std::to_string(view.port))};
        return connect_next();
    }
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(view.host, error);
    if (error) return resolve();
    candidates_ = {boost::asio::ip::tcp::endpoint(address, view.port)};
    connect_next();
}

void Server::resolve() {
    const cluster::ServerView& view = worker_.snapshot(pool_.group.cluster)->servers[cluster::index_of(pool_.host)];
    auto resolved = [&worker = worker_, weak = std::weak_ptr(self())](std::vector<Endpoint> found, std::string error) {
        worker.post([weak, found = std::move(found), error = std::move(error)] {
            const std::shared_ptr<Server> server = weak.lock();
            if (!server || server->done_) return;
            if (found.empty()) {
                return server->login_failed(protocol::sqlstate::kConnectionFailure, "name not found: " + error, false);
            }
            server->candidates_.assign(found.rbegin(), found.rend());
            server->connect_next();
        });
    };
    worker_.shared().resolve(view.host, view.port, std::move(resolved));
}

void Server::connect_next() {
    endpoint_ = candidates_.back();
    candidates_.pop_back();
    connect(endpoint_);
}

void Server::on_connected(int error) {
    if (done_) return;
    if (error == 0) return begin_login();
    if (!candidates_.empty()) return connect_next();
    login_failed(protocol::sqlstate::kConnectionFailure, std::generic_category().message(error), false);
}

void Server::begin_login() {
    const int on = 1;
    if (endpoint_.protocol().family() != AF_UNIX) {
        ::setsockopt(fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::setsockopt(fd(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    const PoolGroup& group = pool_.group;
    login_ = std::make_unique<session::ServerLogin>(group.user, group.dbname, ParameterList{}, group.secret);
    if (wants_tls()) return ask_for_tls();
    start_login();
}

bool Server::wants_tls() const noexcept {
    const config::TlsMode mode = worker_.shared().config.server_tls.sslmode;
    if (mode == config::TlsMode::disable || endpoint_.protocol().family() == AF_UNIX) return false;  // as in libpq
    return mode != config::TlsMode::allow || tls_wanted_;
}

void Server::ask_for_tls() {
    tls_asked_ = true;
    std::string out;
    protocol::append_ssl_request(out);
    send(as_bytes(out));
    arm_read();
}

// One byte, and nothing behind it: that would not be protected (the class of CVE-2021-23222).
void Server::on_tls_answer(Bytes answer) {
    const char said = static_cast<char>(answer[0]);
    if (answer.size() > 1) return login_failed(protocol::sqlstate::kProtocolViolation, "unencrypted data after SSLRequest", false);
    if (said == 'S') return start_tls(worker_.shared().server_tls.load(), Tls::Role::client, host_name_);
    const config::TlsMode mode = worker_.shared().config.server_tls.sslmode;
    if (said == 'N' && mode <= config::TlsMode::prefer) {
        tls_asked_ = false;
        return start_login();
    }
    login_failed(protocol::sqlstate::kConnectionFailure, "the server does not support TLS (server_tls.sslmode)", false);
}

void Server::on_encrypted(const std::string& error) {
    if (done_) return;
    if (!error.empty()) return login_failed(protocol::sqlstate::kConnectionFailure, "TLS: " + error, false);
    start_login();
}

void Server::start_login() {
    std::string out;
    login_->start(out);
    send(as_bytes(out));
    arm_read();
}

void Server::on_login_bytes(Bytes bytes) {
    std::string out;
    std::size_t consumed = 0;
    const auto step = login_->on_bytes(bytes, consumed, out);
    send(as_bytes(out));
    if (consumed < bytes.size()) partial_.assign(as_text(bytes.subspan(consumed)));
    switch (step) {
        case session::ServerLogin::Step::need_more: return;
        case session::ServerLogin::Step::ready: return logged_in();
        case session::ServerLogin::Step::failed: {
            const session::ServerLoginError error = login_->error();
            const bool allow = worker_.shared().config.server_tls.sslmode == config::TlsMode::allow;
            if (allow && error.code == protocol::sqlstate::kInvalidAuthorization && !std::exchange(tls_wanted_, true)) {
                close_socket();  // it may be that it lets nobody in without TLS
                partial_.clear();
                candidates_ = {endpoint_};
                return connect_next();
            }
            using Kind = session::ServerLoginError::Kind;
            const bool final = error.kind == Kind::authentication || error.kind == Kind::refused;
            return login_failed(error.code, error.message, final);
        }
    }
}

void Server::logged_in() {
    worker_.counters().servers_login.add(-1);
    pid_ = login_->pid();
    secret_key_ = login_->secret_key();
    login_settings_ = worker_.tracked(login_->parameters());
    PoolGroup& group = pool_.group;
    if (worker_.snapshot(group.cluster)->primary == pool_.host) worker_.learn_welcome(group, login_->parameters());
    const auto limit = std::max<std::size_t>(worker_.shared().config.pool.max_prepared_statements, 1);
    machine_ = std::make_unique<session::ServerMachine>(worker_.parameters(), login_settings_, limit);
    login_.reset();
    spdlog::debug("event=server_login id={} server={} database=\"{}\" user=\"{}\" pid={}", id_, pool_.key.server,
                  pool_.key.database, pool_.key.user, pid_);
    worker_.settle(*this, pool_.pool.login_succeeded(*this, worker_.now()));
}

void Server::login_failed(std::string_view code, std::string_view message, bool final) {
    if (std::exchange(done_, true)) return;
    const auto keep_alive = shared_from_this();
    const std::string code_kept(code);
    const std::string text = "server login failed: " + std::string(message);
    spdlog::warn("event=server_login_failed server={} database=\"{}\" user=\"{}\" code={} cause=\"{}\"", pool_.key.server,
                 pool_.key.database, pool_.key.user, code_kept, message);
    WorkerStats& stats = worker_.counters();
    stats.servers_login.add(-1);
    (final ? stats.server_logins_failed : stats.server_connect_failures).add();
    if (!final) worker_.shared().report_failure(pool_.group.cluster, pool_.host);
    close_socket();
    pool_.pool.login_failed(this, worker_.now(), worker_.jitter());
    worker_.remove_server(*this);
    if (worker_.snapshot(pool_.group.cluster)->primary != pool_.host) {
        worker_.suspect(pool_);
    } else if (final) {
        for (pool::Waiter* waiter : pool_.pool.take_waiters()) static_cast<Client*>(waiter)->fail(code_kept, text);
    }
    worker_.pump(pool_);
}

}  // namespace pgweir::net
