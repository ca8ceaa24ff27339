// The client machine with a server: relays requests, one segment at a time.
#include <algorithm>
#include <utility>

#include "protocol/error_fields.hpp"
#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/session/client_sink.hpp"
#include "proxy/sql/classify.hpp"
#include "proxy/sql/hint.hpp"

namespace pgweir::session {

namespace {

namespace frontend = protocol::frontend;
namespace sqlstate = protocol::sqlstate;

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
        const bool usual = frame->size() <= std::min(rest.size(), kMaxHead);  // all there, and not long for any tag
        if (!usual && whole_is_too_long(*frame)) {
            result.failed = true;
            result.violation = {sqlstate::kProgramLimitExceeded, "message is too long"};
            break;
        }
        if (!usual && rest.size() < std::min(needed(*frame, setup_.max_statement), frame->size())) break;
        const Message message{frame->tag, rest.first(std::min(rest.size(), frame->size())), frame->size()};
        remaining_dropped_ = false;
        const bool checked = result.consumed + message.size <= checked_;
        const bool of_copy = copying || frame->tag == frontend::kCopyData || frame->tag == frontend::kCopyDone ||
                             frame->tag == frontend::kCopyFail;
        if (!of_copy || !on_copy(message, sink)) dispatch(message, checked, sink);
        if (result.failed || result.listen) break;
        remaining_ = static_cast<std::uint32_t>(message.size - message.whole.size());
        result.consumed += message.whole.size();
        if (server == nullptr && !extended_open_) break;
        if (moves_ && server != nullptr && server->quiet()) break;  // what follows is for another server
    }
    checked_ -= std::min(checked_, result.consumed);
    if (server != nullptr) {
        if (server->replay.active()) server->replay.save(as_text(to_server.bytes()));
        if (drop_to_sync_ || mid_message()) server->attempt.pass_point();
        server->attempt.keep(in.first(result.consumed));
        server->attempt.settle(to_client);
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

// `checked`: plan() has found it well formed.
void ClientMachine::dispatch(const Message& message, bool checked, Sink& sink) {
    const bool ends_drop = message.tag == frontend::kSync || message.tag == frontend::kTerminate;
    const bool skipping = drop_to_sync_ || (sink.server != nullptr && sink.server->skipping());
    if (skipping && !ends_drop) {  // the server would ignore it
        remaining_dropped_ = true;
        planned_valid_ = false;
        return;
    }
    if (!checked && message.complete() && !well_formed(message.tag, message.body())) {
        sink.result.failed = true;
        sink.result.violation = kBadMessage;
        return;
    }
    const bool text = message.tag == frontend::kQuery || message.tag == frontend::kParse;
    if (text && message.size > setup_.max_statement) return refuse_long_text(message, sink);
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
void ClientMachine::refuse_long_text(const Message& message, Sink& sink) {
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
    Expected& expected = sink.server->expect(request);
    if (undo) expected.undo = std::move(undo);
    if (changes) expected.changes = std::move(changes);
    if (request < Request::sync) sink.server->set_unsynced(true);
}

void ClientMachine::keep_for_replay(const Message& message, Request request, bool has_effects, Sink& sink) {
    const bool belongs = request == Request::describe || request == Request::execute || request == Request::sync;
    if (!belongs || has_effects || !message.complete()) return sink.server->replay.drop();
    sink.server->replay.add(message.whole.size(), request == Request::sync);
}

void ClientMachine::fake(Expected expected, Sink& sink) {
    expected.fake = true;
    if (sink.server == nullptr) {
        sink.to_client.own().append(expected.fake_answer());
        if (expected.changes) completed({}, expected.changes.get());
        return;
    }
    if (expected.changes && sink.server->queue().empty()) completed({}, std::exchange(expected.changes, nullptr).get());
    sink.server->expect(std::move(expected), sink.to_client);
}

void ClientMachine::on_query(const Message& message, Sink& sink) {
    if (!std::exchange(planned_valid_, false)) {
        planned_ = statements_.plain_reads.judge(query_text(message.body()), lex_, *setup_.names);
    }
    const sql::Statement& judged = planned_;
    const bool alone = !extended_open_ || sink.server == nullptr;
    if (alone && awaits_channel(judged, query_text(message.body()))) {
        sink.result.listen = true;
        return;
    }
    ++sink.result.segments;
    auto undo = undo_of_query(sink);
    if (unnamed_) unnamed_ = {};  // who sends Queries has none, as a rule
    if (alone && is_local(judged, query_text(message.body()))) return on_local_query(message, sink);
    if (sink.server == nullptr) {
        sink.result.failed = true;
        sink.result.violation = kBadMessage;
        return;
    }
    sink.server->segment_text.note(query_text(message.body()), lex_);
    sink.server->unnamed = {};
    sink.server->unnamed_unknown = false;
    Changes changes;
    if (judged.is_plain_read() && !setup_.read_only) {
        touch(Touch::read);
    } else if (!take_on(judged, message.body(), changes, sink)) {
        return;
    }
    note_request(Request::query, begins_read_only(judged) ? query_text(message.body()) : std::string_view{});
    if (judged.asks_position) return pass_position(sink, std::move(undo));
    pass(message, Request::query, sink, std::move(undo), std::move(changes));
    if (settings_.now().explain) sink.server->queue().last_explains(explain_of(judged, query_text(message.body()), *sink.server));
}

// What the statement of a Query means to the session. False: it is refused.
bool ClientMachine::take_on(const sql::Statement& judged, Bytes body, Changes& changes, Sink& sink) {
    const std::string_view text = query_text(body);
    changes = changes_of(judged, text);
    const sql::Effect effects = unknown_effects(judged, changes);
    if (const std::string_view why = refusal(judged, text, effects, *sink.server); !why.empty()) {
        raise(refusal_code(effects), why, true, sink);
        return false;
    }
    apply_effects(judged, effects, *sink.server);
    if (loses_track(judged, text, changes)) lose_track();
    changes_sent_ |= changes != nullptr;
    touch(touch_of(judged));
    tell_of_bad_hint(judged, text, sink);
    return true;
}

// An annotation that is not understood is not followed, and the client is told, in its place among the answers.
void ClientMachine::tell_of_bad_hint(const sql::Statement& judged, std::string_view text, Sink& sink) {
    if (judged.hint.kind != sql::Hint::Kind::invalid) return;
    constexpr std::size_t kLongest = 200;
    std::string written(sql::written_hint(text).substr(0, kLongest));
    std::ranges::replace_if(written, [](char c) { return c < ' ' || c > '~'; }, '?');
    std::string notice;
    protocol::append_notice(notice, "NOTICE", sqlstate::kInvalidParameterValue,
                            "annotation is not understood: " + written + "; outside a transaction its statement runs on the primary");
    fake({.request = Request::parse, .answer = std::make_unique<std::string>(std::move(notice))}, sink);
}

// SHOW pgweir.lsn.
void ClientMachine::pass_position(Sink& sink, std::unique_ptr<Undo> undo) {
    sink.server->replay.drop();
    protocol::append_query(sink.to_server.own(), kPositionSql);
    sink.server->expect({.request = Request::query, .undo = std::move(undo)}, sink.to_client);
}

// A statement that the proxy answers by itself, alone in its Query.
void ClientMachine::on_local_query(const Message& message, Sink& sink) {
    extended_open_ = drop_to_sync_ = false;
    // The slices of a plan may be gone: judged again, from the bytes that are here.
    const std::string_view text = query_text(message.body());
    const sql::Statement local = sql::classify(text, lex_, setup_.names->judge());
    Changes changes;
    std::string answer = run_local(local, text, sink.status(), changes);
    if (answer.starts_with('E') && sink.status() == TransactionStatus::open) {  // the transaction fails, too
        return raise_answer(answer, true, sink);
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
    tainted_ = may_commit_ = true;
    sink.server->watch_for_ddl();
    doubt_settings();
    wrote_ = true;
    touch(Touch::wrote);
    note_request(Request::function_call);
    auto undo = undo_of_query(sink);
    if (message.tag == frontend::kQuery) {
        sink.server->segment_text.note(query_text(message.body()), lex_);
        unnamed_ = {};
        sink.server->unnamed = {};
        sink.server->unnamed_unknown = false;
    }
    pass(message, message.tag == frontend::kQuery ? Request::query : Request::function_call, sink, std::move(undo));
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
            return raise_answer(answer, false, sink);
        }
        // A row description belongs to Describe, not to Execute.
        if (!answer.empty() && answer.front() == 'T') answer.erase(0, load_be32(as_bytes(answer).subspan(1)) + 1);
        drop_to_sync_ |= answer.starts_with('E');
        auto own = std::make_unique<std::string>(std::move(answer));
        return fake({.request = Request::execute, .answer = std::move(own), .changes = std::move(changes)}, sink);
    }
    Changes changes;
    if (portal_changes_ && portal_changes_->first == portal) {
        changes = std::make_unique<sql::SessionChanges>(std::move(portal_changes_->second));
        portal_changes_.reset();
    }
    note_request(Request::execute);
    pass(message, Request::execute, sink, nullptr, std::move(changes));
    if (explain_portal_ && explain_portal_->first == portal && sink.server != nullptr) {
        sink.server->queue().last_explains(explain_portal_->second);
    }
    if (!copy_bound_ || sink.server == nullptr) return;
    // The answer decides what the client's next bytes mean; Flush makes it come at once.
    sink.server->replay.drop();
    protocol::append_flush(sink.to_server.own());
    sink.server->hold_for_copy();
}

void ClientMachine::on_sync(const Message& message, Sink& sink) {
    ++sink.result.segments;
    extended_open_ = false;
    copy_bound_ = promotable_ = false;
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

// As raise(), for an ErrorResponse of ours.
void ClientMachine::raise_answer(std::string_view answer, bool simple, Sink& sink) {
    const auto fields = protocol::parse_error_fields(as_bytes(answer).subspan(protocol::kHeaderSize));
    raise(fields.code, fields.message, simple, sink);
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
