// One logged-in client: reads its requests, decides where each segment runs, and relays it to the linked server.
// Sans-io. The unit of routing is the segment: one Query, or the messages through a Sync (semantics.md C).
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "protocol/bytes.hpp"
#include "protocol/frame.hpp"
#include "proxy/routing/route.hpp"
#include "proxy/session/gather.hpp"
#include "proxy/session/local_settings.hpp"
#include "proxy/session/parameters.hpp"
#include "proxy/session/pin.hpp"
#include "proxy/session/server_machine.hpp"
#include "proxy/session/session_settings.hpp"
#include "proxy/session/staged.hpp"
#include "proxy/session/statement_cache.hpp"
#include "proxy/session/touch.hpp"

namespace pgweir::session {

// A FATAL error that ends the client's connection. Texts are static.
struct Violation {
    std::string_view code;  // SQLSTATE
    std::string_view message;
};

// What the front of an unlinked client's bytes asks for.
struct Plan {
    enum class Kind : std::uint8_t {
        incomplete,  // more bytes are needed to decide
        local,       // the proxy answers by itself: forward() without a server
        server,      // a server for `route` is needed
        listen,      // the shared listening connection has to listen to wanted_channel() first
        terminate,   // the client says good-bye
        violation,   // `violation` ends the connection
    };
    Kind kind = Kind::incomplete;
    std::size_t covered = 0;  // bytes of the segment; of a local one forward() gets these and no more
    routing::Route route;
    routing::Route judged;  // split = "shadow": where the segment would have gone
    Violation violation;
};

// What a call of forward() did.
struct Forwarded {
    std::size_t consumed = 0;
    std::uint32_t segments = 0;  // ends of segments among it: Query, Sync, FunctionCall
    bool terminate = false;
    bool listen = false;  // stopped before a LISTEN: as Plan::Kind::listen
    bool failed = false;  // `violation` ends the connection
    Violation violation;
};

// Facts about the client's database. Some change while it is connected: ClientMachine::reload().
struct ClientSetup {
    ParameterRef start{};  // the settings the session began with; RESET goes back to them
    StatementScope scope{};  // of its database and its user on the servers
    config::Split split = config::Split::on;
    bool drawn = true;  // see routing::SessionFacts
    bool session_mode = false;
    bool reject_state = false;   // on_session_state = "reject"
    bool shared_listen = false;  // LISTEN is answered by the proxy, which listens on a connection of its own
    bool read_only = false;      // see read_only.hpp
    bool promote_unnamed = false;  // promote_unnamed = "auto"
    std::uint32_t max_message = 1U << 30;    // largest body of a message
    std::uint32_t max_statement = 1U << 30;  // largest text of a statement, bytes
    std::uint64_t max_client_statements = 16U << 20;   // bytes of the statements that the client has prepared
    std::uint64_t max_statements = 256U << 20;         // bytes of those that all the worker's clients have
    std::uint64_t retry_limit = 0;  // bytes of a read that may be run once more elsewhere; 0: none is
    LocalSettings settings{};    // pgweir's own, as the session begins
    DatabaseNames* names = nullptr;  // of the database; outlives the client. Null: the statement cache's own
};

class ClientMachine {
  public:
    ClientMachine(StatementCache& statements, ParameterTable& parameters, ClientSetup setup);

    // The configuration was reloaded: whether reads are split and every limit are as in `setup` from now on. What a session
    // is built on (settings, scope, mode, names, what it may choose itself) stays as it began.
    void reload(const ClientSetup& setup) noexcept;

    // --- Without a server.
    [[nodiscard]] Plan plan(Bytes in);

