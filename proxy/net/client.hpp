// One client's connection: its login, its welcome, its requests on the way to a server, its console.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "proxy/cluster/causal.hpp"
#include "proxy/net/client_names.hpp"
#include "proxy/net/endpoint.hpp"
#include "proxy/net/host_pool.hpp"
#include "proxy/net/inspect.hpp"
#include "proxy/net/kept_bytes.hpp"
#include "proxy/net/peer.hpp"
#include "proxy/net/primary_reads.hpp"
#include "proxy/net/worker.hpp"
#include "proxy/pool/waiter.hpp"
#include "proxy/routing/route.hpp"
#include "proxy/session/client_login.hpp"
#include "proxy/session/client_machine.hpp"

namespace pgweir::net {

class Server;
struct SlowStatement;

class Client final : public Peer, public pool::Waiter, public PrimaryReads::Reader {
  public:
    Client(Worker& worker, int fd, const Endpoint& from, bool over_limit);
    ~Client() override;

    void start();
    // A server connection was leased for the segment at the front, after a wait or at once.
    void link(Server& server);
    // Goes on with what has come and was kept, when something that held it back is over.
    void resume();
    // Looks for a server again: the one it waited for is out.
    [[gnu::cold]] void reroute();
    // A primary, or the end of a pause, is what it waits for.
    [[nodiscard]] bool held() const noexcept { return homeless_ && !fresh_.waiting && !waits_for_place_; }
    // A replica may have by now what the client must see, or the wait for one may be over.
    void look_again();
    // A replica, or a place on the primary, may be there by now.
    void look_for_place() override;
    [[nodiscard]] bool has_place() const noexcept override { return place_on_primary_.held(); }
    // Since when the request at the front waits.
    [[nodiscard]] TimePoint queued_since() const noexcept override { return queued_; }
    // The linked server has finished a segment and is not needed any more.
    void unlink();
    // SET LOCAL asked for another server for a transaction that has done nothing yet.
    [[gnu::cold]] void move_transaction();
    // The segment that the server has not run is at the front again, for another one; the link to this server ends next.
    [[gnu::cold]] void run_again(Server& server);
    // The linked server is gone. True: nothing of the client's has been sent there, so that it can have another one. Not without
    // end: its settings may be what servers die of.
    [[nodiscard]] bool takes_back_unsent() noexcept { return unsent_ && welcomed() && unsent_tries_++ < 3; }
    enum class Loss : std::uint8_t {
        told,      // its FATAL error was relayed already
        plain,     // nothing has come of what was under way, if there was anything
        unknown,   // what was under way may have taken effect
        fenced,    // as plain: it was closed here, since the server is not the primary any more
    };
    [[gnu::cold]] void server_lost(Loss loss);
    // Replayed settings were refused by the server.
    [[gnu::cold]] void settings_refused(const std::string& error_body);
    void settings_accepted();
    // The shared connection listens to the channel that the client waits for, or cannot.
    void channel_ready(const std::string& channel);
    void channel_failed(const std::string& channel, std::string_view code, std::string_view message);
    // A notification for it, if it still listens to that channel: sent when no transaction is open.
    void session_idle();  // no transaction is open any more, though the server connection stays
    void notify(const std::string& channel, const std::shared_ptr<const std::string>& message);
    // The client's own CancelRequest came.
    [[gnu::cold]] void cancel();
    // Ends the connection with a FATAL error.
    [[gnu::cold]] void fail(std::string_view code, std::string_view message);
    [[gnu::cold]] void close(std::string_view why);
    [[gnu::cold]] void waited_too_long();
    void tick(TimePoint now);
    // It is to go when it is idle.
    [[nodiscard]] bool leaving() const noexcept;
    // Goes when it is idle: SIGTERM, or its database is not configured any more as it was (PoolGroup::retired).
    [[gnu::cold]] void drain();
    // The configuration was reloaded, and its group has it.
    [[gnu::cold]] void reload();

    // --- Called by a replication client's own stream.
    void stream_ready(const session::ServerLogin& login);
    [[gnu::cold]] void stream_failed(std::string_view code, std::string_view message, bool final);
    void stream_bytes(Bytes bytes);
    void stream_over(std::string_view why);
    void stream_fenced();

