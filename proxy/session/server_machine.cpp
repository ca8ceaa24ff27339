#include "proxy/session/server_machine.hpp"

#include <algorithm>

#include "protocol/error_fields.hpp"
#include "protocol/frame.hpp"
#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/session/client_machine.hpp"
#include "proxy/session/ddl_tag.hpp"

namespace pgweir::session {

namespace {

namespace backend = protocol::backend;

constexpr std::uint32_t kMaxBody = 0x7fff'ffff;
constexpr std::size_t kMaxWhole = 60'000;  // of a message that must be whole; the net room's scratch buffer holds more

// Messages that this machine reads, as opposed to relaying whatever part of them has come.
bool must_be_whole(protocol::Tag tag) noexcept {
    return tag == backend::kReadyForQuery || tag == backend::kParameterStatus || tag == backend::kCommandComplete;
}

bool wants_whole(protocol::Tag tag, bool internal) noexcept {
    return tag == backend::kErrorResponse || (internal && tag == backend::kDataRow);
}

// The first column of a DataRow as text; empty when there is none.
std::string_view first_column(Bytes body) noexcept {
    if (body.size() < 6 || load_be16(body) == 0) return {};
    const std::uint32_t length = load_be32(body.subspan(2));
    if (length > body.size() - 6) return {};
    return as_text(body.subspan(6, length));
}

// "cached plan must not change result type"; its text may be in any language.
bool is_outdated_plan(const protocol::ErrorFields& fields) noexcept {
    return fields.code == protocol::sqlstate::kFeatureNotSupported && fields.routine == "RevalidateCachedQuery";
}

// Bytes of the whole DataRows at the front, none of them longer than `longest`.
std::size_t whole_rows(Bytes in, std::size_t longest) noexcept {
    std::size_t at = 0;
    while (in.size() - at >= protocol::kHeaderSize && in[at] == std::byte{'D'}) {
        const std::size_t size = 1 + std::size_t{load_be32(in.subspan(at + 1))};
        if (size < protocol::kHeaderSize || size > longest || size > in.size() - at) break;
        at += size;
    }
    return at;
}

}  // namespace

struct ServerMachine::Message {
    protocol::Tag tag;
    Bytes whole;  // header and body, or as much of it as is there when the message may come in parts
    [[nodiscard]] Bytes body() const noexcept { return whole.subspan(protocol::kHeaderSize); }
};

ServerProgress ServerMachine::on_bytes(Bytes in, ClientMachine* client, Gather& out) {
    ServerProgress progress = work(in, client, out);
    attempt.settle(out);
    return progress;
}

ServerProgress ServerMachine::work(Bytes in, ClientMachine* client, Gather& out) {
    ServerProgress progress;
    while (true) {
        const Bytes rest = in.subspan(progress.consumed);
        if (remaining_ > 0) {
            const std::size_t part = std::min<std::size_t>(remaining_, rest.size());
            if (remaining_forward_ && client != nullptr) out.pass(rest.first(part));
            remaining_ -= static_cast<std::uint32_t>(part);
            progress.consumed += part;
            if (remaining_ > 0) return progress;
            continue;
        }
        // Rows are most of what is relayed, and nothing is looked up for each.
        if (client != nullptr && !queue_.empty() && forwards(client)) {
            if (const std::size_t rows = whole_rows(rest, max_row_); rows > 0) {
                attempt.pass_point();
                out.pass(rest.first(rows));
                progress.consumed += rows;
                continue;
            }
        }
        const auto frame = protocol::peek_frame(rest, kMaxBody);
        if (!frame) {
            progress.violation = frame.error() != protocol::FrameError::incomplete;
            return progress;
        }
        const bool internal = !queue_.empty() && !queue_.front().forwards();
        if (rest.size() < frame->size()) {
            const bool fits = frame->size() <= kMaxWhole;
            if (must_be_whole(frame->tag) && !fits) {
                progress.violation = true;
                return progress;
            }
            if (must_be_whole(frame->tag) || (wants_whole(frame->tag, internal) && fits)) return progress;
        }
        const Bytes here = rest.first(std::min(rest.size(), frame->size()));
        const Message message{frame->tag, here};
        remaining_forward_ = forwards(client);
        if (!on_message(message, frame->size(), client, out, progress)) {
            progress.violation = true;
            return progress;
        }
        if (progress.row_too_long) return progress;
        remaining_ = static_cast<std::uint32_t>(frame->size() - here.size());
        progress.consumed += here.size();
    }
}

bool ServerMachine::on_message(const Message& message, std::size_t size, ClientMachine* client, Gather& out, ServerProgress& progress) {
    switch (message.tag) {
        case backend::kDataRow:
        case backend::kCopyData:
            if (queue_.empty()) return false;
            if (forwards(client)) attempt.pass_point();
            if (size > max_row_ && forwards(client)) {
                progress.row_too_long = true;
                return true;
            }
            if (queue_.front().purpose == Purpose::probe) outcome_.probe = first_column(message.body());
            if (forwards(client)) out.pass(message.whole);
            return true;
        case backend::kReadyForQuery: return on_ready(message, client, out, progress);
        case backend::kParseComplete: return pop_if(Request::parse, message, client, out);
        case backend::kBindComplete: return pop_if(Request::bind, message, client, out);
        case backend::kCloseComplete: return pop_if(Request::close, message, client, out);
        case backend::kRowDescription:
        case backend::kNoData:
            if (queue_.empty()) return false;
            if (queue_.front().request == Request::describe) return pop_if(Request::describe, message, client, out);
            if (forwards(client)) out.pass(message.whole);
            return true;
        case backend::kCommandComplete:
        case backend::kEmptyQueryResponse:
        case backend::kPortalSuspended:
            if (queue_.empty()) return false;
            on_complete(message, client, out);
            return true;
        case backend::kErrorResponse: on_error(message, client, out, progress); return true;
        case backend::kParameterStatus: on_parameter(message, client, out); return true;
        case backend::kNotificationResponse:  // between any messages, whatever they answer
            attempt.pass_point();
            remaining_forward_ = client != nullptr;
            if (client != nullptr) out.pass(message.whole);
            return true;
        case backend::kNoticeResponse:
            if (forwards(client)) out.pass(message.whole);
            return true;
        case backend::kCopyInResponse:
        case backend::kCopyOutResponse:
            if (queue_.empty()) return false;
            attempt.pass_point();
            copy_ = message.tag == backend::kCopyInResponse ? Copy::in : Copy::out;
            queue_.copy_begins();
            if (copy_ == Copy::in && queue_.front().request == Request::execute && queue_.ignore_syncs()) unsynced_ = true;
            if (forwards(client)) out.pass(message.whole);
            return true;
        case backend::kParameterDescription:
            if (queue_.empty()) return false;
            if (std::exchange(queue_.front().told_parameters, true)) {  // before its segment was sent again
                remaining_forward_ = false;
                return true;
            }
            if (forwards(client)) out.pass(message.whole);
            return true;
        case backend::kCopyDone:
        case backend::kFunctionCallResponse:
            if (queue_.empty()) return false;
            if (forwards(client)) out.pass(message.whole);
            return true;
        default: return false;  // nothing else belongs here after login
    }
}

bool ServerMachine::pop_if(Request request, const Message& message, ClientMachine* client, Gather& out) {
    if (queue_.empty() || queue_.front().request != request) return false;
    if (forwards(client)) out.pass(message.whole);
    std::unique_ptr<Undo>& undo = queue_.front().undo;
    if (undo && undo->parsed) undo->parsed->accepted_in = undo->epoch;
    attempt.answered(std::move(undo));
    pop(client, out);
    return true;
}

void ServerMachine::on_complete(const Message& message, ClientMachine* client, Gather& out) {
    if (forwards(client)) {
        attempt.pass_point();
        constexpr std::string_view kExplained("EXPLAIN\0", 8);
        const Explain& explain = queue_.front().explain;
        if (explain.form != Explain::Form::none && as_text(message.body()) == kExplained) client->append_route(out.own(), explain, name_);
        out.pass(message.whole);
        if (message.tag == backend::kCommandComplete) {
            const std::string_view body = as_text(message.body());
            const std::string_view tag = body.substr(0, body.find('\0'));
            segment_text.completed(tag);
            if (watches_for_ddl_ && (is_ddl(tag) || tag.starts_with("IMPORT "))) note_ddl();
            if (tag == "DISCARD ALL" || tag == "DEALLOCATE ALL") {
                forget_statements(*client);
                const bool last = queue_.size() == 1 || (queue_.size() == 2 && queue_.at(1).request == Request::sync);
                if (tag == "DISCARD ALL" && last) client->discarded();
            }
            const bool at_end = queue_.front().request == Request::query && queue_.front().changes;  // see on_ready()
            if (!at_end) client->completed(tag, queue_.front().changes.get());
        } else if (queue_.front().request == Request::execute && queue_.front().changes) {
            client->completed({}, queue_.front().changes.get());  // PortalSuspended: its one row was made
        }
    }
    copy_ = Copy::none;
    if (queue_.front().request != Request::execute) return;
    pop(client, out);
}

// All statements are gone, but for those that were sent behind the request that did it.
void ServerMachine::forget_statements(ClientMachine& client) {
    prepared_.clear();
    client.statements_dropped();
    for (std::size_t i = 1; i < queue_.size(); ++i) {
        const std::unique_ptr<Undo>& later = queue_.at(i).undo;
        if (!later) continue;
        if (later->server_statement != 0) prepared_.add(later->server_statement, schema_epoch());
        if (later->client_change) client.restore_statement(later->client_name, later->parsed);
    }
}

bool ServerMachine::on_ready(const Message& message, ClientMachine* client, Gather& out, ServerProgress& progress) {
    if (message.body().size() != 1 || queue_.empty() || !queue_.front().ends_ready()) return false;
    const char status = static_cast<char>(message.body()[0]);
    if (status != 'I' && status != 'T' && status != 'E') return false;
    status_ = static_cast<TransactionStatus>(status);
    ready_last_ = true;
    const Expected& head = queue_.front();
    // Before its client hears of it; what of ours goes ahead of it, as replayed settings, is not its end.
    if (status_ == TransactionStatus::idle && head.forwards() && !head.hide_ready) settle_ddl();
    const bool failed = std::exchange(query_failed_, false);
    if (head.forwards() && attempt.refused()) {
        progress.given_back = queue_.size() == 1;
    } else if (head.forwards()) {
        if (!head.hide_ready) attempt.pass_point();
        // All of a Query takes effect, or nothing.
        if (client != nullptr && head.changes && !failed) client->completed({}, head.changes.get());
        if (client != nullptr && status == 'I') client->transaction_over(*this);
        if (client != nullptr && !head.hide_ready) out.pass(message.whole);
    } else {
        outcome_.failed |= internal_failed_;
        internal_failed_ = false;
    }
    copy_ = Copy::none;
    progress.ready = true;
    pop(client, out);
    if (queue_.empty()) replay.drop();
    return true;
}

void ServerMachine::on_error(const Message& message, ClientMachine* client, Gather& out, ServerProgress& progress) {
    const bool promoted = std::exchange(timed, {}).promoted;
    const auto fields = protocol::parse_error_fields(message.body());
    progress.fatal |= fields.is_fatal();
    progress.going_down |= fields.is_fatal() && protocol::is_server_shutdown(fields.code);
    progress.read_only_refusal |= fields.code == protocol::sqlstate::kReadOnlyTransaction;
    if (!queue_.empty() && is_outdated(fields, promoted)) {
        prepared_.spoil(queue_.front().statement);
        if (client != nullptr && replay.untouched(queue_.size()) && status_ == TransactionStatus::idle) {
            remaining_forward_ = false;
            progress.healed = true;
            return heal(out);
        }
    }
    const bool ours = !queue_.empty() && queue_.front().ends_ready() && !queue_.front().forwards();
    if (!ours) segment_text.failed(fields.code);
    if (refuses(fields, client, progress)) {
        remaining_forward_ = false;
        if (progress.fatal) return;  // its end takes the segment back
    } else if (ours) {
        internal_failed_ = true;
        outcome_.error_body = as_text(message.body());
    } else if (client != nullptr && !attempt.refused() && !(progress.fatal && releasable() && client->pin() == Pin::none)) {
        attempt.pass_point();
        client->error_reported();
        remaining_forward_ = true;  // also of an injected Parse: its failure is the Bind's failure
        out.pass(message.whole);
        progress.told |= progress.fatal;
    } else {
        remaining_forward_ = false;  // a FATAL between two clients' work is nobody's
    }
    // Somebody has deallocated behind our back what is believed to be prepared here.
    progress.statement_missing |= fields.code == protocol::sqlstate::kInvalidStatementName &&
                                  fields.message.find(kServerStatementPrefix) != std::string_view::npos;
    copy_ = Copy::none;
    query_failed_ = true;
    if (queue_.empty() || queue_.front().ends_ready()) return;
    drop_to_sync(client);
    answer_fakes(client, out);
}

// Whether the statement at the front is to be prepared anew. One that the client sends with every Bind, it is also when it fails
// as a statement or a value does: its names or the types of its parameters may be of a schema that is gone.
bool ServerMachine::is_outdated(const protocol::ErrorFields& fields, bool promoted) const noexcept {
    if (is_outdated_plan(fields)) return true;
    const bool bound = promoted && queue_.front().request == Request::bind && queue_.front().forwards();
    return bound && !fields.is_fatal() && (fields.code.starts_with("42") || fields.code.starts_with("22"));
}

// A replica did not run a read that has shown nothing yet: it is somebody else's to run.
bool ServerMachine::refuses(const protocol::ErrorFields& fields, ClientMachine* client, const ServerProgress& progress) {
    if (client == nullptr || !attempt.open()) return false;
    // Of a request of ours, as replayed settings, only the end of the connection counts.
    const bool ours = queue_.empty() || (queue_.front().ends_ready() && !queue_.front().forwards());
    const Refusal refusal = refusal_of(fields);
    if (refusal == Refusal::none || (ours && !progress.fatal) || !client->may_run_elsewhere(refusal)) return false;
    const bool needs_primary = refusal == Refusal::read_only || refusal == Refusal::schema;
    if (needs_primary && !attempt.has_primary()) return false;
    attempt.refuse(refusal);
    return true;
}

std::string ServerMachine::take_back(ClientMachine& client) {
    // The newest first, those that were answered last.
    for (std::size_t i = queue_.size(); i-- > 0;) {
        if (queue_.at(i).undo) undo(*queue_.at(i).undo, &client);
    }
    for (auto answered = attempt.undone().rbegin(); answered != attempt.undone().rend(); ++answered) {
        (*answered)->server_statement = (*answered)->server_restore = 0;  // that is done
        undo(**answered, &client);
    }
    std::string request = attempt.take_request();
    attempt.drop();
    return request;
}

// An error in an extended request: the server skips everything, Query and FunctionCall too, up to the next Sync.
void ServerMachine::drop_to_sync(ClientMachine* client) {
    std::size_t skipped = 0;
    while (skipped < queue_.size() && queue_.at(skipped).request != Request::sync) ++skipped;
    // A Parse of the unnamed statement that fails has dropped the one before.
    const Expected& failed = queue_.front();
    const bool own_parse = failed.request == Request::parse && failed.forwards() && failed.undo;
    if (own_parse && failed.undo->client_name.empty() && !attempt.refused()) failed.undo->previous = {};
    // The newest first: what each one found is what is to be there again.
    for (std::size_t i = skipped; i-- > 0;) {
        if (queue_.at(i).undo) undo(*queue_.at(i).undo, client);
    }
    for (; skipped > 0; --skipped) queue_.pop();
    skipping_ = queue_.empty();
}

// The server skips to the Sync that was sent already. Behind it the statement is prepared anew, and the segment sent again.
void ServerMachine::heal(Gather& out) {
    std::vector<Expected> again;
    while (!queue_.empty()) {
        const Expected& front = queue_.front();
        again.push_back({.request = front.request,
                         .told_parameters = front.told_parameters,
                         .explain = front.explain,
                         .statement = front.statement});
        queue_.pop();
    }
    const StatementRef statement = replay.statement();
    const std::string replay_bytes(replay.bytes());
    replay.drop();
    expect({.request = Request::sync, .hide_ready = true}, out);
    expect({.request = Request::close, .purpose = Purpose::statement}, out);
    auto undo = std::make_unique<Undo>();
    undo->server_statement = statement->id;
    expect({.request = Request::parse, .purpose = Purpose::statement, .undo = std::move(undo)}, out);
    for (Expected& expected : again) expect(std::move(expected), out);
    prepared_.remove(statement->id);
    prepared_.add(statement->id, schema_epoch());
    protocol::append_close(output_, 'S', statement->server_name);
    protocol::append_parse_tail(output_, statement->server_name, statement->tail);
    output_ += replay_bytes;
}

void ServerMachine::undo(Undo& undo, ClientMachine* client) {
    if (undo.client_change && undo.client_name.empty()) {
        unnamed = {};
        unnamed_unknown = true;
    }
    if (undo.server_statement != 0) prepared_.remove(undo.server_statement);
    if (undo.server_restore != 0) prepared_.add(undo.server_restore, 0);
    if (undo.client_change && client != nullptr) client->restore_statement(undo.client_name, std::move(undo.previous));
}

void ServerMachine::on_parameter(const Message& message, ClientMachine* client, Gather& out) {
    const std::string_view body = as_text(message.body());
    const std::size_t end = body.find('\0');
    if (end == std::string_view::npos) return;
    const std::string_view name = body.substr(0, end);
    const std::string_view value = body.substr(end + 1, body.find('\0', end + 1) - end - 1);
    if (is_tracked_report(name)) {
        actual_ = parameters_.with(actual_, name, value);
        actual_.prove();
    }
    const bool scrubs = !queue_.empty() && queue_.front().purpose == Purpose::reset;  // not what the client wants
    if (client == nullptr || scrubs || attempt.refused() || !client->parameter_reported(name, value)) return;
    attempt.pass_point();
    out.pass(message.whole);
}

void ServerMachine::answer_fakes(ClientMachine* client, Gather& out) {
    while (!queue_.empty() && queue_.front().fake) {
        if (client != nullptr) {
            out.own().append(queue_.front().fake_answer());
            if (queue_.front().changes) client->completed({}, queue_.front().changes.get());
        }
        attempt.answered(std::move(queue_.front().undo));
        queue_.pop();
    }
}

void ServerMachine::expect(Expected expected, Gather& out) {
    if (replay.active()) replay.pushed();
    if (expected.fake && queue_.empty()) {
        out.own().append(expected.fake_answer());
        attempt.answered(std::move(expected.undo));
        return;
    }
    queue_.push(std::move(expected));
}

void ServerMachine::inject_query(std::string_view sql, Purpose purpose, std::string& to_server, Gather& out) {
    protocol::append_query(to_server, sql);
    if (!internal_pending()) outcome_ = {};
    unnamed = {};
    unnamed_unknown = false;  // a Query drops the unnamed statement
    expect({.request = Request::query, .purpose = purpose}, out);
}

void ServerMachine::forget_session() {
    attempt.drop();
    timed = {};
    actual_ = login_;
    prepared_.clear();
    replay.drop();
    unnamed = {};
    unnamed_unknown = false;
}

}  // namespace pgweir::session
