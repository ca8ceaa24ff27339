#include "proxy/session/server_login.hpp"

#include <algorithm>

#include "protocol/error_fields.hpp"
#include "protocol/md5_auth.hpp"
#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/session/printable.hpp"

namespace pgweir::session {

namespace {

namespace backend = protocol::backend;
namespace sqlstate = protocol::sqlstate;
using Kind = ServerLoginError::Kind;

constexpr std::uint32_t kMaxMessage = 65'536;
constexpr std::size_t kMaxTotal = std::size_t{1} << 20;
constexpr std::size_t kMaxReported = 500;  // parameters; PostgreSQL has about fifteen

// A server may send anything, or nothing, where the code should be (semantics.md I).
bool is_sqlstate(std::string_view code) noexcept {
    return code.size() == 5 && std::all_of(code.begin(), code.end(),
                                           [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
}

// semantics.md G; a server that is going down is as good as one that is not up yet.
Kind kind_of(std::string_view code) noexcept {
    if (code.starts_with("28")) return Kind::authentication;
    if (code == sqlstate::kTooManyConnections) return Kind::too_many;
    if (protocol::is_server_shutdown(code)) return Kind::starting;
    return Kind::refused;
}

}  // namespace

ServerLogin::ServerLogin(std::string user, std::string database,
                         std::vector<std::pair<std::string, std::string>> parameters, ServerSecret secret,
                         protocol::RandomBytes random)
    : user_(std::move(user)),
      database_(std::move(database)),
      asked_(std::move(parameters)),
      secret_(std::move(secret)),
      random_(std::move(random)) {}

void ServerLogin::start(std::string& out) {
    std::vector<std::pair<std::string, std::string>> parameters{{"user", user_}, {"database", database_}};
    parameters.insert(parameters.end(), asked_.begin(), asked_.end());
    protocol::append_startup(out, protocol::kProtocol30, parameters);
    state_ = State::asked;
}

ServerLogin::Step ServerLogin::on_bytes(Bytes in, std::size_t& consumed, std::string& out) {
    consumed = 0;
    while (true) {
        const Bytes rest = in.subspan(consumed);
        const auto frame = protocol::peek_frame(rest, kMaxMessage);
        if (!frame && frame.error() != protocol::FrameError::incomplete) return broken("invalid message length");
        if (!frame || rest.size() < frame->size()) return Step::need_more;
        consumed += frame->size();
        total_ += frame->size();
        if (total_ > kMaxTotal) return broken("too many messages before ReadyForQuery");
        const Bytes body = rest.subspan(protocol::kHeaderSize, frame->body);
        const Step step = on_message(frame->tag, body, out);
        if (step != Step::need_more) return step;
    }
}

ServerLogin::Step ServerLogin::on_message(protocol::Tag tag, Bytes body, std::string& out) {
    if (tag == backend::kErrorResponse) return on_error(body);
    if (tag == backend::kNoticeResponse) return Step::need_more;
    if (state_ != State::authenticated) {
        if (tag == backend::kAuthentication) return on_authentication(body, out);
        // We ask for 3.0 without options, so there is nothing in it for us.
        if (tag == backend::kNegotiateProtocolVersion) return Step::need_more;
        return broken("unexpected message during authentication");
    }
    if (tag == backend::kParameterStatus) return on_parameter(as_text(body));
    if (tag == backend::kBackendKeyData) return on_key(body);
    if (tag == backend::kReadyForQuery) return on_ready(as_text(body));
    return broken("unexpected message before ReadyForQuery");
}

ServerLogin::Step ServerLogin::on_authentication(Bytes body, std::string& out) {
    if (body.size() < 4) return broken("truncated authentication request");
    const std::uint32_t kind = load_be32(body);
    const std::string_view data = as_text(body.subspan(4));
    if (kind == protocol::kAuthOk) return on_ok();
    if (kind == protocol::kAuthSaslContinue) return on_sasl_continue(data, out);
    if (kind == protocol::kAuthSaslFinal) return on_sasl_final(data);
    // One request for a secret, and one answer.
    if (state_ != State::asked) return broken("unexpected authentication request");
    switch (kind) {
        case protocol::kAuthCleartext:
            return on_cleartext(out);
        case protocol::kAuthMd5:
            return on_md5(data, out);
        case protocol::kAuthSasl:
            return on_sasl(data, out);
        default:
            return lacks_secret("an unsupported method of");
    }
}

ServerLogin::Step ServerLogin::on_ok() {
    // A SCRAM exchange ends with the server's proof, or it was no server of ours.
    if (state_ == State::scram_first || state_ == State::scram_final) return broken("the server did not prove itself");
    state_ = State::authenticated;
    return Step::need_more;
}

ServerLogin::Step ServerLogin::on_cleartext(std::string& out) {
    if (secret_.password.empty()) return lacks_secret("plain password");
    protocol::append_password(out, secret_.password);
    state_ = State::answered;
    return Step::need_more;
}

ServerLogin::Step ServerLogin::on_md5(std::string_view salt, std::string& out) {
    if (salt.size() != protocol::kMd5SaltSize) return broken("invalid MD5 salt");
    const std::string stored =
        secret_.password.empty() ? secret_.md5_hash : protocol::md5_stored(secret_.password, user_);
    const std::string answer = protocol::md5_response(stored, salt);
    if (answer.empty()) return lacks_secret("MD5");
    protocol::append_password(out, answer);
    state_ = State::answered;
    return Step::need_more;
}

ServerLogin::Step ServerLogin::on_sasl(std::string_view mechanisms, std::string& out) {
    bool offered = false;
    while (!mechanisms.empty() && mechanisms.front() != '\0') {
        const std::size_t end = mechanisms.find('\0');
        if (end == std::string_view::npos) break;
        offered |= mechanisms.substr(0, end) == protocol::kScramSha256;  // SCRAM-SHA-256-PLUS may come first
        mechanisms.remove_prefix(end + 1);
    }
    if (mechanisms != std::string_view("\0", 1)) return broken("malformed list of SASL mechanisms");
    if (!offered) return lacks_secret("another SASL mechanism than SCRAM-SHA-256 for");
    if (!secret_.password.empty()) {
        scram_.emplace(secret_.password, random_);
    } else if (secret_.client_key.size() == protocol::kScramKeySize &&
               secret_.server_key.size() == protocol::kScramKeySize) {
        scram_.emplace(protocol::ScramKeys{secret_.client_key, secret_.server_key}, random_);
    } else {
        return lacks_secret("SCRAM-SHA-256");
    }
    const std::string first = scram_->first();
    if (first.empty()) return broken("no random bytes for a nonce");
    protocol::append_sasl_initial_response(out, protocol::kScramSha256, first);
    state_ = State::scram_first;
    return Step::need_more;
}

ServerLogin::Step ServerLogin::on_sasl_continue(std::string_view data, std::string& out) {
    if (state_ != State::scram_first) return broken("unexpected SASL message");
    const auto answer = scram_->final(data);
    if (!answer) return broken(answer.error().message);
    protocol::append_sasl_response(out, *answer);
    state_ = State::scram_final;
    return Step::need_more;
}

ServerLogin::Step ServerLogin::on_sasl_final(std::string_view data) {
    if (state_ != State::scram_final) return broken("unexpected SASL message");
    if (const auto fault = scram_->verify(data)) {
        if (fault->code != sqlstate::kInvalidPassword) return broken(fault->message);
        error_ = {Kind::authentication, std::string(fault->code), fault->message};
        return Step::failed;
    }
    state_ = State::scram_verified;
    return Step::need_more;
}

ServerLogin::Step ServerLogin::on_error(Bytes body) {
    const protocol::ErrorFields fields = protocol::parse_error_fields(body);
    error_.code = is_sqlstate(fields.code) ? fields.code : sqlstate::kInternalError;
    error_.kind = kind_of(error_.code);
    error_.message = fields.message.empty() ? "the server sent an error without a message" : printable(fields.message);
    return Step::failed;
}

ServerLogin::Step ServerLogin::on_parameter(std::string_view body) {
    const std::size_t name_end = body.find('\0');
    const std::size_t end = name_end == std::string_view::npos ? name_end : body.find('\0', name_end + 1);
    if (end == std::string_view::npos || end + 1 != body.size()) return broken("malformed ParameterStatus");
    const std::string_view name = body.substr(0, name_end);
    const std::string_view value = body.substr(name_end + 1, end - name_end - 1);
    const auto known = std::find_if(reported_.begin(), reported_.end(),
                                    [&](const auto& parameter) { return parameter.first == name; });
    if (known != reported_.end()) {
        known->second = value;
        return Step::need_more;
    }
    if (reported_.size() == kMaxReported) return broken("too many parameters");
    reported_.emplace_back(name, value);
    return Step::need_more;
}

ServerLogin::Step ServerLogin::on_key(Bytes body) {
    if (body.size() < 4 + protocol::kMinCancelKey || body.size() > 4 + protocol::kMaxCancelKey) {
        return broken("malformed BackendKeyData");
    }
    pid_ = load_be32(body);
    secret_key_ = as_text(body.subspan(4));
    return Step::need_more;
}

ServerLogin::Step ServerLogin::on_ready(std::string_view body) {
    if (body != "I") return broken("malformed ReadyForQuery");
    return Step::ready;
}

ServerLogin::Step ServerLogin::lacks_secret(std::string_view wanted) {
    error_ = {Kind::authentication, std::string(sqlstate::kInvalidAuthorization),
              "the server asks for " + std::string(wanted) +
                  " authentication, and there is no fitting secret for user \"" + printable(user_) + "\""};
    return Step::failed;
}

ServerLogin::Step ServerLogin::broken(std::string_view what) {
    error_ = {Kind::protocol, std::string(sqlstate::kProtocolViolation), printable(what)};
    return Step::failed;
}

}  // namespace pgweir::session
