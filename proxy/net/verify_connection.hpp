// A server connection of pgweir's own, on which reads are run a second time. No client ever has it; it holds a unit of the
// budget of the pool whose database, user and server it shares.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "proxy/net/backend.hpp"
#include "proxy/net/host_pool.hpp"
#include "proxy/session/answer_digest.hpp"

namespace pgweir::net {

class Verifier;

class VerifyConnection final : public Backend {
  public:
    // The unit of the pool's budget was taken for it.
    VerifyConnection(Worker& worker, Verifier& verifier, HostPool& pool);
    ~VerifyConnection() override;

    // How a run has ended.
    struct Outcome {
        enum class Kind : std::uint8_t { answered, settings, timeout, lost };
        Kind kind = Kind::lost;
        session::Fingerprint answer{};  // if answered
        session::Refusal refusal = session::Refusal::none;
    };
    // Runs it when the login is done; Verifier::ran() is called later, never from here. Only when idle() or new.
    void run(const session::ParameterRef& settings, std::string request);
    [[nodiscard]] bool idle() const noexcept { return state_ == State::idle; }
    // Terminates; the unit is free when the server has hung up. A run under way is forgotten.
    void close();

    [[nodiscard]] HostPool& host_pool() noexcept { return pool_; }
    [[nodiscard]] std::shared_ptr<VerifyConnection> self() { return std::static_pointer_cast<VerifyConnection>(shared_from_this()); }

    void tick(TimePoint now) override;
    [[nodiscard]] ServerRow row() const override;

  protected:
    void logged_in(const session::ServerLogin& login) override;
    void login_failed(std::string_view code, std::string_view message, bool final) override;
    void on_session_readable() override;
    void on_session_lost() override;
    void on_drained() override {}

  private:
    enum class State : std::uint8_t { login, idle, running, closing, gone };

    void start();
    void on_answer(Bytes bytes);
    void fail(Outcome::Kind kind);
    [[nodiscard]] bool is_wanted() const noexcept;
    void gone();

    Verifier& verifier_;
    HostPool& pool_;
    GroupUse use_;
    session::ParameterRef actual_, desired_;
    std::string request_;
    std::optional<session::AnswerDigest> digest_;
    std::size_t ahead_ = 0;
    TimePoint since_;  // of the state; of a run: when it was asked for
    State state_ = State::login;
};

}  // namespace pgweir::net
