#include "proxy/session/client_login.hpp"

#include "protocol/frame.hpp"
#include "protocol/md5_auth.hpp"
#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/session/printable.hpp"

namespace pgweir::session {

namespace {

namespace sqlstate = protocol::sqlstate;

constexpr std::uint32_t kMaxAuthMessage = 65'535;  // bytes of body, as PostgreSQL's PG_MAX_AUTH_TOKEN_LENGTH
constexpr std::uint32_t kNoInitialResponse = 0xffff'ffff;

protocol::Fault violation(std::string message) { return {sqlstate::kProtocolViolation, std::move(message)}; }

std::string quoted(std::string_view before, std::string_view name, std::string_view after) {
    return std::string(before).append("\"").append(name).append("\"").append(after);
}

// The text without the NUL that must end it and be its only one; nothing otherwise.
std::optional<std::string_view> whole_string(std::string_view body) {
    if (body.empty() || body.find('\0') != body.size() - 1) return std::nullopt;
    return body.substr(0, body.size() - 1);
}

// Stands in for the check of a password of an unknown user: the same work, and never right.
void pretend_to_match(const UserDirectory& users, std::string_view user, std::string_view password) {
    switch (users.mock_kind(user)) {
        case Credentials::Kind::none:
        case Credentials::Kind::plain:
            (void)protocol::constant_time_equal(protocol::sha256(password), protocol::sha256(user));
            return;
        case Credentials::Kind::md5:
            (void)protocol::md5_stored(password, user);
            return;
        case Credentials::Kind::scram:
            (void)protocol::matches(users.mock_verifier(user), password);
            return;
    }
}

}  // namespace

ClientLogin::ClientLogin(const UserDirectory& users, config::AuthType type, RandomBytes random, Encryption encryption)
    : users_(users), method_(method_of(type)), random_(std::move(random)), encryption_(encryption) {}

void ClientLogin::admit_by(const AccessRules& rules, std::optional<config::Address> address, std::string address_text) {
    if (rules.empty()) return;
    rules_ = &rules;
    address_ = address;
    address_text_ = std::move(address_text);
}

ClientLogin::Step ClientLogin::on_bytes(Bytes in, std::size_t& consumed, std::string& out) {
    consumed = 0;
    while (true) {
        const std::size_t before = consumed;
        const Bytes rest = in.subspan(before);
        std::size_t taken = 0;
        const Step step = state_ == State::startup ? on_startup(rest, taken, out) : on_message(rest, taken, out);
        consumed = before + taken;
        if (step == Step::start_tls || step == Step::lookup || step == Step::pause) return step;
        if (step != Step::need_more) {
            state_ = State::done;
            return step;
        }
        if (taken == 0) return step;
    }
}

ClientLogin::Step ClientLogin::on_message(Bytes in, std::size_t& consumed, std::string& out) {
    const auto frame = protocol::peek_frame(in, kMaxAuthMessage);
    if (!in.empty() && static_cast<protocol::Tag>(in[0]) != protocol::frontend::kPassword) {
        return fail(violation("expected password response, got another message"), out);
    }
    if (!frame) {
        if (frame.error() == protocol::FrameError::incomplete) return Step::need_more;
        return fail(violation("invalid length of password response"), out);
    }
    if (in.size() < frame->size()) return Step::need_more;
    consumed = frame->size();
    return on_secret(as_text(in.subspan(protocol::kHeaderSize, frame->body)), out);
}

ClientLogin::Step ClientLogin::on_secret(std::string_view body, std::string& out) {
    switch (state_) {
        case State::password:
            return on_password(body, out);
        case State::md5:
            return on_md5(body, out);
        case State::sasl_initial:
            return on_sasl_initial(body, out);
        case State::sasl_first:
            return on_sasl_first(body, out);
        case State::sasl_final:
            return on_sasl_final(body, out);
        case State::startup:
        case State::looking_up:
        case State::done:
            break;
    }
    return fail(violation("unexpected message"), out);
}

ClientLogin::Step ClientLogin::ask(std::string& out) {
    const Credentials::Kind kind = entry_ != nullptr ? entry_->credentials.kind() : users_.mock_kind(result_.user);
    switch (method_) {
        case config::AccessMethod::trust:
            if (entry_ != nullptr) return succeed(out);
            return refuse(sqlstate::kInvalidAuthorization, quoted("user ", result_.user, " is not configured"), out);
        case config::AccessMethod::cert:
            return on_certificate(out);
        case config::AccessMethod::reject:
            break;  // was refused before
        case config::AccessMethod::password:
            protocol::append_authentication(out, protocol::kAuthCleartext);
            state_ = State::password;
            return Step::need_more;
        case config::AccessMethod::md5:  // a verifier can only be proven by SCRAM; PostgreSQL does the same
            return kind == Credentials::Kind::scram ? ask_sasl(out) : ask_md5(out);
        case config::AccessMethod::scram_sha_256:
            return ask_sasl(out);
    }
    return fail({sqlstate::kInternalError, "no method of authentication"}, out);
}

// The same words for somebody else's certificate and for an unknown user.
ClientLogin::Step ClientLogin::on_certificate(std::string& out) {
    if (entry_ != nullptr && certificate_name_ == result_.user) return succeed(out);
    return refuse(sqlstate::kInvalidAuthorization, quoted("certificate authentication failed for user ", result_.user, ""), out);
}

ClientLogin::Step ClientLogin::ask_md5(std::string& out) {
    std::array<std::byte, protocol::kMd5SaltSize> salt;
    if (!random_ || !random_(salt)) return fail({sqlstate::kInternalError, "could not generate random MD5 salt"}, out);
    md5_salt_ = as_text(salt);
    protocol::append_authentication(out, protocol::kAuthMd5, md5_salt_);
    state_ = State::md5;
    return Step::need_more;
}

ClientLogin::Step ClientLogin::ask_sasl(std::string& out) {
    constexpr char kTwoEnds[] = {'\0', '\0'};  // of the name, and of the list
    std::string mechanisms;
    if (!end_point_.empty()) mechanisms.append(protocol::kScramSha256Plus).push_back('\0');
    mechanisms.append(protocol::kScramSha256);
    protocol::append_authentication(out, protocol::kAuthSasl, mechanisms.append(kTwoEnds, sizeof kTwoEnds));
    scram_.emplace(random_, end_point_);
    state_ = State::sasl_initial;
    return Step::need_more;
}

ClientLogin::Step ClientLogin::on_password(std::string_view body, std::string& out) {
    const auto password = whole_string(body);
    if (!password) return fail(violation("invalid password packet size"), out);
    if (entry_ == nullptr) {
        pretend_to_match(users_, result_.user, *password);
        return refuse_password(out);
    }
    if (!entry_->credentials.matches(result_.user, *password)) return refuse_password(out);
    result_.password = *password;
    return succeed(out);
}

ClientLogin::Step ClientLogin::on_md5(std::string_view body, std::string& out) {
    static constexpr std::string_view kNobody = "md500000000000000000000000000000000";
    const auto answer = whole_string(body);
    if (!answer) return fail(violation("invalid password packet size"), out);
    const std::string_view stored = entry_ != nullptr ? std::string_view(entry_->credentials.md5_hash()) : kNobody;
    const bool equal = protocol::constant_time_equal(*answer, protocol::md5_response(stored, md5_salt_));
    return equal && entry_ != nullptr ? succeed(out) : refuse_password(out);
}

ClientLogin::Step ClientLogin::on_sasl_initial(std::string_view body, std::string& out) {
    const std::size_t end = body.find('\0');
    if (end == std::string_view::npos || body.size() < end + 5) {
        return fail(violation("malformed SASLInitialResponse"), out);
    }
    const std::string_view mechanism = body.substr(0, end);
    if (mechanism == protocol::kScramSha256Plus && !end_point_.empty()) {
        scram_->use_plus();
    } else if (mechanism != protocol::kScramSha256) {
        return fail(violation("client selected an invalid SASL authentication mechanism"), out);
    }
    const std::uint32_t length = load_be32(as_bytes(body.substr(end + 1)));
    const std::string_view data = body.substr(end + 5);
    if (length == kNoInitialResponse && data.empty()) {
        protocol::append_authentication(out, protocol::kAuthSaslContinue);
        state_ = State::sasl_first;
        return Step::need_more;
    }
    if (length != data.size()) return fail(violation("malformed SASLInitialResponse"), out);
    return on_sasl_first(data, out);
}

ClientLogin::Step ClientLogin::on_sasl_first(std::string_view data, std::string& out) {
    // A known user whose secret SCRAM cannot use (md5) is treated as an unknown one.
    const Credentials* known = entry_ != nullptr ? &entry_->credentials : nullptr;
    if (known != nullptr && known->scram_salt().empty()) known = nullptr;
    const protocol::ScramVerifier mock = users_.mock_verifier(result_.user);  // for everybody, so that it takes everybody as long
    const auto answer = scram_->first(data, known != nullptr ? known->scram_salt() : mock.salt,
                                      known != nullptr ? known->scram_iterations() : mock.iterations);
    if (!answer) return fail(answer.error(), out);
    protocol::append_authentication(out, protocol::kAuthSaslContinue, *answer);
    state_ = State::sasl_final;
    return Step::need_more;
}

ClientLogin::Step ClientLogin::on_sasl_final(std::string_view data, std::string& out) {
    const protocol::ScramVerifier* verifier = entry_ != nullptr ? entry_->credentials.verifier() : nullptr;
    const auto answer = scram_->final(data, verifier != nullptr ? *verifier : users_.mock_keys());
    if (!answer) return answer.error().message.empty() ? refuse_password(out) : fail(answer.error(), out);
    if (verifier == nullptr) return refuse_password(out);  // not even by a proof for the mock verifier
    if (entry_->credentials.kind() == Credentials::Kind::scram) {
        result_.client_key = scram_->client_key();
        result_.server_key = verifier->server_key;
    }
    protocol::append_authentication(out, protocol::kAuthSaslFinal, *answer);
    return succeed(out);
}

ClientLogin::Step ClientLogin::succeed(std::string& out) {
    if (result_.password.empty()) result_.password = entry_->credentials.password();
    result_.md5_hash = entry_->credentials.md5_hash();
    result_.admin = entry_->admin;
    protocol::append_authentication(out, protocol::kAuthOk);
    return Step::authenticated;
}

// The same words for a wrong password and for an unknown user.
ClientLogin::Step ClientLogin::refuse_password(std::string& out) {
    return refuse(sqlstate::kInvalidPassword, quoted("password authentication failed for user ", result_.user, ""), out);
}

ClientLogin::Step ClientLogin::refuse(std::string_view code, std::string message, std::string& out) {
    failed_password_ = true;
    return fail({code, std::move(message)}, out);
}

ClientLogin::Step ClientLogin::fail(const protocol::Fault& fault, std::string& out) {
    failure_ = printable(fault.message);
    protocol::append_error(out, "FATAL", fault.code, fault.message);
    return Step::failed;
}

}  // namespace pgweir::session
