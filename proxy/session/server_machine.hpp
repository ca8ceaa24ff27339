// One logged-in server connection: which answers it owes, the state of its transaction, what its session holds.
// Sans-io: bytes in, bytes out through Gather. The protocol rules are semantics.md C.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/bytes.hpp"
#include "proxy/session/attempt.hpp"
#include "proxy/session/gather.hpp"
#include "proxy/session/parameters.hpp"
#include "proxy/session/replay.hpp"
#include "proxy/session/reply_queue.hpp"
#include "proxy/session/segment_text.hpp"
#include "proxy/session/server_statements.hpp"

namespace pgweir::session {

class ClientMachine;

// The status byte of ReadyForQuery.
enum class TransactionStatus : char { idle = 'I', open = 'T', failed = 'E' };

// The COPY sub-protocol that the connection is in.
enum class Copy : std::uint8_t { none, in, out };

// What a chunk of a server's bytes has led to.
struct ServerProgress {
    std::size_t consumed = 0;
    bool ready = false;       // at least one ReadyForQuery came: the owner looks at releasable() and at what to do next
    bool violation = false;   // the server broke the protocol: close both
    bool fatal = false;       // it sent a FATAL error: the connection is about to end
    bool going_down = false;  // and that error says that the server as a whole ends (57P01-57P03), not this session
    bool told = false;        // the client has got that error
    bool statement_missing = false;  // a prepared statement of ours is not there: the connection is not to be used again
    bool healed = false;   // a segment goes once more: output() is to be sent
    bool row_too_long = false;  // for max_row_size: the client cannot be served any more, nor this connection used
    bool read_only_refusal = false;  // 25006 came: a primary may have been demoted (semantics.md G)
    bool given_back = false;  // take_back() has the segment, which has ended here without an answer
};

// The outcome of the newest request of ours (settings, probe, reset).
struct InternalOutcome {
    bool failed = false;
    std::string error_body;  // the ErrorResponse's body, for an outcome that failed
    std::string probe;       // the probe's one value
    bool reset_sql_was_discard = false;
};

class ServerMachine {
  public:
    // `login`: the settings that the server reported at login. `statement_limit`: max_prepared_statements.
    ServerMachine(ParameterTable& parameters, ParameterRef login, std::size_t statement_limit)
        : parameters_(parameters), login_(login), actual_(std::move(login)), prepared_(statement_limit) {}

    // Works through bytes from the server. Answers for `client` (null: nobody is linked, all is swallowed) go to `out`.
    // What is left unconsumed is the front of a message that must be whole.
    [[nodiscard]] ServerProgress on_bytes(Bytes in, ClientMachine* client, Gather& out);

    // Records a request that was written to the server, or a fake; a fake at the front is answered at once into `out`.
    void expect(Expected expected, Gather& out);
    // The same of one that was written, which the caller completes.
    Expected& expect(Request request, Purpose purpose = Purpose::client) {
        if (replay.active()) replay.pushed();
        return queue_.push(request, purpose);
    }
    // Writes a Query of ours and expects its answer.
    [[gnu::cold]] void inject_query(std::string_view sql, Purpose purpose, std::string& to_server, Gather& out);

    // The release predicate of semantics.md C, as far as the protocol goes (bytes unsent, pins and cancels are the owner's).
    [[nodiscard]] bool releasable() const noexcept {
        return queue_.empty() && !unsynced_ && status_ == TransactionStatus::idle && copy_ == Copy::none && !skipping_ &&
               remaining_ == 0;
    }
    // No request is under way, whatever the transaction's state.
    [[nodiscard]] bool quiet() const noexcept {
        return queue_.empty() && !unsynced_ && copy_ == Copy::none && remaining_ == 0;
    }
    // Whether the client's next request may be sent now: one segment at a time is in flight.
    [[nodiscard]] bool accepts_requests() const noexcept {
        return queue_.client_ready() == 0 && !queue_.may_copy() && !settings_hold_;
    }

    // A request of ours has not been answered.
    [[nodiscard]] bool internal_pending() const noexcept { return queue_.ready() > queue_.client_ready(); }

    [[nodiscard]] TransactionStatus status() const noexcept { return status_; }
    [[nodiscard]] Copy copy() const noexcept { return copy_; }
    [[nodiscard]] bool skipping() const noexcept { return skipping_; }
    [[nodiscard]] bool unsynced() const noexcept { return unsynced_; }
    // A Query or FunctionCall behind extended requests has left their transaction open, and nothing was sent since.
    [[nodiscard]] bool query_awaits_sync() const noexcept {
        return unsynced_ && ready_last_ && status_ == TransactionStatus::open;
    }
    [[nodiscard]] const ParameterRef& actual() const noexcept { return actual_; }
    [[nodiscard]] ServerStatements& prepared() noexcept { return prepared_; }
    [[nodiscard]] const ServerStatements& prepared() const noexcept { return prepared_; }
    [[nodiscard]] InternalOutcome& outcome() noexcept { return outcome_; }
    [[nodiscard]] ReplyQueue& queue() noexcept { return queue_; }

    // What is to be sent to the server after on_bytes() has healed a segment; takes it.
    [[nodiscard]] std::string take_output() noexcept { return std::exchange(output_, {}); }
    // The configured name, which outlives this.
    void set_name(std::string_view name) noexcept { name_ = name; }
    // The largest row that a client gets, in bytes.
    void set_max_row(std::uint32_t bytes) noexcept { max_row_ = bytes; }
    Replay replay;  // of the segment in flight
    Attempt attempt;  // the same, while it may be run once more elsewhere
    SegmentText segment_text;  // the same, for the log
    // What the client has sent of a segment that may be run elsewhere, undone here and on the client; only while
    // attempt.open() or attempt.refused(). The reason for it is attempt.refusal(), to be read before.
    [[nodiscard, gnu::cold]] std::string take_back(ClientMachine& client);

