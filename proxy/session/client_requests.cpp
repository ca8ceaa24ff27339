// The client machine with a server: relays requests, one segment at a time.
#include <algorithm>
#include <utility>

#include "protocol/error_fields.hpp"
#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/session/client_sink.hpp"
#include "proxy/session/local_settings.hpp"
#include "proxy/sql/classify.hpp"

namespace pgweir::session {

namespace {

namespace frontend = protocol::frontend;
namespace sqlstate = protocol::sqlstate;

constexpr Violation kBadMessage{sqlstate::kProtocolViolation, "invalid message from client"};

// SQL that fails with this error. The text may hold anything of the client's: only harmless characters stay.
std::string raising_sql(std::string_view code, std::string_view text) {
    std::string harmless(text);
    std::replace_if(
        harmless.begin(), harmless.end(),
        [](char c) { return c < ' ' || c > '~' || c == '\'' || c == '$' || c == '\\'; }, '?');
    return "DO $pgweir$ BEGIN RAISE EXCEPTION USING ERRCODE = '" + std::string(code) + "', MESSAGE = '" + harmless +
           "'; END $pgweir$";
}

// How much of a message must have come before it is worked on; the rest may follow in parts.
std::size_t needed(protocol::Frame frame, std::size_t max_statement) noexcept {
    switch (frame.tag) {
        case frontend::kQuery: return frame.size() <= std::min(kMaxWholeQuery, max_statement) ? frame.size() : protocol::kHeaderSize;
        case frontend::kParse: return frame.size() <= max_statement ? frame.size() : protocol::kHeaderSize;
        case frontend::kCopyData:
        case frontend::kFunctionCall: return protocol::kHeaderSize;
        case frontend::kBind: return std::min(frame.size(), kMaxHead);
        default: return frame.size();
    }
}

bool whole_is_too_long(protocol::Frame frame) noexcept {
    switch (frame.tag) {
        case frontend::kQuery:
        case frontend::kCopyData:
        case frontend::kFunctionCall:
        case frontend::kBind: return false;
        case frontend::kCopyFail: return frame.size() > kMaxWholeQuery;
        case frontend::kParse: return false;
        default: return frame.size() > kMaxHead;
    }
}

}  // namespace

Forwarded ClientMachine::forward(Bytes in, ServerMachine* server, Gather& to_server, Gather& to_client) {
    Forwarded result;
    Sink sink{server, to_server, to_client, result};
    while (result.consumed < in.size() && !result.failed && !result.terminate) {
        const Bytes rest = in.subspan(result.consumed);
        if (remaining_ > 0) {
            const std::size_t part = std::min<std::size_t>(remaining_, rest.size());
            if (!remaining_dropped_) to_server.pass(rest.first(part));
            remaining_ -= static_cast<std::uint32_t>(part);
            result.consumed += part;
            // The rest of a COPY that the server has ended: what comes next has a plan of its own.
            if (remaining_ == 0 && server != nullptr && server->releasable()) break;
            continue;
        }
        const bool copying = server != nullptr && server->copy() == Copy::in;
        if (server != nullptr && !copying && !server->accepts_requests()) break;
        if (server == nullptr && result.segments > 0) break;  // the next segment has its own plan
        const auto frame = protocol::peek_frame(rest, setup_.max_message);
        if (!frame) {
            if (frame.error() == protocol::FrameError::incomplete) break;
            result.failed = true;
            result.violation = {sqlstate::kProtocolViolation, "invalid message length"};
            break;
        }
        if (whole_is_too_long(*frame)) {
            result.failed = true;
            result.violation = {sqlstate::kProgramLimitExceeded, "message is too long"};
            break;
        }
        if (rest.size() < std::min(needed(*frame, setup_.max_statement), frame->size())) break;
        const Message message{frame->tag, rest.first(std::min(rest.size(), frame->size())), frame->size()};
        remaining_dropped_ = false;
        if (!on_copy(message, sink)) dispatch(message, sink);
        if (result.failed || result.listen) break;
        remaining_ = static_cast<std::uint32_t>(message.size - message.whole.size());
        result.consumed += message.whole.size();
        if (server == nullptr && !extended_open_) break;
    }
    return result;
}

// The COPY sub-protocol (semantics.md C, "COPY rule"). True when the message was dealt with.
bool ClientMachine::on_copy(const Message& message, Sink& sink) {
    const bool data = message.tag == frontend::kCopyData;
    const bool last = message.tag == frontend::kCopyDone || message.tag == frontend::kCopyFail;
    if (sink.server != nullptr && sink.server->copy() == Copy::in) {
        if (data || last) {
            sink.to_server.pass(message.whole);
            if (last) sink.server->copy_ended_by_client();
            return true;
        }
        remaining_dropped_ = true;  // the server ignores Sync and Flush while it reads data
        if (message.tag == frontend::kTerminate) return false;
        if (message.tag != frontend::kSync && message.tag != frontend::kFlush) lose_copy(message.tag, sink);
        return true;
    }
    if (!data && !last) return false;
    remaining_dropped_ = true;  // left over of a COPY that the server has ended
    return true;
}

// Anything else in the middle of COPY data: answered as the server does (semantics.md C).
void ClientMachine::lose_copy(protocol::Tag tag, Sink& sink) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(tag);
    const std::string hex{kDigits[byte >> 4], kDigits[byte & 15]};
    protocol::append_error(sink.to_client.own(), "ERROR", sqlstate::kProtocolViolation,
                           "unexpected message type 0x" + hex + " during COPY from stdin");
    sink.result.failed = true;
    sink.result.violation = {sqlstate::kProtocolViolation, "terminating connection because protocol synchronization was lost"};
}

