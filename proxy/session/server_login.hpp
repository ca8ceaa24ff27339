// Our way into a server: from StartupMessage to the first ReadyForQuery, without a socket. Protocol 3.0.
// semantics.md G (the table of SQLSTATEs), H (SCRAM) and I (a malicious backend).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/bytes.hpp"
#include "protocol/frame.hpp"
#include "protocol/scram.hpp"

namespace pgweir::session {

// What we know to log in with; any may be empty. The password is preferred to what is derived from it.
struct ServerSecret {
    std::string password;
    std::string md5_hash;                // "md5…"
    std::string client_key, server_key;  // SCRAM, 32 bytes each
};

struct ServerLoginError {
    enum class Kind : std::uint8_t {
        authentication,  // 28xxx, or we lack the secret that the server wants: not a health failure
        too_many,        // 53300: the node is not down
        starting,        // 57P03, or 57P01 and 57P02 during the login: back off
        refused,         // any other ErrorResponse, such as 3D000
        protocol,        // what no right server sends, or a server that cannot prove itself
    };
    Kind kind = Kind::protocol;
    std::string code, message;
};

class ServerLogin {
  public:
    enum class Step : std::uint8_t { need_more, ready, failed };

    // `parameters` are further startup parameters (settings).
    ServerLogin(std::string user, std::string database, std::vector<std::pair<std::string, std::string>> parameters,
                ServerSecret secret, protocol::RandomBytes random = &protocol::openssl_random);

    // Appends the StartupMessage; once, first.
    void start(std::string& out);

    // Takes the whole messages at the front of `in` and appends the answers to `out`. A message over 64 KiB, or more
    // than 1 MiB in all, fails. Bytes behind ReadyForQuery stay unconsumed. Not to be called again after ready or failed.
    [[nodiscard]] Step on_bytes(Bytes in, std::size_t& consumed, std::string& out);

    // ParameterStatus, in order of arrival.
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& parameters() const noexcept { return reported_; }
    // BackendKeyData; 0 and empty from a server that sent none.
    [[nodiscard]] std::uint32_t pid() const noexcept { return pid_; }
    [[nodiscard]] std::string_view secret_key() const noexcept { return secret_key_; }
    [[nodiscard]] const ServerLoginError& error() const noexcept { return error_; }

  private:
    enum class State : std::uint8_t { start, asked, answered, scram_first, scram_final, scram_verified, authenticated };

    Step on_message(protocol::Tag tag, Bytes body, std::string& out);
    Step on_authentication(Bytes body, std::string& out);
    Step on_sasl(std::string_view mechanisms, std::string& out);
    Step on_sasl_continue(std::string_view data, std::string& out);
    Step on_sasl_final(std::string_view data);
    Step on_cleartext(std::string& out);
    Step on_md5(std::string_view salt, std::string& out);
    Step on_ok();
    Step on_error(Bytes body);
    Step on_parameter(std::string_view body);
    Step on_key(Bytes body);
    Step on_ready(std::string_view body);
    Step lacks_secret(std::string_view wanted);
    Step broken(std::string_view what);

    std::string user_, database_;
    std::vector<std::pair<std::string, std::string>> asked_;
    ServerSecret secret_;
    protocol::RandomBytes random_;
    State state_ = State::start;
    std::optional<protocol::ScramClient> scram_;
    std::size_t total_ = 0;  // bytes taken so far
    std::vector<std::pair<std::string, std::string>> reported_;
    std::uint32_t pid_ = 0;
    std::string secret_key_;
    ServerLoginError error_;
};

}  // namespace pgweir::session
