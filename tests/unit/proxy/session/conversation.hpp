// One client and one server connection around the session machines, as the net room puts them together, without sockets.
#pragma once

#include <string>

#include "proxy/session/client_machine.hpp"
#include "proxy/session/server_machine.hpp"
#include "tests/support/wire.hpp"

namespace pgweir::test {

// Feeds bytes in pieces of `chunk` and keeps what comes out. Every conversation is to give the same for every chunk.
class Conversation {
  public:
    explicit Conversation(std::size_t chunk, std::size_t statement_limit = 100, session::ClientSetup setup = {})
        : chunk_(chunk), statements_(functions_, 1 << 20),
          server_(parameters_, start(), statement_limit),
          client_(statements_, parameters_, with_start(std::move(setup))) {}

    // Bytes from the client; the result is what the server gets.
    std::string client(std::string_view bytes) {
        to_server_.clear();
        for (std::size_t at = 0; at < bytes.size(); at += chunk_) {
            kept_ += bytes.substr(at, chunk_);
            work();
        }
        return to_server_;
    }

    // Bytes from the server; the result is what the client gets. Held requests of the client go on.
    std::string server(std::string_view bytes) {
        const std::string before = std::exchange(to_client_, {});
        to_server_.clear();
        std::string partial;
        for (std::size_t at = 0; at < bytes.size(); at += chunk_) {
            partial += bytes.substr(at, chunk_);
            session::Gather out;
            const auto progress = server_.on_bytes(as_bytes(partial), linked_ ? &client_ : nullptr, out);
            to_client_ += as_text(out.bytes());
            violation |= progress.violation;
            partial.erase(0, progress.consumed);
            if (progress.given_back) again();
            if (progress.ready && server_.quiet()) settle();
            work();
        }
        return std::exchange(to_client_, before + to_client_);
    }

    // The server connection goes away; the same machine stands in for the next one.
    void lose_server() {
        lost = linked_ && (server_.attempt.open() || server_.attempt.refused()) && !client_.mid_message();
        if (lost) again();
        linked_ = false;
        client_.detached();
        while (!server_.queue().empty()) server_.queue().pop();
        work();
    }

    // The next segment meets a connection that turns out dead when it is to be sent: it is given back, and sent elsewhere.
    void dead_on_sending() { dead_ = true; }

    // What the client has got so far, fakes and local answers too.
    std::string take_client() { return std::exchange(to_client_, {}); }
    std::string take_server() { return std::exchange(to_server_, {}); }

    // The channel that a LISTEN waits for, or empty; and the end of that wait.
    [[nodiscard]] std::string wanted() const { return waits_ ? client_.wanted_channel() : ""; }
    void channel_ready() {
        waits_ = false;
        client_.channel_ready();
        work();
    }
    void channel_failed(std::string_view code, std::string_view text) {
        waits_ = false;
        client_.channel_failed(code, text);
        work();
    }

    // What statements are judged by from now on.
    sql::Allowlist& functions() { return functions_; }
    session::ClientMachine& machine() { return client_; }
    session::ServerMachine& backend() { return server_; }
    [[nodiscard]] bool linked() const { return linked_; }
    bool violation = false;
    bool failed = false;
    session::Violation why;
    routing::Route route;
    bool lost = false;     // lose_server() has taken the segment back
    std::size_t runs_again = 0;
    std::size_t moves = 0;  // of transactions to another server

  private:
    void again() {
        const auto cause = server_.attempt.refused() ? server_.attempt.refusal() : session::Refusal::lost;
        kept_.insert(0, server_.take_back(client_));
        client_.run_again(cause);
        ++runs_again;
    }

    session::ParameterRef start() { return parameters_.intern({{"TimeZone", "UTC"}, {"client_encoding", "UTF8"}}); }

    session::ClientSetup with_start(session::ClientSetup setup) {
        setup.start = start();
        return setup;
    }

    // The server rolls the transaction back, and stands in for the one that it begins on again.
    void move() {
        session::Gather to_server;
        session::Gather to_client;
        route = client_.move();
        server_.inject_query("ROLLBACK", session::Purpose::reset, to_server.own(), to_client);
        (void)server_.on_bytes(as_bytes(complete("ROLLBACK") + ready()), nullptr, to_client);
        to_server.clear();
        (void)client_.attach(server_, route, to_server.own(), to_client);
        to_server_ += as_text(to_server.bytes());
        ++moves;
    }

    void settle() {
        if (!linked_) return;
        if (!server_.internal_pending()) server_.release_settings_hold();
        client_.segment_done(server_);
        if (server_.releasable() && client_.pin() == session::Pin::none) {
            linked_ = false;
            client_.detached();
        } else if (client_.wants_move(server_)) {
            move();
        }
    }

    void work() {
        while (!failed && !waits_) {
            session::Gather to_server;
            session::Gather to_client;
            Bytes bytes = as_bytes(kept_);
            if (!linked_) {
                if (kept_.empty()) return;
                const session::Plan plan = client_.plan(as_bytes(kept_));
                if (plan.kind == session::Plan::Kind::violation) {
                    failed = true;
                    why = plan.violation;
                    return;
                }
                waits_ = plan.kind == session::Plan::Kind::listen;
                if (waits_) return;
                if (plan.kind == session::Plan::Kind::incomplete || plan.kind == session::Plan::Kind::terminate) return;
                if (plan.kind == session::Plan::Kind::local) bytes = bytes.first(plan.covered);
                if (plan.kind == session::Plan::Kind::server) {
                    linked_ = true;
                    route = plan.route;
                    (void)client_.attach(server_, plan.route, to_server.own(), to_client);
                }
            }
            const auto done = client_.forward(bytes, linked_ ? &server_ : nullptr, to_server, to_client);
            if (linked_ && done.consumed > 0 && !client_.mid_message() && std::exchange(dead_, false)) {
                (void)server_.take_back(client_);
                client_.run_again(session::Refusal::none);
                linked_ = false;
                client_.detached();
                while (!server_.queue().empty()) server_.queue().pop();
                server_.set_unsynced(false);
                continue;
            }
            to_server_ += as_text(to_server.bytes());
            to_client_ += as_text(to_client.bytes());
            failed = done.failed;
            waits_ = done.listen;
            why = done.violation;
            kept_.erase(0, done.consumed);
            if (linked_ && client_.wants_move(server_)) move();
            if (done.consumed == 0) return;
        }
    }

    std::size_t chunk_;
    sql::Allowlist functions_;
    session::ParameterTable parameters_;
    session::StatementCache statements_;
    session::ServerMachine server_;
    session::ClientMachine client_;
    std::string kept_, to_server_, to_client_;
    bool linked_ = false;
    bool waits_ = false;
    bool dead_ = false;
};

}  // namespace pgweir::test