void ClientMachine::dispatch(const Message& message, Sink& sink) {
    const bool ends_drop = message.tag == frontend::kSync || message.tag == frontend::kTerminate;
    const bool skipping = drop_to_sync_ || (sink.server != nullptr && sink.server->skipping());
    if (skipping && !ends_drop) {  // the server would ignore it
        remaining_dropped_ = true;
        planned_valid_ = false;
        return;
    }
    if (message.complete() && !well_formed(message.tag, message.body())) {
        sink.result.failed = true;
        sink.result.violation = kBadMessage;
        return;
    }
    if (refuse_long_text(message, sink)) return;
    switch (message.tag) {
        case frontend::kQuery: return message.complete() ? on_query(message, sink) : on_large(message, sink);
        case frontend::kParse: return on_parse(message, sink);
        case frontend::kBind: return on_bind(message, sink);
        case frontend::kDescribe: return on_describe(message, sink);
        case frontend::kExecute: return on_execute(message, sink);
        case frontend::kClose: return on_close(message, sink);
        case frontend::kSync: return on_sync(message, sink);
        case frontend::kFlush:
            if (sink.server == nullptr) return;
            sink.server->replay.drop();
            return sink.to_server.pass(message.whole);
        case frontend::kFunctionCall: return on_large(message, sink);
        case frontend::kTerminate: sink.result.terminate = true; return;
        default:
            sink.result.failed = true;
            sink.result.violation = {sqlstate::kProtocolViolation, "invalid frontend message type"};
    }
}

// Longer than max_statement_size: an error of its own, the rest is dropped.
bool ClientMachine::refuse_long_text(const Message& message, Sink& sink) {
    const bool text = message.tag == frontend::kQuery || message.tag == frontend::kParse;
    if (!text || message.size <= setup_.max_statement) return false;
    constexpr std::string_view kWhy = "statement text is longer than max_statement_size";
    remaining_dropped_ = true;
    planned_valid_ = false;
    const bool simple = message.tag == frontend::kQuery;
    if (simple) {
        ++sink.result.segments;
        unnamed_ = {};
        extended_open_ = sink.server != nullptr && extended_open_;
    } else {
        extended_open_ = true;
    }
    raise(sqlstate::kProgramLimitExceeded, kWhy, simple, sink);
    if (simple && sink.server == nullptr) protocol::append_ready_for_query(sink.to_client.own(), 'I');
    return true;
}

// plan() sees to it that there is a server for whatever needs one. What it could not foresee (a statement that goes away
// in the middle of its segment) is an error for the client.
bool ClientMachine::needs_server(Sink& sink) {
    if (sink.server != nullptr) return true;
    remaining_dropped_ = true;
    raise(sqlstate::kInvalidStatementName, "prepared statement does not exist", false, sink);
    return false;
}

