// A client's way in: from its first byte to AuthenticationOk, without a socket. semantics.md H (Startup, Protocol 3.2, TLS,
// GSSENCRequest, SCRAM) and I.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "protocol/bytes.hpp"
#include "protocol/scram.hpp"
#include "protocol/startup.hpp"
#include "proxy/session/access.hpp"
#include "proxy/session/credentials.hpp"

namespace pgweir::session {

using protocol::RandomBytes;

// What a client that got in asked for, and what it proved to know.
struct LoginResult {
    std::string user, database;  // the database is the user when none was named
    // Startup settings in the order in which they take effect (`options` first, as in PostgreSQL); of equal names the last
    // one counts. Without user, database, replication and _pq_.*. Every name is a plain setting name.
    std::vector<std::pair<std::string, std::string>> parameters;
    std::string replication;  // empty, "true" or "database"
    std::uint32_t minor = 0;  // of the protocol in force: 0 or 2
    bool admin = false;
    // Of the user's SCRAM verifier, when the directory holds one and the client proved to know the password: 32 bytes each.
    // Good for a server that has the very same verifier. Else empty.
    std::string client_key, server_key;
    std::string password;  // plain, if the client sent it or the directory holds it
    std::string md5_hash;  // "md5…", if the directory holds it or what it is made of
};

// What auth_query says of a user.
struct LookupAnswer {
    std::string password;  // in PostgreSQL's forms; empty: there is no such user, or none who may log in
    std::string error;     // why nothing could be found out, for the log; empty: it could
};

// What an SSLRequest is answered, and whether a login may go on without TLS.
enum class Encryption : std::uint8_t { none, offered, required };

class ClientLogin {
  public:
    enum class Step : std::uint8_t {
        start_tls,      // send `out`, make the connection a TLS one, call encrypted() and then again with decrypted bytes
        need_more,      // call again with more bytes behind the unconsumed ones
        lookup,         // ask auth_query for result().user and call looked_up(); take no bytes meanwhile
        pause,          // call looked_up({}) when as much time has passed as a lookup takes; take no bytes meanwhile
        authenticated,  // `out` ends with AuthenticationOk; result() is complete
        cancel,         // a CancelRequest: see cancel_pid, cancel_secret; answer nothing and close
        failed,         // `out` ends with a FATAL ErrorResponse: send it and close
    };

    // `users` must outlive this object.
    ClientLogin(const UserDirectory& users, config::AuthType type, RandomBytes random = &protocol::openssl_random,
                Encryption encryption = Encryption::none);

    // Before the first byte: the rules to go by, if there are any (they must outlive this object), and where the client is.
    void admit_by(const AccessRules& rules, std::optional<config::Address> address, std::string address_text);
    // Before the first byte: a user that is configured nowhere is looked up, and who is configured waits as long.
    void look_up_unknown() noexcept { looks_up_ = true; }
    // The bytes that come next were decrypted. `end_point`: as ScramServer's; `certificate_name`: the common name of the
    // client's certificate, which was verified. Also before the first byte (direct TLS).
    void encrypted(std::string end_point, std::optional<std::string> certificate_name = {}) {
        is_encrypted_ = true;
        end_point_ = std::move(end_point);
        certificate_name_ = std::move(certificate_name);
    }
    // Nothing has come yet.
    [[nodiscard]] bool untouched() const noexcept { return state_ == State::startup && !ssl_seen_ && !gss_seen_; }

    // Takes what is whole at the front of `in` and appends the answers to `out`. At most 64 KiB and a header ever need to
    // be kept for an incomplete message: a longer one fails as soon as its header is seen. Bytes behind the message that
    // ended the login stay unconsumed. Not to be called again after any step but need_more.
    [[nodiscard]] Step on_bytes(Bytes in, std::size_t& consumed, std::string& out);

    // The answer to Step::lookup, and any after Step::pause; goes on as on_bytes() does.
    [[nodiscard]] Step looked_up(const LookupAnswer& answer, std::string& out);

    [[nodiscard]] const LoginResult& result() const noexcept { return result_; }
    [[nodiscard]] std::uint32_t cancel_pid() const noexcept { return cancel_.pid; }
    [[nodiscard]] std::string_view cancel_secret() const noexcept { return cancel_.secret; }
    // A short text for the log, without control characters and without secrets; valid while this object lives.
    [[nodiscard]] std::string_view failure() const noexcept { return failure_; }
    // Failed for a wrong password, a wrong certificate or an unknown user: `out` is for later (proxy.auth_failure_delay).
    [[nodiscard]] bool failed_password() const noexcept { return failed_password_; }
    // Name of the access rule that was gone by; empty: none.
    [[nodiscard]] std::string_view rule() const noexcept { return rule_; }

  private:
    enum class State : std::uint8_t { startup, looking_up, password, md5, sasl_initial, sasl_first, sasl_final, done };

    Step on_startup(Bytes in, std::size_t& consumed, std::string& out);
    Step on_encryption_request(bool& seen, bool accept, bool more_behind, std::string& out);
    Step begin(protocol::Startup startup, std::string& out);
    [[nodiscard]] std::optional<protocol::Fault> take_parameters(protocol::Startup startup);
    void negotiate(std::uint32_t asked_minor, std::string& out);
    [[nodiscard]] std::optional<protocol::Fault> take_rule();
    [[nodiscard]] bool needs_secret() const noexcept;
    Step identify(std::string& out);
    Step ask(std::string& out);
    Step on_certificate(std::string& out);
    Step ask_md5(std::string& out);
    Step ask_sasl(std::string& out);
    Step on_message(Bytes in, std::size_t& consumed, std::string& out);
    Step on_secret(std::string_view body, std::string& out);
    Step on_password(std::string_view body, std::string& out);
    Step on_md5(std::string_view body, std::string& out);
    Step on_sasl_initial(std::string_view body, std::string& out);
    Step on_sasl_first(std::string_view data, std::string& out);
    Step on_sasl_final(std::string_view data, std::string& out);
    Step succeed(std::string& out);
    Step refuse(std::string_view code, std::string message, std::string& out);
    Step refuse_password(std::string& out);
    Step fail(const protocol::Fault& fault, std::string& out);

    const UserDirectory& users_;
    config::AccessMethod method_;
    const AccessRules* rules_ = nullptr;  // null: without rules
    std::optional<config::Address> address_;
    std::string address_text_, rule_;
    bool looks_up_ = false;
    RandomBytes random_;
    Encryption encryption_;
    bool is_encrypted_ = false;
    std::string end_point_;
    std::optional<std::string> certificate_name_;
    State state_ = State::startup;
    const UserEntry* entry_ = nullptr;  // null: unknown, so the login is a show
    std::unique_ptr<const UserEntry> found_;  // by auth_query
    bool ssl_seen_ = false, gss_seen_ = false;
    std::string md5_salt_;
    std::optional<protocol::ScramServer> scram_;
    std::vector<std::string> unknown_options_;
    protocol::CancelRequest cancel_;
    LoginResult result_;
    std::string failure_;
    bool failed_password_ = false;
};

}  // namespace pgweir::session
