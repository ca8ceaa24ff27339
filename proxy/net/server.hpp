// One pooled connection to a PostgreSQL server: its place in the pool, and relaying its answers to the linked client.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "proxy/net/backend.hpp"
#include "proxy/net/client.hpp"
#include "proxy/net/host_pool.hpp"
#include "proxy/net/inspect.hpp"
#include "proxy/net/worker.hpp"
#include "proxy/pool/server_slot.hpp"
#include "proxy/session/server_machine.hpp"

namespace pgweir::net {

// A logged-in connection on its way to another worker: nothing in it belongs to the old one.
struct Handover {
    int fd = -1;
    std::unique_ptr<Tls> tls;
    Endpoint endpoint;
    pool::PoolKey key;
    std::string database, user;  // of the group
    std::size_t cluster = 0;
    cluster::HostIndex host{};
    session::ServerSecret secret;
    pool::SlotHistory history;
    std::shared_ptr<pool::Budget> budget;  // that a unit of is held with it
    std::vector<session::Parameter> actual, login;
    ParameterList welcome;  // of the group: the other worker may never have seen the primary's login
    std::optional<session::ServerStatements> prepared;
    std::uint32_t pid = 0;
    std::string secret_key;
    std::chrono::system_clock::time_point connected;
    std::uint64_t id = 0;
    ~Handover();
};

class Server final : public Backend, public pool::ServerSlot {
  public:
    Server(Worker& worker, HostPool& pool);
    Server(Worker& worker, HostPool& pool, Handover& handover);

    // The client whose requests run here; null: nobody's, or left behind by one.
    void link(Client& client) noexcept;
    // The client goes away: whatever it left is cleaned up before anybody else gets the connection, or it is closed.
    [[gnu::cold]] void abandon();
    // After ReadyForQuery, or whenever something that held the connection back is over.
    void settle_down();
    // The client's request went out to it: keeps the time.
    void segment_sent(TimePoint now) noexcept;
    // Starts the probe for session state, or a reset, and so on.
    [[gnu::cold]] void run(session::Purpose purpose, std::string_view sql);
    void settings_sent() noexcept { step_ = session::Purpose::settings; }
    // The monitor gets no answer from the server: what loses nothing by it leaves.
    [[gnu::cold]] void went_silent();
    [[gnu::cold]] void close(std::string_view why);
    [[gnu::cold]] void fence() override;
    // The segment that was to be the first one here has not been sent, since the connection turned out dead: the client has it
    // back.
    [[gnu::cold]] void give_back();
    // The first byte that was written met a dead connection, and none has left.
    [[nodiscard]] bool dead_on_sending() const noexcept { return lost() && !encrypted(); }
    [[nodiscard, gnu::cold]] std::shared_ptr<Handover> hand_over();
    // As the configuration has them now.
    void set_limits();
    // The unused connection's end, a graceful Terminate first.
    [[gnu::cold]] void say_goodbye();
    // It was closed here, and its end has not come in time: then it is given up.
    [[nodiscard]] bool due(TimePoint now) const noexcept { return linger_until_ != TimePoint{} && now >= linger_until_; }
    void give_up() { gone(); }

    [[nodiscard]] session::ServerMachine& machine() noexcept { return *machine_; }
    [[nodiscard]] HostPool& host_pool() noexcept { return pool_; }
    [[nodiscard]] Client* client() const noexcept { return client_; }
    [[nodiscard]] std::shared_ptr<Server> self() { return std::static_pointer_cast<Server>(shared_from_this()); }
    [[nodiscard]] const session::ParameterRef& login_settings() const noexcept { return login_settings_; }
    [[nodiscard]] ServerRow row() const override;
    // The segment is done, and the client's next one must wait: a cancel is still under way to here.
    [[nodiscard]] bool held_for_cancel() const noexcept { return held_for_cancel_; }
    [[nodiscard]] bool working() const noexcept { return machine_ && !machine_->quiet(); }

    void cancel_begins() override;
    void cancel_over() override;
    void cancel_given_up() override { retire(); }

  protected:
    [[gnu::cold]] void logged_in(const session::ServerLogin& login) override;
    // `final`: waiting clients are told.
    [[gnu::cold]] void login_failed(std::string_view code, std::string_view message, bool final) override;
    void on_session_readable() override;
    void on_session_lost() override { on_end(); }
    void on_drained() override;

  private:
    void on_answer(Bytes bytes);
    void settle();
    [[gnu::cold]] void on_end();
    [[gnu::cold]] void linger();
    [[gnu::cold]] void gone();
    [[gnu::cold]] void part_with_client();
    [[nodiscard]] Client::Loss loss_of(Client& client) const noexcept;
    [[gnu::cold]] void let_go(Client& client);
    [[nodiscard]] bool takes_back(const session::ClientMachine* session) const noexcept;
    [[nodiscard, gnu::cold]] bool step_done();
    [[gnu::cold]] void clean_up();
    void release();
    [[gnu::cold]] void probe();
    [[gnu::cold]] void probed(std::string_view found);
    [[gnu::cold]] void scrub();
    [[gnu::cold]] void refuse_row();
    void set_up_machine();
    void count_segment();
    [[gnu::cold]] void log_if_slow(std::chrono::microseconds took);

    HostPool& pool_;
    Client* client_ = nullptr;
    std::unique_ptr<session::ServerMachine> machine_;
    session::ParameterRef login_settings_;
    std::optional<session::Purpose> step_;  // a request of ours under way
    TimePoint sent_;
    TimePoint linger_until_;  // closed here, and the server has not hung up yet; else zero
    TimePoint requested_;     // by its last client; zero: by none yet
    bool dirty_ = false;      // its last client left session state: reset before the next
    bool unscrubbed_ = false; // a function may have made settings that cannot be listed
    bool scrubbing_ = false;
    bool must_close_ = false; // state that no reset removes
    bool held_for_cancel_ = false;
    bool counting_ = false;
    bool fatal_ = false;
    bool going_down_ = false; // its FATAL error said that the server ends
    bool fenced_ = false;
    bool told_ = false;       // its FATAL error has reached the linked client
    bool ended_ = false;      // its end of the connection
    bool done_ = false;
};

}  // namespace pgweir::net
