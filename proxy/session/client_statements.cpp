// The client machine's statements and portals: prepared on whichever server they are used on (semantics.md C, "Statement
// virtualisation").
#include <utility>

#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/session/bound_text.hpp"
#include "proxy/session/client_sink.hpp"
#include "proxy/session/identifiers.hpp"

namespace pgweir::session {

namespace sqlstate = protocol::sqlstate;

void ClientMachine::on_parse(const Message& message, Sink& sink) {
    Bytes rest = message.body();
    const auto parsed_name = take_string(rest);
    if (!parsed_name) {
        sink.result.failed = true;
        sink.result.violation = kBadMessage;
        return;
    }
    extended_open_ = true;
    ++statements_.counters.client_parses;
    const std::string_view statement_name = *parsed_name;
    // Behind a SET in the same segment it is not known yet what it will mean: nobody else may have it.
    const ParameterRef settings = parse_settings();
    StatementRef statement = intern(as_text(rest), settings);
    tell_of_bad_hint(statement->judged, statement->text(), sink);
    if (!statement_name.empty()) {
        std::string_view code;
        if (const std::string_view why = statement_limit(*statement, code); !why.empty()) return raise(code, why, false, sink);
    }
    auto undo = std::make_unique<Undo>();
    undo->client_change = true;
    undo->client_name = statement_name;
    undo->previous = find_statement(statement_name);
    if (!statement_name.empty() && undo->previous) {
        return raise(sqlstate::kDuplicatePreparedStatement,
                     "prepared statement \"" + std::string(statement_name) + "\" already exists", false, sink);
    }
    const bool failed = sink.status() == TransactionStatus::failed;
    const bool local = is_local(*statement);
    if (local && failed) return raise(sqlstate::kInFailedTransaction, kAborted, false, sink);
    undo->parsed = statement;
    undo->epoch = statements_.epoch();
    restore_statement(undo->client_name, statement);
    if (local || sink.server == nullptr) {
        return fake({.request = Request::parse, .undo = std::move(undo)}, sink);
    }
    sink.server->segment_text.note(statement);
    if (statement_name.empty()) promoted_ = promotes(statement, sink);
    if (statement_name.empty() && !promoted_) {
        sink.server->unnamed = statement;
        sink.server->unnamed_unknown = false;
        ++statements_.counters.server_parses;
        if (statement->tail == as_text(rest)) return pass(message, Request::parse, sink, std::move(undo));
        sink.server->replay.drop();
        protocol::append_parse_tail(sink.to_server.own(), "", statement->tail);
        sink.server->expect({.request = Request::parse, .undo = std::move(undo)}, sink.to_client);
        return sink.server->set_unsynced(true);
    }
    const auto found = sink.server->prepared().use(statement->id, sink.server->schema_epoch());
    const bool known = found == ServerStatements::Known::yes;
    const bool allowed = !failed || statement->judged.transaction == sql::Transaction::end ||
                         statement->judged.reason == sql::Reason::empty;
    if (known && allowed) {
        return fake({.request = Request::parse, .undo = std::move(undo)}, sink);
    }
    // In a failed transaction the server is to answer, which may have left it by then: it can refuse only what it does not have.
    if (found != ServerStatements::Known::no) close_statement(statement->id, sink);
    if (found == ServerStatements::Known::no) make_room(sink);
    sink.server->prepared().add(statement->id, sink.server->schema_epoch());
    undo->server_statement = statement->id;
    ++statements_.counters.server_parses;
    protocol::append_parse_tail(sink.to_server.own(), statement->server_name, statement->tail);
    sink.server->expect({.request = Request::parse, .undo = std::move(undo)}, sink.to_client);
    sink.server->set_unsynced(true);
}

// Whether a Parse without a name is made a prepared statement of the server's. Only where the client cannot tell: should it be
// outdated, the segment is healed (ServerMachine::heal), a replica has the schema of before no more, and nothing of this
// session's own, as a temporary table that a function has made, can hide what it was prepared with.
bool ClientMachine::promotes(const StatementRef& statement, Sink& sink) {
    ServerMachine& server = *sink.server;
    const bool may = setup_.promote_unnamed && promotable_ && server.status() == TransactionStatus::idle && !server.unsynced() &&
                     pin_ == Pin::none && !tainted_ && !settings_doubtful_ && server.schema_settled;
    if (!may || !statement->promotable()) return false;
    const bool promoted = statement->promotion.next();
    if (promoted) ++statements_.counters.promoted;
    server.unnamed_unknown |= promoted;  // the one there, of an earlier Parse, is not the client's
    server.timed = {statement, promoted};
    return promoted;
}

// Whether the unnamed statement is used as the prepared one: in the segment of its Parse, or where it can be healed.
bool ClientMachine::uses_promoted(const ServerMachine& server) const noexcept {
    return promoted_ && (promotable_ || (server.status() == TransactionStatus::idle && !server.unsynced()));
}

// What is parsed for this tail of a Parse: itself, but for SHOW pgweir.lsn, which no server knows.
StatementRef ClientMachine::intern(std::string_view tail, const ParameterRef& settings) {
    // Sent again and again without a name, it is the same as the last time more often than not.
    const bool again = unnamed_ && unnamed_->settings == settings && unnamed_->tail == tail;
    if (again) StatementCache::refresh(*unnamed_);
    StatementRef statement = again ? unnamed_ : statements_.intern(tail, setup_.scope, settings, lex_, setup_.names);
    if (!statement->judged.asks_position) return statement;
    constexpr std::string_view kNoTypes("\0\0\0", 3);
    return statements_.intern(std::string(kPositionSql).append(kNoTypes), setup_.scope, settings, lex_,
                              setup_.names);
}

// Why the client may not have this statement too; empty: it may.
std::string_view ClientMachine::statement_limit(const CachedStatement& statement, std::string_view& code) const noexcept {
    if (statement_bytes_ + statement.size() > setup_.max_client_statements) {
        code = sqlstate::kProgramLimitExceeded;
        return "this client's prepared statements take too much memory (max_client_statement_memory)";
    }
    if (statements_.held_bytes() <= setup_.max_statements) return {};
    code = sqlstate::kOutOfMemory;
    return "all clients' prepared statements take too much memory (max_statement_memory)";
}

// What a statement's meaning depends on, if it is parsed now.
const ParameterRef& ClientMachine::parse_settings() {
    if (!settings_doubtful_) return plan_settings_;
    if (private_settings_ == ParameterRef{}) private_settings_ = statements_.private_settings(parameters_, plan_settings_);
    return private_settings_;
}

void ClientMachine::doubt_settings() noexcept {
    settings_doubtful_ = true;
    private_settings_ = {};  // those of before are not those of now
}

// Closes the server's least recently used statement when it may not hold one more.
void ClientMachine::make_room(Sink& sink) {
    while (const auto oldest = sink.server->prepared().evict()) close_statement(*oldest, sink);
}

void ClientMachine::close_statement(std::uint64_t id, Sink& sink) {
    auto restore = std::make_unique<Undo>();
    restore->server_restore = id;
    protocol::append_close(sink.to_server.own(), 'S', server_statement_name(id));
    sink.server->expect({.request = Request::close, .purpose = Purpose::statement, .undo = std::move(restore)},
                        sink.to_client);
    sink.server->set_unsynced(true);
}

// Prepares a named statement on the server, if it is not there, and says as which one it is known: parsed under other
// settings than at first it may mean something else, and is not the others' statement; then it is kept in `other`.
const StatementRef& ClientMachine::ensure_prepared(const StatementRef& named, StatementRef& other, Sink& sink) {
    ServerMachine& server = *sink.server;
    const std::uint64_t epoch = server.schema_epoch();
    auto known = server.prepared().use(named->id, epoch);
    if (known == ServerStatements::Known::yes) return named;
    const ParameterRef settings = parse_settings();
    const bool others = named->settings != settings;  // what is prepared under that name
    if (others) {
        if (known == ServerStatements::Known::stale) server.prepared().spoil(named->id);
        other = intern(named->tail, settings);
        known = server.prepared().use(other->id, epoch);
        if (known == ServerStatements::Known::yes) return other;
    }
    const StatementRef& statement = others ? other : named;
    if (known == ServerStatements::Known::stale) close_statement(statement->id, sink);
    if (known == ServerStatements::Known::no) make_room(sink);
    auto undo = std::make_unique<Undo>();
    undo->server_statement = statement->id;
    undo->parsed = statement;
    undo->epoch = statements_.epoch();
    server.prepared().add(statement->id, epoch);
    ++statements_.counters.server_parses;
    protocol::append_parse_tail(sink.to_server.own(), statement->server_name, statement->tail);
    server.expect({.request = Request::parse, .purpose = Purpose::statement, .undo = std::move(undo)}, sink.to_client);
    server.set_unsynced(true);
    return statement;
}

// Makes the server's unnamed statement the client's, or none.
void ClientMachine::ensure_unnamed(Sink& sink) {
    ServerMachine& server = *sink.server;
    if (server.unnamed == unnamed_ && !server.unnamed_unknown) return;
    auto undo = std::make_unique<Undo>();
    undo->client_change = true;  // marks the server's unnamed statement as unknown again
    undo->previous = unnamed_;
    if (unnamed_) {
        protocol::append_parse_tail(sink.to_server.own(), "", unnamed_->tail);
        ++statements_.counters.server_parses;
    } else {
        protocol::append_close(sink.to_server.own(), 'S', "");
    }
    const Request request = unnamed_ ? Request::parse : Request::close;
    server.expect({.request = request, .purpose = Purpose::statement, .undo = std::move(undo)}, sink.to_client);
    server.set_unsynced(true);
    server.unnamed = unnamed_;
    server.unnamed_unknown = false;
}

void ClientMachine::on_bind(const Message& message, Sink& sink) {
    Bytes rest = message.body();
    const auto portal = take_string(rest);
    const auto name = portal ? take_string(rest) : std::nullopt;
    if (!name) {
        sink.result.failed = true;
        sink.result.violation = kBadMessage;
        return;
    }
    const StatementRef& statement = find_statement(*name);
    if (statement && awaits_channel(statement->judged, statement->text())) {
        sink.result.listen = true;
        return;
    }
    extended_open_ = true;
    ++statements_.counters.binds;
    if (local_portal_ && local_portal_->name == *portal) local_portal_.reset();
    if (statement && is_local(*statement)) {
        remaining_dropped_ = true;
        if (const unsigned count = bound_count(rest); count > 0) {
            return raise(sqlstate::kProtocolViolation, "bind message supplies " + std::to_string(count) +
                         " parameters, but prepared statement \"" + std::string(*name) + "\" requires 0", false, sink);
        }
        local_portal_ = std::make_unique<LocalPortal>(LocalPortal{std::string(*portal), statement});
        return fake({.request = Request::bind}, sink);
    }
    if (!needs_server(sink)) return;
    if (settings_.now().explain || explain_portal_) bind_explain(*portal, statement ? &*statement : nullptr, *sink.server);
    if (statement) {
        sink.server->segment_text.note(statement);
        if (statement->judged.is_plain_read() && !setup_.read_only) {
            if (portal_changes_) bind_changes(*portal, nullptr);
            touch(Touch::read);
        } else if (!take_on(*statement, *portal, rest, sink)) {
            return;
        }
    } else {
        touch(Touch::wrote);  // SQL's PREPARE made it, it may be anything
    }
    note_request(Request::bind, statement && begins_read_only(statement->judged) ? statement->text() : std::string_view{});
    if (name->empty() && !(statement && uses_promoted(*sink.server))) {
        ensure_unnamed(sink);
        return pass(message, Request::bind, sink);
    }
    const bool may_replay = sink.status() == TransactionStatus::idle && !sink.server->unsynced() && message.complete();
    StatementRef other;
    const StatementRef& prepared = statement ? ensure_prepared(statement, other, sink) : statement;
    std::string foreign;
    if (!statement && name->starts_with(kServerStatementPrefix)) foreign = "unknown ";  // never another client's statement
    if (!statement) foreign += *name;
    const std::string& server_name = statement ? prepared->server_name : foreign;
    const std::size_t grown = message.size - protocol::kHeaderSize - name->size() + server_name.size();
    std::string& out = sink.to_server.own();
    const std::size_t begin = out.size();
    protocol::append_header(out, protocol::frontend::kBind, grown);
    out.append(as_text(message.body().first(portal->size() + 1)));
    out.append(server_name.c_str(), server_name.size() + 1).append(as_text(rest));
    expect_named(Request::bind, prepared, may_replay, out.size() - begin, sink);
}

// What a bound statement means to the session. False: it is refused.
bool ClientMachine::take_on(const CachedStatement& statement, std::string_view portal, Bytes parameters, Sink& sink) {
    Changes changes = changes_of(statement.judged, statement.text(), parameters, statement.types());
    const sql::Effect effects = unknown_effects(statement.judged, changes);
    if (const std::string_view why = refusal(statement.judged, statement.text(), effects, *sink.server); !why.empty()) {
        remaining_dropped_ = true;
        raise(refusal_code(effects), why, false, sink);
        return false;
    }
    apply_effects(statement.judged, effects, *sink.server);
    if (loses_track(statement.judged, statement.text(), changes)) lose_track();
    bind_changes(portal, std::move(changes));
    touch(touch_of(statement.judged));
    copy_bound_ |= has(statement.judged.effects, sql::Effect::copy_from_stdin);
    return true;
}

// A request about a prepared statement was written. One that begins its segment may be sent again with it, if the statement
// turns out to be outdated.
void ClientMachine::expect_named(Request request, const StatementRef& statement, bool may_replay, std::size_t bytes, Sink& sink) {
    ServerMachine& server = *sink.server;
    // An injected Parse: it cannot be outdated.
    const bool same_settings = statement && statement->settings == parse_settings();
    if (may_replay && same_settings && !server.unsynced() && bytes <= Replay::kMaxBytes) {
        server.replay.begin(statement, bytes);
    } else {
        server.replay.drop();
    }
    server.expect(request).statement = statement ? statement->id : 0;
    server.set_unsynced(true);
}

// Remembers what executing the portal will do to the session. One portal at a time: of a second one it is not known.
void ClientMachine::bind_changes(std::string_view portal, Changes changes) {
    if (!changes) {
        if (portal_changes_ && portal_changes_->first == portal) portal_changes_.reset();
        return;
    }
    if (portal_changes_ && portal_changes_->first != portal) lose_track();
    portal_changes_ = std::make_unique<std::pair<std::string, sql::SessionChanges>>(portal, std::move(*changes));
    changes_sent_ = true;
}

void ClientMachine::fake_description(std::string answer, Sink& sink) {
    fake({.request = Request::describe, .answer = std::make_unique<std::string>(std::move(answer))}, sink);
}

void ClientMachine::on_describe(const Message& message, Sink& sink) {
    extended_open_ = true;
    Bytes rest = message.body().subspan(1);
    const std::string_view name = take_string(rest).value_or(std::string_view{});
    if (message.body()[0] != std::byte{'S'}) {
        if (local_portal_ && local_portal_->name == name) {
            return fake_description(describe_local_setting(local_portal_->statement->judged), sink);
        }
        return pass(message, Request::describe, sink);
    }
    const StatementRef& statement = find_statement(name);
    if (statement && is_local(*statement)) {
        return fake_description(protocol::kNoParameters + describe_local_setting(statement->judged), sink);
    }
    if (!needs_server(sink)) return;
    sink.server->segment_text.note(statement);
    if (name.empty() && !(statement && uses_promoted(*sink.server))) {
        ensure_unnamed(sink);
        return pass(message, Request::describe, sink);
    }
    if (!statement && !name.starts_with(kServerStatementPrefix)) return pass(message, Request::describe, sink);
    const bool may_replay = sink.status() == TransactionStatus::idle && !sink.server->unsynced();
    StatementRef other;
    const StatementRef& prepared = statement ? ensure_prepared(statement, other, sink) : statement;
    std::string& out = sink.to_server.own();
    const std::size_t begin = out.size();
    protocol::append_describe(out, 'S', prepared ? prepared->server_name : "unknown " + std::string(name));
    expect_named(Request::describe, prepared, may_replay, out.size() - begin, sink);
}

void ClientMachine::on_close(const Message& message, Sink& sink) {
    extended_open_ = true;
    Bytes rest = message.body().subspan(1);
    const std::string_view name = take_string(rest).value_or(std::string_view{});
    if (message.body()[0] != std::byte{'S'}) {
        const bool local = local_portal_ && local_portal_->name == name;
        if (local) local_portal_.reset();
        if (local || sink.server == nullptr) return fake({.request = Request::close}, sink);
        return pass(message, Request::close, sink);
    }
    auto undo = std::make_unique<Undo>();
    undo->client_change = true;
    undo->client_name = name;
    undo->previous = find_statement(name);
    const bool ours = static_cast<bool>(undo->previous);
    restore_statement(undo->client_name, {});
    // SQL PREPARE shares the name space: in a pinned session an unknown name may be the server's.
    if (!ours && pin_ != Pin::none && sink.server != nullptr && !name.starts_with(kServerStatementPrefix)) {
        return pass(message, Request::close, sink);
    }
    fake({.request = Request::close, .undo = std::move(undo)}, sink);
}

}  // namespace pgweir::session