void ClientMachine::pass(const Message& message, Request request, Sink& sink, std::unique_ptr<Undo> undo, Changes changes) {
    if (!needs_server(sink)) return;
    if (sink.server->replay.active()) keep_for_replay(message, request, changes != nullptr || undo != nullptr, sink);
    sink.to_server.pass(message.whole);
    sink.server->expect({.request = request, .undo = std::move(undo), .changes = std::move(changes)}, sink.to_client);
    if (request < Request::sync) sink.server->set_unsynced(true);
}

void ClientMachine::keep_for_replay(const Message& message, Request request, bool has_effects, Sink& sink) {
    const bool belongs = request == Request::describe || request == Request::execute || request == Request::sync;
    if (!belongs || has_effects || !message.complete()) return sink.server->replay.drop();
    sink.server->replay.add(message.whole, request == Request::sync);
}

void ClientMachine::fake(Request request, std::string answer, Sink& sink, std::unique_ptr<Undo> undo, Changes changes) {
    if (sink.server == nullptr) {
        sink.to_client.own().append(answer);
        if (changes) completed({}, changes.get());
        return;
    }
    if (changes && sink.server->queue().empty()) completed({}, std::exchange(changes, nullptr).get());
    Expected expected{.request = request, .fake = true, .answer = std::move(answer), .undo = std::move(undo), .changes = std::move(changes)};
    sink.server->expect(std::move(expected), sink.to_client);
}

void ClientMachine::on_query(const Message& message, Sink& sink) {
    const sql::Statement judged = std::exchange(planned_valid_, false)
                                      ? planned_
                                      : sql::classify(query_text(message.body()), lex_, statements_.functions());
    const bool alone = !extended_open_ || sink.server == nullptr;
    if (alone && awaits_channel(judged, query_text(message.body()))) {
        sink.result.listen = true;
        return;
    }
    ++sink.result.segments;
    auto undo = undo_of_query(sink);
    unnamed_ = {};
    if (alone && is_local(judged, query_text(message.body()))) return on_local_query(message, sink);
    if (sink.server == nullptr) {
        sink.result.failed = true;
        sink.result.violation = kBadMessage;
        return;
    }
    sink.server->unnamed = {};
    sink.server->unnamed_unknown = false;
    Changes changes = changes_of(judged, query_text(message.body()));
    const sql::Effect effects = unknown_effects(judged, changes);
    if (const std::string_view why = refusal(judged, query_text(message.body()), effects, *sink.server); !why.empty()) {
        return raise(refusal_code(effects), why, true, sink);
    }
    apply_effects(judged, effects, *sink.server);
    if (loses_track(judged, query_text(message.body()), changes)) lose_track();
    changes_sent_ |= changes != nullptr;
    pass(message, Request::query, sink, std::move(undo), std::move(changes));
}

// A statement that the proxy answers by itself, alone in its Query.
void ClientMachine::on_local_query(const Message& message, Sink& sink) {
    extended_open_ = drop_to_sync_ = false;
    // The slices of a plan may be gone: judged again, from the bytes that are here.
    const std::string_view text = query_text(message.body());
    const sql::Statement local = sql::classify(text, lex_, statements_.functions());
    Changes changes;
    std::string answer = run_local(local, text, sink.status(), changes);
    if (answer.starts_with('E') && sink.status() == TransactionStatus::open) {  // the transaction fails, too
        const auto fields = protocol::parse_error_fields(as_bytes(answer).subspan(protocol::kHeaderSize));
        return raise(fields.code, fields.message, true, sink);
    }
    std::string& out = sink.to_client.own();
    out += answer;
    protocol::append_ready_for_query(out, static_cast<char>(sink.status()));
    if (!changes) return;
    completed({}, changes.get());
    if (sink.status() != TransactionStatus::idle) return;
    staged_->commit();
    commit_changes(sink.server);
}

// Behind extended requests a Query may yet be skipped; then the unnamed statement is still there.
std::unique_ptr<Undo> ClientMachine::undo_of_query(const Sink& sink) const {
    if (sink.server == nullptr || !sink.server->unsynced()) return nullptr;
    auto undo = std::make_unique<Undo>();
    undo->client_change = true;
    undo->previous = unnamed_;
    return undo;
}