    // --- With a server (null: the segment that plan() called local).
    // A server was leased for the planned segment. Writes what has to go ahead of it. False: the settings may fail, so
    // nothing may follow before their answer (ServerMachine::outcome).
    bool attach(ServerMachine& server, const routing::Route& route, std::string& to_server, Gather& to_client);
    // Relays requests for as long as the server accepts them.
    [[nodiscard]] Forwarded forward(Bytes in, ServerMachine* server, Gather& to_server, Gather& to_client);
    // The server has sent ReadyForQuery and is quiet. Settles what the segment did to the session.
    void segment_done(ServerMachine& server);
    // Settings that a linked session must have replayed before its next segment (after RESET). As attach().
    bool replay_settings(ServerMachine& server, std::string& to_server, Gather& to_client);
    // The waiting segment at the front is given up (cancelled). `ended`: a ReadyForQuery is due now; else the client's Sync
    // is still to come, and what it sends until then is dropped.
    struct Skipped {
        std::size_t bytes = 0;
        bool ended = false;
    };
    [[nodiscard, gnu::cold]] Skipped skip_segment(Bytes in);
    // Where the segment that is relayed runs, and why: as it was planned, and a further one where that has led it. While a
    // server is attached.
    [[nodiscard]] routing::Route route() const noexcept { return route(route_); }
    // The same, had it been planned to go there.
    [[nodiscard]] routing::Route route(const routing::Route& planned) const noexcept;
    // That segment is the first on its server.
    [[nodiscard]] bool first_on_server() const noexcept { return first_segment_; }
    // The segment as a request that needs nothing but these settings: its one statement with its parameters, run to its end.
    // None: it runs nothing; empty: there is more to it. The client's statements must be those of before it.
    [[nodiscard, gnu::cold]] std::optional<std::string> standalone(Bytes segment) const;
    // The server was released or lost.
    void detached() noexcept;
    // The open transaction is to run somewhere else, and has done nothing yet but begin. Then move() says where; the server has
    // to be left, and attach() begins it again on another.
    [[nodiscard]] bool wants_move(const ServerMachine& server);
    [[nodiscard, gnu::cold]] routing::Route move();
    [[nodiscard]] bool moving() const noexcept { return moving_; }
    // The segment is the front of the client's bytes again, since a replica has not run it: plan() takes it elsewhere, once.
    [[gnu::cold]] void run_again(Refusal why) noexcept;
    // Whether what a replica has not run for this reason may be run on another server.
    [[nodiscard]] bool may_run_elsewhere(Refusal why) const noexcept {
        return !setup_.read_only || why == Refusal::conflict || why == Refusal::lost;
    }

    // --- Called by the server's machine.
    // A statement has succeeded: its tag, or empty where `changes` say it all (null: none that are known).
    void completed(std::string_view tag, const sql::SessionChanges* changes);
    // An EXPLAIN ends here that is to show its route; `server`: the name of the one that it ran on.
    [[gnu::cold]] void append_route(std::string& out, const Explain& explain, std::string_view server) const;
    void error_reported() noexcept { error_seen_ = true; }
    // A ReadyForQuery says that no transaction is open; more of the segment may follow.
    void transaction_over(ServerMachine& server);
    // DISCARD ALL has succeeded.
    void discarded() noexcept;
    // Returns whether the client is to see the ParameterStatus.
    [[nodiscard, gnu::cold]] bool parameter_reported(std::string_view name, std::string_view value);
    void restore_statement(const std::string& name, StatementRef previous);
    void statements_dropped() noexcept;  // the named ones: the unnamed one survives DEALLOCATE ALL

    [[nodiscard]] Pin pin() const noexcept { return pin_; }
    void set_pin(Pin pin) noexcept { pin_ = pin; }
    // A DO, CALL or unknown function ran: look for what it left before the server goes to somebody else.
    [[nodiscard]] bool tainted() const noexcept { return tainted_; }
    void clear_taint() noexcept { tainted_ = false; }
    [[nodiscard]] bool rejects_state() const noexcept { return setup_.reject_state; }
    // In the middle of a message to the server: the connection cannot be given to anybody else.
    [[nodiscard]] bool mid_message() const noexcept { return remaining_ > 0 && !remaining_dropped_; }
    [[nodiscard]] const ParameterRef& desired() const noexcept { return desired_; }
    [[nodiscard]] const ParameterRef& start() const noexcept { return setup_.start; }
    // Of the segment under way, when nothing of its end has been seen: it is no more than a part of a transaction that goes on,
    // if this is false.
    [[nodiscard]] bool may_have_committed() const noexcept { return !in_transaction_ || may_commit_; }
    [[nodiscard]] bool in_transaction() const noexcept { return in_transaction_; }
    [[nodiscard]] const LocalSettings& settings() const noexcept { return settings_.now(); }
    // What was done with data since the server was attached; begins anew.
    [[nodiscard]] Touch take_touch() noexcept { return std::exchange(touch_, Touch::nothing); }