    [[nodiscard]] session::ClientMachine* machine() noexcept { return machine_.get(); }
    [[nodiscard]] std::uint64_t secret() const noexcept { return secret_; }
    [[nodiscard]] std::uint32_t slot() const noexcept { return slot_; }
    void set_slot(std::uint32_t slot) noexcept { slot_ = slot; }
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    [[nodiscard]] Server* server() const noexcept { return server_; }
    [[nodiscard]] PoolGroup* group() const noexcept { return group_; }
    // Of the servers that it wants; only when held().
    [[nodiscard]] std::size_t cluster() const noexcept;
    [[nodiscard]] const routing::Route& route() const noexcept { return route_; }
    [[nodiscard]] std::shared_ptr<Client> self() { return std::static_pointer_cast<Client>(shared_from_this()); }
    [[nodiscard]] bool welcomed() const noexcept { return state_ == State::session; }
    [[nodiscard]] ClientRow row(TimePoint now) const;
    // Of the segment that a server has just answered, for the log.
    [[nodiscard]] SlowStatement slow_statement(std::chrono::microseconds took) const;
    // What its server has said, all that it was asked; `sent_again`: a request went out once more.
    void heard(Bytes answer, bool sent_again) {
        if (shadow_) watched_heard(answer, sent_again);
    }
    // Sends the outputs collected in the worker.
    void flush_to_client();

  protected:
    void on_readable() override;
    void on_drained() override;
    void on_lost() override { close("connection lost"); }
    void on_encrypted(const std::string& error) override;

  private:
    // refused: the answer to a wrong password, which is given later.
    enum class State : std::uint8_t { login, refused, welcome, session, console, replication, closed };
    struct Starting;  // what only the login needs
    struct Replicating;
    struct Shadow;  // what only split = "shadow" needs

    [[nodiscard]] bool begins_with_tls();
    void on_bytes(Bytes bytes);
    std::size_t work(Bytes bytes);
    std::size_t work_linked(Bytes bytes);
    std::size_t work_unlinked(Bytes bytes);
    std::size_t on_login(Bytes bytes);
    void after_login_step(session::ClientLogin::Step step, std::string out);
    void look_up(bool pause);
    void looked_up(const session::LookupAnswer& answer);
    void login_failed(std::string answer);
    void refuse_login();
    void discard();
    [[gnu::cold]] std::size_t on_console(Bytes bytes);
    void authenticated();
    void begin_session(session::ParameterRef settings);
    [[nodiscard]] session::ClientSetup setup_now() const;
    void watch_shadow();
    [[gnu::cold]] void say_farewell();
    void join_group(PoolGroup& group) noexcept;
    void ask_server_for_settings();
    void welcome();
    void console_welcome();
    [[nodiscard]] bool does_not_read() const noexcept;
    [[nodiscard]] bool gated() const noexcept;
    [[gnu::cold]] void listen();
    [[gnu::cold]] void give_up_listening(std::string_view code, std::string_view message);
    void drop_channels();
    [[nodiscard]] bool may_notify() const noexcept;
    void send_notifications();
    void acquire(routing::Route route);
    void place();
    void place_again();
    [[gnu::cold]] void hold(HoldCause cause);
    void hold_is_over(bool refused);
    void end_hold();
    [[gnu::cold]] void refuse_waiting(std::string_view code, std::string_view message);
    void acquire_from(HostPool& pool);
    [[nodiscard]] bool may_go_to_primary(const routing::Route& wanted);
    void give_up_place() noexcept;
    [[nodiscard]] HostPool* choose();
    [[nodiscard]] HostPool* choose_fresh();
    [[nodiscard]] HostPool* chosen(cluster::HostIndex host, sql::Reason why);
    [[nodiscard, gnu::cold]] HostPool* without_replica(sql::Reason why);
    [[nodiscard, gnu::cold]] std::size_t refuse_segment(Bytes in, std::string_view code, std::string_view message);
    [[nodiscard]] cluster::Bound bound_now();
    [[nodiscard]] cluster::Bound causal_bound();
    [[nodiscard]] std::chrono::milliseconds patience(bool choosing_again) const;
    [[nodiscard, gnu::cold]] bool wait_for_freshness(std::chrono::milliseconds limit, sql::Reason why);
    void end_freshness_wait();
    [[nodiscard]] static bool is_stale(sql::Reason why) noexcept;
    void note_touch();
    [[nodiscard]] bool reads_causally() const noexcept;
    void resume_server();
    [[nodiscard]] routing::Route first_route() const noexcept;
    void append_key(std::string& out) const;
    [[nodiscard]] std::optional<std::size_t> replicated_cluster(bool physical);
    void replicate(session::ServerSecret secret);
    void open_stream();
    [[nodiscard]] bool stream_takes() const noexcept;
    std::size_t on_stream(Bytes bytes);
    void resume_stream();
    void cancel_stream();
    void drain_stream();
    void break_stream(std::string_view why);
    void tick_stream(TimePoint now);
    void end_stream(std::string_view why);
    [[nodiscard]] bool sends_soon() const noexcept;
    void flush_to_server();
    void count(const session::Forwarded& forwarded);
    [[gnu::cold]] void count_shadow();
    [[gnu::cold]] void judge_shadow(const routing::Route& judged, Bytes segment);
    [[nodiscard]] std::optional<cluster::HostIndex> shadow_replica(sql::Reason& why);
    void watch_answer(const routing::Route& judged, Bytes segment);
    [[gnu::cold]] void watched_sent(const session::Forwarded& forwarded);
    void watched_heard(Bytes answer, bool sent_again);
    [[nodiscard]] std::optional<cluster::HostIndex> reads_on() const noexcept;
    [[nodiscard]] std::string startup_key() const;