// A Query too long to be judged, or a FunctionCall: relayed in parts, and what it did to the session is looked up.
void ClientMachine::on_large(const Message& message, Sink& sink) {
    ++sink.result.segments;
    planned_valid_ = false;
    if (!needs_server(sink)) return;
    if (on_replica_ || setup_.read_only) {  // it could be anything
        remaining_dropped_ = true;
        return raise(sqlstate::kReadOnlyTransaction,
                     "this may not run in a READ ONLY transaction that pgweir has begun on a replica "
                     "(begin the transaction with /* pgweir: primary */ BEGIN READ ONLY)",
                     true, sink);
    }
    tainted_ = true;
    doubt_settings();
    wrote_ = true;
    auto undo = undo_of_query(sink);
    if (message.tag == frontend::kQuery) {
        unnamed_ = {};
        sink.server->unnamed = {};
        sink.server->unnamed_unknown = false;
    }
    pass(message, message.tag == frontend::kQuery ? Request::query : Request::function_call, sink, std::move(undo));
}

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
    StatementRef statement = statements_.intern(as_text(rest), settings, lex_);
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
    undo->parsed = statement;
    undo->epoch = statements_.epoch();
    restore_statement(undo->client_name, statement);
    if (is_local(*statement) && sink.status() == TransactionStatus::failed) {
        restore_statement(undo->client_name, undo->previous);
        return raise(sqlstate::kInFailedTransaction, "current transaction is aborted, commands ignored until end of transaction block",
                     false, sink);
    }
    if (is_local(*statement) || sink.server == nullptr) {
        return fake(Request::parse, protocol::kParseComplete, sink, std::move(undo));
    }
    if (statement_name.empty()) {
        sink.server->unnamed = statement;
        sink.server->unnamed_unknown = false;
        ++statements_.counters.server_parses;
        return pass(message, Request::parse, sink, std::move(undo));
    }
    const bool failed = sink.status() == TransactionStatus::failed;
    const auto found = sink.server->prepared().use(statement->id, StatementCache::schema_epoch());
    const bool known = found == ServerStatements::Known::yes;
    const bool allowed = !failed || statement->judged.transaction == sql::Transaction::end ||
                         statement->judged.reason == sql::Reason::empty;
    if (known && allowed) {
        return fake(Request::parse, protocol::kParseComplete, sink, std::move(undo));
    }
    if (found == ServerStatements::Known::stale) close_statement(statement->id, sink);
    if (found == ServerStatements::Known::no) make_room(sink);
    if (!known) {
        sink.server->prepared().add(statement->id, StatementCache::schema_epoch());
        undo->server_statement = statement->id;
    }
    ++statements_.counters.server_parses;
    protocol::append_parse_tail(sink.to_server.own(), statement->server_name(), statement->tail);
    sink.server->expect({.request = Request::parse, .undo = std::move(undo)}, sink.to_client);
    sink.server->set_unsynced(true);
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
    if (const auto oldest = sink.server->prepared().evict()) close_statement(*oldest, sink);
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
// settings than at first it may mean something else, and is not the others' statement.
StatementRef ClientMachine::ensure_prepared(StatementRef statement, Sink& sink) {
    ServerMachine& server = *sink.server;
    const std::uint64_t epoch = StatementCache::schema_epoch();
    auto known = server.prepared().use(statement->id, epoch);
    if (known == ServerStatements::Known::yes) return statement;
    const ParameterRef settings = parse_settings();
    if (statement->settings != settings) {  // what is prepared under that name is the others'
        if (known == ServerStatements::Known::stale) server.prepared().spoil(statement->id);
        statement = statements_.intern(statement->tail, settings, lex_);
        known = server.prepared().use(statement->id, epoch);
        if (known == ServerStatements::Known::yes) return statement;
    }
    if (known == ServerStatements::Known::stale) close_statement(statement->id, sink);
    if (known == ServerStatements::Known::no) make_room(sink);
    auto undo = std::make_unique<Undo>();
    undo->server_statement = statement->id;
    undo->parsed = statement;
    undo->epoch = statements_.epoch();
    server.prepared().add(statement->id, epoch);
    ++statements_.counters.server_parses;
    protocol::append_parse_tail(sink.to_server.own(), statement->server_name(), statement->tail);
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
    const StatementRef statement = find_statement(*name);
    if (statement && awaits_channel(statement->judged, statement->text())) {
        sink.result.listen = true;
        return;
    }
    extended_open_ = true;
    ++statements_.counters.binds;
    if (local_portal_ && local_portal_->name == *portal) local_portal_.reset();
    if (statement && is_local(*statement)) {
        remaining_dropped_ = true;
        local_portal_ = std::make_unique<LocalPortal>(LocalPortal{std::string(*portal), statement});
        return fake(Request::bind, protocol::kBindComplete, sink);
    }
    if (!needs_server(sink)) return;
    if (statement) {
        const Bytes types = as_bytes(std::string_view(statement->tail).substr(statement->text().size() + 1));
        Changes changes = changes_of(statement->judged, statement->text(), rest, types);
        const sql::Effect effects = unknown_effects(statement->judged, changes);
        if (const std::string_view why = refusal(statement->judged, statement->text(), effects, *sink.server); !why.empty()) {
            remaining_dropped_ = true;
            return raise(refusal_code(effects), why, false, sink);
        }
        apply_effects(statement->judged, effects, *sink.server);
        if (loses_track(statement->judged, statement->text(), changes)) lose_track();
        bind_changes(*portal, std::move(changes));
        copy_bound_ |= has(statement->judged.effects, sql::Effect::copy_from_stdin);
    }
    if (name->empty()) {
        ensure_unnamed(sink);
        return pass(message, Request::bind, sink);
    }
    std::string server_name(*name);
    StatementRef prepared;
    const bool may_replay = sink.status() == TransactionStatus::idle && !sink.server->unsynced() && message.complete();
    if (statement) {
        prepared = ensure_prepared(statement, sink);
        server_name = prepared->server_name();
    } else if (name->starts_with(kServerStatementPrefix)) {
        server_name.insert(0, "unknown ");  // never another client's statement
    }
    const std::size_t grown = message.size - protocol::kHeaderSize - name->size() + server_name.size();
    std::string& out = sink.to_server.own();
    const std::size_t begin = out.size();
    out.push_back('B');
    append_be32(out, static_cast<std::uint32_t>(grown + 4));
    out.append(*portal).push_back('\0');
    out.append(server_name).push_back('\0');
    out.append(as_text(rest));
    expect_named(Request::bind, prepared, may_replay, std::string_view(out).substr(begin), sink);
}

