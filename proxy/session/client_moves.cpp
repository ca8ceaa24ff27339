// A READ ONLY transaction that has done nothing yet but begin: SET LOCAL of a read preference may still say where it runs.
#include "proxy/session/client_sink.hpp"
#include "proxy/sql/classify.hpp"

namespace pgweir::session {

namespace {

// A longer BEGIN stays where it is.
constexpr std::size_t kLongestBegin = 1024;

}  // namespace

bool ClientMachine::begins_read_only(const sql::Statement& judged) const noexcept {
    const bool read_only = judged.transaction == sql::Transaction::begin_read_only ||
                           (judged.transaction == sql::Transaction::begin && default_read_only_);
    return read_only && !judged.multiple && !setup_.read_only;
}

// A request is passed on to the server; `begin`: the text of the BEGIN that it runs or binds, else empty. Parse, Describe,
// Close and Sync do nothing to a transaction.
void ClientMachine::note_request(Request request, std::string_view begin) {
    const bool begins = begin_state_ == BeginState::clean && !begin.empty() && begin.size() <= kLongestBegin;
    if (begins) begin_ = begin;
    switch (request) {
        case Request::bind: begin_state_ = begins ? BeginState::bound : BeginState::busy; return;
        case Request::query: begin_state_ = begins ? BeginState::begun : BeginState::busy; return;
        case Request::execute: begin_state_ = begin_state_ == BeginState::bound ? BeginState::begun : BeginState::busy; return;
        case Request::function_call: begin_state_ = BeginState::busy; return;
        case Request::parse:
        case Request::close:
        case Request::describe:
        case Request::sync: return;
    }
}

bool ClientMachine::wants_move(const ServerMachine& server) {
    if (setup_.split == config::Split::shadow) return false;  // all is on the primary
    if (!moves_ || !server.quiet()) return false;
    moves_ = false;
    if (begin_state_ != BeginState::begun || server.status() != TransactionStatus::open) return false;
    return on_replica_ || begin_route().target == routing::Target::replica;
}

// No transaction is open any more.
void ClientMachine::forget_begin() noexcept {
    settings_.transaction_over();
    block_sent_ = false;
    begin_state_ = BeginState::clean;
    moves_ = false;
}

routing::Route ClientMachine::begin_route() const {
    return routing::choose_route(sql::classify(begin_, lex_, setup_.names->judge()), facts());
}

routing::Route ClientMachine::move() {
    moving_ = true;
    on_replica_ = in_transaction_ = false;
    return begin_route();
}

// Begins the transaction again on the server that it was moved to.
void ClientMachine::begin_again(ServerMachine& server, std::string& to_server, Gather& to_client) {
    moving_ = false;
    server.attempt.drop();
    server.inject_query(begin_, Purpose::settings, to_server, to_client);
    server.hold_for_settings();
}

}  // namespace pgweir::session
