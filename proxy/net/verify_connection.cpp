#include "proxy/net/verify_connection.hpp"

#include <utility>

#include "protocol/message.hpp"
#include "proxy/net/verifier.hpp"
#include "proxy/session/second_run.hpp"

namespace pgweir::net {

namespace {

constexpr std::chrono::seconds kRun{15};  // the server's own limit is 10 s, this one is for a network that has gone
constexpr std::chrono::seconds kIdle{30};
constexpr std::chrono::seconds kLinger{5};

}  // namespace

VerifyConnection::VerifyConnection(Worker& worker, Verifier& verifier, HostPool& pool)
    : Backend(worker, pool_target(pool)), verifier_(verifier), pool_(pool), use_(pool.group), since_(worker.now()) {}

VerifyConnection::~VerifyConnection() {
    if (state_ != State::gone) pool_.pool.budget().give_back();
}

void VerifyConnection::run(const session::ParameterRef& settings, std::string request) {
    desired_ = settings;
    request_ = std::move(request);
    since_ = worker_.now();
    if (state_ == State::idle) start();
}

void VerifyConnection::start() {
    state_ = State::running;
    std::string out;
    ahead_ = session::append_second_run(out, *desired_, *actual_, std::exchange(request_, {}));
    digest_.emplace(ahead_);
    worker_.counters().server_bytes_sent.add(out.size());
    send(as_bytes(out));
    arm_read();
}

void VerifyConnection::logged_in(const session::ServerLogin& login) {
    actual_ = worker_.tracked(login.parameters());
    start();
}

void VerifyConnection::login_failed(std::string_view, std::string_view, bool) {
    const auto keep_alive = shared_from_this();
    verifier_.could_not_connect();
    verifier_.ran(*this, {});
    gone();
}

void VerifyConnection::on_session_readable() {
    const auto keep_alive = shared_from_this();
    if (!partial_.empty()) on_answer(as_bytes(std::exchange(partial_, {})));  // behind the login
    if (state_ == State::gone) return;
    const std::ptrdiff_t got = receive(worker_.scratch.data(), Worker::kScratch);
    if (got == kNothing) return arm_read();
    if (got == 0) return on_session_lost();
    worker_.counters().server_bytes_received.add(static_cast<std::uint64_t>(got));
    on_answer(as_bytes({worker_.scratch.data(), static_cast<std::size_t>(got)}));
    if (state_ != State::gone) arm_read();
}

void VerifyConnection::on_answer(Bytes bytes) {
    if (state_ == State::closing) return;
    if (state_ != State::running) return close();  // nothing was asked
    digest_->add(bytes);
    if (digest_->broken()) return fail(digest_->answers() < ahead_ ? Outcome::Kind::settings : Outcome::Kind::lost);
    if (digest_->answers() < ahead_ + 2) return;
    if (!session::second_run_is_over(*digest_, ahead_)) return fail(Outcome::Kind::lost);
    actual_ = desired_;
    state_ = State::idle;
    since_ = worker_.now();
    verifier_.ran(*this, {Outcome::Kind::answered, digest_->fingerprint(), digest_->refusal()});
}

// In what state it is now nobody knows.
void VerifyConnection::fail(Outcome::Kind kind) {
    const auto keep_alive = shared_from_this();
    close();
    verifier_.ran(*this, {kind});
}

void VerifyConnection::on_session_lost() {
    const auto keep_alive = shared_from_this();
    const bool ran = state_ == State::running;
    gone();
    if (ran) verifier_.ran(*this, {});
}

void VerifyConnection::close() {
    if (state_ == State::closing || state_ == State::gone) return;
    const auto keep_alive = shared_from_this();
    if (logging_in()) {
        end_login();
        return gone();
    }
    state_ = State::closing;
    since_ = worker_.now();
    verifier_.closed(*this);
    std::string out;
    protocol::append_terminate(out);
    send(as_bytes(out));
    arm_read();
}

// Its unit of the budget is the clients' again.
void VerifyConnection::gone() {
    if (std::exchange(state_, State::gone) == State::gone) return;
    const auto keep_alive = shared_from_this();
    verifier_.closed(*this);
    close_socket();
    pool_.pool.budget().give_back();
    worker_.remove_backend(*this);
    worker_.pump(pool_);
}

// Nobody waits for its place in the pool, and its server is still what it was.
bool VerifyConnection::is_wanted() const noexcept {
    return pool_.pool.budget().hungry(worker_.id()).empty() && pool_.pool.counts(worker_.now()).waiting == 0 &&
           worker_.snapshot(pool_.group.cluster)->in_rotation(pool_.host) && !pool_.group.retired && !worker_.paused(pool_.group);
}

void VerifyConnection::tick(TimePoint now) {
    const auto keep_alive = shared_from_this();
    Backend::tick(now);
    const auto spent = now - since_;
    switch (state_) {
        case State::login:
        case State::running:
            if (spent < kRun) return;
            return fail(Outcome::Kind::timeout);
        case State::idle:
            if (spent >= kIdle || !is_wanted()) close();
            return;
        case State::closing:
            if (spent >= kLinger) gone();
            return;
        case State::gone: return;
    }
}

ServerRow VerifyConnection::row() const {
    ServerRow row = Backend::row();
    row.state = state_ == State::login ? "login" : state_ == State::closing ? "closing" : "verify";
    return row;
}

}  // namespace pgweir::net