// A request about a prepared statement was written. One that begins its segment may be sent again with it, if the statement
// turns out to be outdated.
void ClientMachine::expect_named(Request request, const StatementRef& statement, bool may_replay, std::string_view message, Sink& sink) {
    ServerMachine& server = *sink.server;
    // An injected Parse: it cannot be outdated.
    const bool same_settings = statement && statement->settings == parse_settings();
    if (may_replay && same_settings && !server.unsynced() && message.size() <= Replay::kMaxBytes) {
        server.replay.begin(statement, message);
    } else {
        server.replay.drop();
    }
    server.expect({.request = request, .statement = statement ? statement->id : 0}, sink.to_client);
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

void ClientMachine::on_describe(const Message& message, Sink& sink) {
    extended_open_ = true;
    Bytes rest = message.body().subspan(1);
    const std::string_view name = take_string(rest).value_or(std::string_view{});
    if (message.body()[0] != std::byte{'S'}) {
        if (local_portal_ && local_portal_->name == name) {
            return fake(Request::describe, describe_local_setting(local_portal_->statement->judged), sink);
        }
        return pass(message, Request::describe, sink);
    }
    const StatementRef statement = find_statement(name);
    if (statement && is_local(*statement)) {
        return fake(Request::describe, protocol::kNoParameters + describe_local_setting(statement->judged), sink);
    }
    if (!needs_server(sink)) return;
    if (name.empty()) {
        ensure_unnamed(sink);
        return pass(message, Request::describe, sink);
    }
    if (!statement && !name.starts_with(kServerStatementPrefix)) return pass(message, Request::describe, sink);
    const bool may_replay = sink.status() == TransactionStatus::idle && !sink.server->unsynced();
    const StatementRef prepared = statement ? ensure_prepared(statement, sink) : StatementRef{};
    std::string& out = sink.to_server.own();
    const std::size_t begin = out.size();
    protocol::append_describe(out, 'S', prepared ? prepared->server_name() : "unknown " + std::string(name));
    expect_named(Request::describe, prepared, may_replay, std::string_view(out).substr(begin), sink);
}

void ClientMachine::on_execute(const Message& message, Sink& sink) {
    extended_open_ = true;
    Bytes rest = message.body();
    const std::string_view portal = take_string(rest).value_or(std::string_view{});
    if (local_portal_ && local_portal_->name == portal) {
        const CachedStatement& statement = *local_portal_->statement;
        Changes changes;
        std::string answer = run_local(statement.judged, statement.text(), sink.status(), changes);
        if (answer.starts_with('E') && sink.server != nullptr) {
            const auto fields = protocol::parse_error_fields(as_bytes(answer).subspan(protocol::kHeaderSize));
            return raise(fields.code, fields.message, false, sink);
        }
        // A row description belongs to Describe, not to Execute.
        if (!answer.empty() && answer.front() == 'T') answer.erase(0, load_be32(as_bytes(answer).subspan(1)) + 1);
        drop_to_sync_ |= answer.starts_with('E');
        return fake(Request::execute, std::move(answer), sink, nullptr, std::move(changes));
    }
    Changes changes;
    if (portal_changes_ && portal_changes_->first == portal) {
        changes = std::make_unique<sql::SessionChanges>(std::move(portal_changes_->second));
        portal_changes_.reset();
    }
    pass(message, Request::execute, sink, nullptr, std::move(changes));
    if (!copy_bound_ || sink.server == nullptr) return;
    // The answer decides what the client's next bytes mean; Flush makes it come at once.
    protocol::append_flush(sink.to_server.own());
    sink.server->hold_for_copy();
}

void ClientMachine::on_close(const Message& message, Sink& sink) {
    extended_open_ = true;
    Bytes rest = message.body().subspan(1);
    const std::string_view name = take_string(rest).value_or(std::string_view{});
    if (message.body()[0] != std::byte{'S'}) {
        const bool local = local_portal_ && local_portal_->name == name;
        if (local) local_portal_.reset();
        if (local || sink.server == nullptr) return fake(Request::close, protocol::kCloseComplete, sink);
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
    fake(Request::close, protocol::kCloseComplete, sink, std::move(undo));
}

void ClientMachine::on_sync(const Message& message, Sink& sink) {
    ++sink.result.segments;
    extended_open_ = false;
    copy_bound_ = false;
    const bool dropped = std::exchange(drop_to_sync_, false);
    if (sink.server == nullptr) {
        local_portal_.reset();
        protocol::append_ready_for_query(sink.to_client.own(), 'I');
        if (!staged_) return;
        dropped ? staged_->roll_back() : staged_->commit();
        return commit_changes(nullptr);
    }
    if (sink.server->query_awaits_sync()) touch_transaction(sink);
    pass(message, Request::sync, sink);
    sink.server->set_unsynced(false);
    sink.server->set_skipping(false);
}

// PostgreSQL 18.6 does not commit at the Sync of Parse, Bind, Execute, Query, Sync, though it says so: the next request fails
// with XX000 and all is rolled back. Any extended request before the Sync makes it commit, as other versions do.
void ClientMachine::touch_transaction(Sink& sink) {
    ServerMachine& server = *sink.server;
    constexpr std::string_view kEmpty("\0\0\0", 3);  // the text and the number of parameters' types
    protocol::append_parse_tail(sink.to_server.own(), "", kEmpty);
    server.expect({.request = Request::parse, .purpose = Purpose::statement}, sink.to_client);
    server.unnamed = {};
    server.unnamed_unknown = true;
}

// Fails the client's request on the server too, so that its transaction ends as PostgreSQL's would (an implicit one is
// rolled back, an explicit one is failed).
void ClientMachine::raise(std::string_view code, std::string_view text, bool simple, Sink& sink) {
    if (!simple) drop_to_sync_ = true;
    if (sink.server == nullptr) {
        protocol::append_error(sink.to_client.own(), "ERROR", code, text);
        return;
    }
    auto undo = undo_of_query(sink);
    protocol::append_query(sink.to_server.own(), raising_sql(code, text));
    sink.server->unnamed = {};  // the client still has its own: it is parsed again when it is used
    sink.server->unnamed_unknown = false;
    sink.server->expect({.request = Request::query, .hide_ready = !simple, .undo = std::move(undo)}, sink.to_client);
    if (!simple) sink.server->set_unsynced(true);  // the client's Sync is still to come
}

}  // namespace pgweir::session