    // Thousands of clients are idle: what few of them need, or only for a while, is apart, and the rest is in order of size.
    Worker& worker_;
    PoolGroup* group_ = nullptr;
    Server* server_ = nullptr;
    std::unique_ptr<session::ClientMachine> machine_;
    std::unique_ptr<Starting> starting_;        // not null until the client is welcome
    std::unique_ptr<Replicating> replicating_;  // not null in State::replication
    std::unique_ptr<Shadow> shadow_;            // null: nothing is in the shadow
    // Notifications that wait for the end of a transaction, or for the client to read: channel and message.
    struct Notifications {
        std::vector<std::pair<std::string, std::shared_ptr<const std::string>>> messages;
        std::size_t bytes = 0;
    };
    std::unique_ptr<Notifications> notifications_;
    KeptBytes in_;  // came and could not be worked on yet
    std::shared_ptr<const ClientNames> names_;  // null until they are proven
    std::uint64_t secret_ = 0;
    std::uint64_t id_ = 0;
    std::uint64_t address_identity_ = 0;
    std::chrono::system_clock::time_point connected_;
    TimePoint queued_;
    std::chrono::microseconds waited_{0};  // for the server, by the first segment on it
    const char* refusal_ = nullptr;  // of the segment that place() has found no server for; static text
    cluster::Causal causal_;
    Lsn token_;                       // pgweir.read_after, as it was last seen
    TimePoint no_handover_before_;    // see client_causal.cpp
    PrimaryReads::Place place_on_primary_;
    struct {
        TimePoint begun, deadline;    // zero: no wait
        std::uint64_t arrived = 0;    // consistency = "global": the first sample that covers what was there when it came
        bool waiting = false;         // now; homeless_ is true with it
        bool listed = false;          // with the worker
        bool moving = false;          // it could read where it read last, but is to choose again
    } fresh_;
    TimePoint hold_since_;
    ShownAddress address_;
    std::uint32_t slot_ = 0;
    std::uint32_t incarnation_ = 0;   // of the replica that was chosen
    routing::Route route_;
    std::optional<routing::Route> last_;       // of the newest segment that a server got
    std::optional<cluster::HostIndex> avoid_;  // has just cancelled what comes again
    std::optional<HoldCause> hold_cause_;  // from the first hold() to the link
    State state_ = State::login;
    bool working_ = false;
    bool again_ = false;
    bool admin_ = false;
    bool homeless_ = false;
    bool waits_for_place_ = false;  // on the primary; homeless_ is true with it
    bool rerouted_ = false;  // it has waited for the segment at the front before
    bool unsent_ = false;    // since the link nothing of the client's has been sent
    std::uint8_t unsent_tries_ = 0;
    bool awaits_channel_ = false;
    bool direct_tls_ = false;
    bool console_busy_ = false;
    bool console_skip_ = false;
    bool counted_ = false;

    friend class Worker;
};

}  // namespace pgweir::net