    // A statement that changes the schema was sent. At its transaction's end, or the connection's, all that servers prepared
    // before is outdated (StatementCache::schema_changed).
    void note_ddl() noexcept { ddl_ = true; }
    // A Query was sent that may be such statements among others: their tags tell.
    void watch_for_ddl() noexcept { watches_for_ddl_ = true; }
    // What this server prepares now it prepares with the newest schema that is known of: a replica may not have it yet.
    bool schema_settled = true;
    // The epoch of what it prepares now. While it is not settled one of its own: all that is prepared anew then.
    [[nodiscard]] std::uint64_t schema_epoch() const noexcept {
        return schema_settled ? StatementCache::schema_epoch() : ~std::uint64_t{0};
    }

    // The segment in flight, if it runs a statement that came without a name and may be promoted.
    struct Timed {
        StatementRef statement;
        bool promoted = false;
    } timed;
    // That segment took so long. True: its statement is not promoted for a while.
    bool segment_took(std::chrono::microseconds time) noexcept {
        const Timed run = std::exchange(timed, {});
        return run.statement && run.statement->promotion.took(run.promoted, time);
    }

    // The unnamed statement now prepared on the server, if it is known to be one of ours.
    StatementRef unnamed;
    // There may be an unnamed statement on the server that is not `unnamed`.
    bool unnamed_unknown = false;

    ~ServerMachine() { settle_ddl(); }
    ServerMachine(const ServerMachine&) = delete;
    ServerMachine& operator=(const ServerMachine&) = delete;

    void set_unsynced(bool value) noexcept {
        unsynced_ = value;
        ready_last_ = false;
    }
    void set_skipping(bool value) noexcept { skipping_ = value; }
    void copy_ended_by_client() noexcept { copy_ = Copy::none; }
    void hold_for_copy() noexcept { queue_.last_may_copy(); }
    void hold_for_settings() noexcept { settings_hold_ = true; }
    [[nodiscard]] bool held_for_settings() const noexcept { return settings_hold_; }
    void release_settings_hold() noexcept { settings_hold_ = false; }
    // A session that was reset: its settings are those of the login, its statements are gone.
    [[gnu::cold]] void forget_session();
    [[nodiscard]] const ParameterRef& login() const noexcept { return login_; }
    // Whether the server tells of changes of this setting (it differs by version).
    [[nodiscard]] bool reports(std::string_view setting) const noexcept { return login_->find(setting) != nullptr; }
    // Gives up the references into a worker's tables before the connection changes its worker.
    void set_actual(ParameterRef actual) { actual_ = std::move(actual); }

  private:
    struct Message;

    [[nodiscard]] bool forwards(const ClientMachine* client) const noexcept {
        return client != nullptr && !attempt.refused() && (queue_.empty() || queue_.front().forwards());
    }
    [[nodiscard]] bool on_message(const Message& message, std::size_t size, ClientMachine* client, Gather& out,
                                  ServerProgress& progress);
    [[nodiscard]] bool on_ready(const Message& message, ClientMachine* client, Gather& out, ServerProgress& progress);
    [[gnu::cold]] void on_error(const Message& message, ClientMachine* client, Gather& out, ServerProgress& progress);
    [[nodiscard, gnu::cold]] bool refuses(const protocol::ErrorFields& fields, ClientMachine* client, const ServerProgress& progress);
    [[gnu::cold]] void on_parameter(const Message& message, ClientMachine* client, Gather& out);
    [[nodiscard]] bool pop_if(Request request, const Message& message, ClientMachine* client, Gather& out);
    void on_complete(const Message& message, ClientMachine* client, Gather& out);
    [[gnu::cold]] void forget_statements(ClientMachine& client);
    [[gnu::cold]] void drop_to_sync(ClientMachine* client);
    [[nodiscard]] ServerProgress work(Bytes in, ClientMachine* client, Gather& out);
    [[gnu::cold]] void heal(Gather& out);
    [[nodiscard]] bool is_outdated(const protocol::ErrorFields& fields, bool promoted) const noexcept;
    void settle_ddl() noexcept {
        watches_for_ddl_ = false;
        if (std::exchange(ddl_, false)) StatementCache::schema_changed();
    }
    [[gnu::cold]] void undo(Undo& undo, ClientMachine* client);
    void pop(ClientMachine* client, Gather& out) {
        queue_.pop();
        if (!queue_.empty() && queue_.front().fake) answer_fakes(client, out);
    }
    void answer_fakes(ClientMachine* client, Gather& out);

    ParameterTable& parameters_;
    ParameterRef login_;
    ParameterRef actual_;
    ServerStatements prepared_;
    ReplyQueue queue_;
    InternalOutcome outcome_;
    std::string output_;
    std::string_view name_;
    std::uint32_t max_row_ = 1U << 30;
    std::uint32_t remaining_ = 0;  // bytes still to come of a message that is passed on in parts
    TransactionStatus status_ = TransactionStatus::idle;
    Copy copy_ = Copy::none;
    bool remaining_forward_ = false;
    bool skipping_ = false;       // after an error in an extended request, until Sync
    bool unsynced_ = false;       // extended requests were sent since the last Sync
    bool ready_last_ = false;     // no extended request and no Sync was sent since the last ReadyForQuery
    bool settings_hold_ = false;  // replayed settings that may fail have not been answered
    bool internal_failed_ = false;
    bool ddl_ = false;            // note_ddl()
    bool watches_for_ddl_ = false;
    bool query_failed_ = false;   // the client's Query at the front
};

}  // namespace pgweir::session