    // --- LISTEN over a shared connection.
    // What plan() or forward() waits for; then one of the two below.
    [[nodiscard]] const std::string& wanted_channel() const noexcept { return channels_->wanted; }
    void channel_ready();
    [[gnu::cold]] void channel_failed(std::string_view code, std::string_view message);
    // Whether a committed LISTEN of this client covers the channel.
    [[nodiscard]] bool listens_to(std::string_view channel) const;
    // Whether the client takes this text as the listening connection has it, in UTF-8.
    [[nodiscard]] bool reads_utf8(std::string_view text) const;
    // Channels that were asked for and are not listened to any more, now that no transaction is open.
    [[nodiscard]] std::vector<std::string> take_dropped_channels();

  private:
    struct Message;
    struct Sink;  // where a call of forward() writes
    struct LocalPortal {
        std::string name;
        StatementRef statement;
    };
    struct NameHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>{}(name); }
    };
    using Names = std::unordered_map<std::string, StatementRef, NameHash, std::equal_to<>>;
    struct Channels {
        std::set<std::string, std::less<>> asked, active;
        std::string wanted;
        std::string failed, code, message;  // the channel that could not be listened to, and why
    };
    using Changes = std::unique_ptr<sql::SessionChanges>;

    struct Draft;  // a plan in the making
    [[nodiscard]] bool plan_message(Draft& draft, protocol::Frame frame, Bytes body, std::size_t whole);
    [[nodiscard]] bool plan_query(Draft& draft, Bytes body);
    [[nodiscard]] routing::Route route_alone(const sql::Statement& judged, std::string_view text, const StatementRef& statement) const;
    [[nodiscard]] routing::Route route_of(Draft& draft, const sql::Statement& judged, std::string_view text,
                                          const StatementRef& statement);
    void learn(const Draft& draft);
    [[nodiscard]] const StatementRef& planned_statement(const Draft& draft, std::string_view name) const;

    void on_query(const Message& message, Sink& sink);
    void on_parse(const Message& message, Sink& sink);
    void on_bind(const Message& message, Sink& sink);
    void on_describe(const Message& message, Sink& sink);
    void on_execute(const Message& message, Sink& sink);
    void on_close(const Message& message, Sink& sink);
    void on_sync(const Message& message, Sink& sink);
    [[gnu::cold]] void on_large(const Message& message, Sink& sink);
    bool on_copy(const Message& message, Sink& sink);
    [[gnu::cold]] void lose_copy(protocol::Tag tag, Sink& sink);
    void dispatch(const Message& message, bool checked, Sink& sink);
    void pass(const Message& message, Request request, Sink& sink, std::unique_ptr<Undo> undo = nullptr, Changes changes = nullptr);
    void fake(Expected expected, Sink& sink);
    [[gnu::cold]] void fake_description(std::string answer, Sink& sink);
    void expect_named(Request request, const StatementRef& statement, bool may_replay, std::size_t bytes, Sink& sink);
    static void keep_for_replay(const Message& message, Request request, bool has_effects, Sink& sink);
    [[nodiscard]] std::unique_ptr<Undo> undo_of_query(const Sink& sink) const;
    void make_room(Sink& sink);
    [[gnu::cold]] void close_statement(std::uint64_t id, Sink& sink);
    [[nodiscard]] StatementRef intern(std::string_view tail, const ParameterRef& settings);
    [[nodiscard]] const StatementRef& ensure_prepared(const StatementRef& statement, StatementRef& other, Sink& sink);
    [[nodiscard]] bool needs_server(Sink& sink);
    [[nodiscard]] const ParameterRef& parse_settings();
    void doubt_settings() noexcept;
    void ensure_unnamed(Sink& sink);
    [[nodiscard]] bool promotes(const StatementRef& statement, Sink& sink);
    [[nodiscard]] bool uses_promoted(const ServerMachine& server) const noexcept;
    void touch(Touch how) noexcept { touch_ = std::max(touch_, how); }
    void touch_transaction(Sink& sink);
    [[gnu::cold]] void pass_position(Sink& sink, std::unique_ptr<Undo> undo);
    [[nodiscard]] bool take_on(const sql::Statement& judged, Bytes body, Changes& changes, Sink& sink);
    [[nodiscard]] bool take_on(const CachedStatement& statement, std::string_view portal, Bytes parameters, Sink& sink);
    [[gnu::cold]] void tell_of_bad_hint(const sql::Statement& judged, std::string_view text, Sink& sink);
    [[nodiscard]] bool begins_read_only(const sql::Statement& judged) const noexcept;
    void note_request(Request request, std::string_view begin = {});
    [[nodiscard]] routing::Route begin_route() const;
    void forget_begin() noexcept;
    [[gnu::cold]] void begin_again(ServerMachine& server, std::string& to_server, Gather& to_client);
    [[gnu::cold]] void raise(std::string_view code, std::string_view text, bool simple, Sink& sink);
    [[gnu::cold]] void raise_answer(std::string_view answer, bool simple, Sink& sink);
    [[nodiscard]] static sql::Effect unknown_effects(const sql::Statement& judged, const Changes& changes) noexcept;
    [[nodiscard]] Changes changes_of(const sql::Statement& judged, std::string_view text, Bytes bind = {}, Bytes types = {}) const;
    [[nodiscard]] bool can_be_carried(const sql::SessionChanges& changes) const noexcept;
    [[nodiscard]] bool loses_track(const sql::Statement& judged, std::string_view text, const Changes& changes) const;
    [[nodiscard]] std::optional<sql::SessionChange> listen_change(const sql::Statement& judged, std::string_view text) const;
    [[nodiscard]] bool awaits_channel(const sql::Statement& judged, std::string_view text) {
        return has(judged.effects, sql::Effect::listen) && lacks_channel(judged, text);
    }
    [[nodiscard]] bool lacks_channel(const sql::Statement& judged, std::string_view text);
    [[nodiscard, gnu::cold]] std::string run_listen(const sql::SessionChange& change, Changes& changes);
    void apply(const sql::SessionChange& change, ServerMachine* server);
    [[gnu::cold]] void apply_reset_all(ServerMachine& server);
    void apply_setting(const sql::SessionChange& change, ServerMachine& server);
    [[nodiscard]] static bool changes_names(std::string_view tag) noexcept;
    void commit_changes(ServerMachine* server);
    [[nodiscard, gnu::cold]] std::string run_local(const sql::Statement& judged, std::string_view text, TransactionStatus status, Changes& changes);
    [[nodiscard]] bool is_local(const sql::Statement& judged, std::string_view text) const {
        return judged.local != sql::Local::none || (judged.effects != sql::Effect::none && is_answered_here(judged, text));
    }
    [[nodiscard]] bool is_answered_here(const sql::Statement& judged, std::string_view text) const;
    [[nodiscard]] bool is_local(const CachedStatement& statement) const { return is_local(statement.judged, statement.text()); }
    [[gnu::cold]] void refuse_long_text(const Message& message, Sink& sink);
    [[gnu::cold]] void on_local_query(const Message& message, Sink& sink);
    void bind_changes(std::string_view portal, Changes changes);
    void bind_explain(std::string_view portal, const CachedStatement* statement, const ServerMachine& server);
    [[nodiscard]] Explain explain_of(const sql::Statement& judged, std::string_view text, const ServerMachine& server) const;
    [[nodiscard]] std::string_view refusal_code(sql::Effect effects) const noexcept;
    [[nodiscard]] std::string_view statement_limit(const CachedStatement& statement, std::string_view& code) const noexcept;
    [[nodiscard]] std::string_view refusal(const sql::Statement& judged, std::string_view text, sql::Effect effects,
                                           const ServerMachine& server) const noexcept;
    void apply_effects(const sql::Statement& judged, sql::Effect effects, ServerMachine& server);
    [[gnu::cold]] void lose_track() noexcept;
    [[nodiscard]] const StatementRef& find_statement(std::string_view name) const;
    [[nodiscard]] routing::SessionFacts facts() const noexcept;
    [[nodiscard]] routing::Route second_route(const routing::Route& first) const noexcept;
    [[gnu::cold]] void settings_changed();

    StatementCache& statements_;
    ParameterTable& parameters_;
    ClientSetup setup_;  // its `names` not null
    ParameterRef desired_;
    ParameterRef told_;           // what the client has last heard of the settings that servers report
    ParameterRef plan_settings_;  // of `desired_`, what a statement's meaning depends on
    ParameterRef private_settings_;  // since settings_doubtful_: of statements that nobody else may have
    std::unique_ptr<Names> names_;
    StatementRef unnamed_;
    std::size_t checked_ = 0;  // bytes at the front that plan() has found to be well-formed messages
    std::unique_ptr<LocalPortal> local_portal_;
    std::unique_ptr<std::pair<std::string, sql::SessionChanges>> portal_changes_;  // of the portal bound last that makes any
    std::unique_ptr<Staged> staged_;
    std::unique_ptr<Channels> channels_;
    std::uint64_t statement_bytes_ = 0;  // of `names_`
    sql::Statement planned_;  // of the Query at the front, once plan() has judged it; its slices are not kept
    SessionSettings settings_;
    routing::Route route_;  // of the first segment on the server
    std::uint32_t remaining_ = 0;  // bytes still to come of a message that is passed on, or dropped, in parts
    std::unique_ptr<std::pair<std::string, Explain>> explain_portal_;  // the portal bound last to an EXPLAIN that shows its route
    std::string begin_;  // of a transaction that begins, by begin_state_
    sql::LexSettings lex_;
    Pin pin_ = Pin::none;
    Touch touch_ = Touch::nothing;
    // Since no transaction was open: nothing was run; the BEGIN of a READ ONLY one was bound; it has begun; anything else.
    enum class BeginState : std::uint8_t { clean, bound, begun, busy } begin_state_ = BeginState::clean;
    bool promotable_ = false;  // the segment at the front: its unnamed statement, if it is promoted, can be healed
    bool promoted_ = false;    // `unnamed_` is a prepared statement on servers
    bool moves_ = false;   // its settings were changed since
    bool moving_ = false;  // it has left its server and is to begin on another
    bool planned_valid_ = false;
    bool planned_local_ = false;
    bool remaining_dropped_ = false;
    bool on_replica_ = false;
    bool first_segment_ = false;  // on the server that is attached
    Refusal again_ = Refusal::none;  // why the segment at the front is there once more
    bool tainted_ = false;
    bool in_transaction_ = false;
    bool block_sent_ = false;     // a BEGIN was sent, and no COMMIT or ROLLBACK since
    bool ends_block_ = false;     // a COMMIT or ROLLBACK was sent in this segment
    bool may_commit_ = false;     // something in this segment may end the transaction
    bool wrote_ = false;          // this transaction ran something that is not a read
    bool drop_to_sync_ = false;   // an error of ours: the client's messages up to Sync are not sent
    bool copy_bound_ = false;     // a COPY FROM STDIN was bound in this segment
    bool ddl_passed_ = false;     // in this transaction
    bool names_changed_ = false;  // the same, of what a catalog holds
    bool changes_sent_ = false;   // changes that are known, in this transaction
    bool error_seen_ = false;     // something failed in this segment
    bool settings_doubtful_ = false;  // something in this segment may have changed a setting
    bool default_read_only_ = false;
    bool default_serializable_ = false;
    bool extended_open_ = false;  // inside an extended segment
};

}  // namespace pgweir::session
