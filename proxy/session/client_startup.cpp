// The first packets of a client's login: encryption requests, cancel requests, and the startup packet's parameters.
#include <algorithm>

#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/session/client_login.hpp"
#include "proxy/session/printable.hpp"
#include "proxy/session/setting_names.hpp"

namespace pgweir::session {

namespace {

namespace sqlstate = protocol::sqlstate;

constexpr std::uint16_t kNewestMinor = 2;

// PostgreSQL's reading of a boolean: any unambiguous beginning of true, false, yes, no, on, off, or 1 or 0.
std::optional<bool> parse_boolean(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    if (lower.empty() || lower == "o") return std::nullopt;
    const auto begins = [&](std::string_view word) { return word.starts_with(lower); };
    if (begins("true") || begins("yes") || begins("on") || begins("1")) return true;
    if (begins("false") || begins("no") || begins("off") || begins("0")) return false;
    return std::nullopt;
}

// "true", "database", or empty for false; nothing if it is none of them.
std::optional<std::string> parse_replication(std::string_view value) {
    if (value == "database") return std::string(value);
    const auto yes = parse_boolean(value);
    if (!yes) return std::nullopt;
    return std::string(*yes ? "true" : "");
}

}  // namespace

ClientLogin::Step ClientLogin::on_startup(Bytes in, std::size_t& consumed, std::string& out) {
    const auto size = protocol::peek_startup(in);
    if (!size) {
        if (size.error() == protocol::FrameError::incomplete) return Step::need_more;
        return fail({sqlstate::kProtocolViolation, "invalid length of startup packet"}, out);
    }
    if (in.size() < *size) return Step::need_more;
    consumed = *size;
    auto packet = protocol::parse_first_packet(in.first(*size));
    if (!packet) return fail(packet.error(), out);
    const bool more_behind = in.size() > *size;
    if (std::holds_alternative<protocol::SslRequest>(*packet))
        return on_encryption_request(ssl_seen_, encryption_ != Encryption::none && !is_encrypted_, more_behind, out);
    if (std::holds_alternative<protocol::GssEncRequest>(*packet))
        return on_encryption_request(gss_seen_, false, more_behind, out);
    if (auto* cancel = std::get_if<protocol::CancelRequest>(&*packet)) {
        cancel_ = std::move(*cancel);
        return Step::cancel;
    }
    return begin(std::move(std::get<protocol::Startup>(*packet)), out);
}

// semantics.md H: what already waits behind the request was sent before our answer, by a client that breaks the
// protocol or by somebody in between (the class of CVE-2021-23214); PostgreSQL 15 refuses it after 'N' too (tried).
ClientLogin::Step ClientLogin::on_encryption_request(bool& seen, bool accept, bool more_behind, std::string& out) {
    if (seen) return fail({sqlstate::kProtocolViolation, "second request for the same encryption"}, out);
    seen = true;
    if (accept && !more_behind) {
        out.push_back('S');
        return Step::start_tls;
    }
    out.push_back('N');  // comes first even so: it is the one byte that the client waits for
    if (!more_behind) return Step::need_more;
    return fail({sqlstate::kProtocolViolation, "received unencrypted data after an encryption request"}, out);
}

ClientLogin::Step ClientLogin::begin(protocol::Startup startup, std::string& out) {
    if (encryption_ == Encryption::required && !is_encrypted_) {
        return fail({sqlstate::kInvalidAuthorization, "connections without TLS are not allowed (client_tls.sslmode)"}, out);
    }
    const std::uint16_t asked_minor = startup.minor;
    unknown_options_ = std::move(startup.protocol_options);
    negotiate(asked_minor, out);
    if (const auto fault = take_parameters(std::move(startup))) return fail(*fault, out);
    if (const auto fault = take_rule()) return fail(*fault, out);
    entry_ = users_.find(result_.user);
    // Nobody is asked for somebody whose certificate is not theirs.
    const bool foreign = method_ == config::AccessMethod::cert && certificate_name_ != result_.user;
    if (!looks_up_ || foreign) return identify(out);
    if (entry_ != nullptr && !needs_secret()) return identify(out);
    state_ = State::looking_up;
    return entry_ == nullptr ? Step::lookup : Step::pause;
}

ClientLogin::Step ClientLogin::looked_up(const LookupAnswer& answer, std::string& out) {
    const bool paused = entry_ != nullptr;
    if (!answer.error.empty() && !paused) {
        state_ = State::done;
        const Step failed = fail({sqlstate::kConnectionFailure, "the user could not be looked up (auth_query)"}, out);
        failure_ += ": " + printable(answer.error);
        return failed;
    }
    if (!answer.password.empty() && !paused) {
        found_ = users_.found(result_.user, answer.password);
        // Whoever has no usable secret is not found, not even where none is asked for.
        if (found_->credentials.kind() != Credentials::Kind::none) entry_ = found_.get();
    }
    const Step step = identify(out);
    if (step != Step::need_more) state_ = State::done;
    return step;
}

bool ClientLogin::needs_secret() const noexcept {
    return method_ != config::AccessMethod::trust && method_ != config::AccessMethod::cert;
}

ClientLogin::Step ClientLogin::identify(std::string& out) {
    if (needs_secret() && entry_ != nullptr && entry_->credentials.kind() == Credentials::Kind::none) entry_ = nullptr;
    return ask(out);
}

// The method of the first rule that matches; pg_hba.conf's words for those who are kept out, and the rule's name for the log
// only.
std::optional<protocol::Fault> ClientLogin::take_rule() {
    if (rules_ == nullptr) return std::nullopt;
    const bool physical = result_.replication == "true";
    const AccessRules::Rule* rule = rules_->find({address_, result_.user, result_.database, physical, is_encrypted_});
    if (rule != nullptr) {
        rule_ = rule->name;
        method_ = rule->method;
    }
    if (rule != nullptr && method_ != config::AccessMethod::reject) {
        if (method_ != config::AccessMethod::cert || certificate_name_) return std::nullopt;
        return protocol::Fault{sqlstate::kInvalidAuthorization, "connection requires a valid client certificate"};
    }
    std::string who = "host \"" + address_text_ + "\", user \"" + result_.user + "\", ";
    if (!physical) who += "database \"" + result_.database + "\", ";
    who += is_encrypted_ ? "SSL encryption" : "no encryption";
    const std::string what = physical ? "replication connection from " : "";
    if (rule == nullptr) return protocol::Fault{sqlstate::kInvalidAuthorization, "no access rule for " + what + who};
    return protocol::Fault{sqlstate::kInvalidAuthorization, "access rules reject " + (physical ? what : "connection for ") + who};
}

// 3.0 and 3.2 are spoken, 3.1 was never a version of PostgreSQL's.
void ClientLogin::negotiate(std::uint32_t asked_minor, std::string& out) {
    result_.minor = asked_minor >= kNewestMinor ? kNewestMinor : 0;
    if (asked_minor == result_.minor && unknown_options_.empty()) return;
    protocol::append_negotiate_protocol_version(out, result_.minor, unknown_options_);
}

std::optional<protocol::Fault> ClientLogin::take_parameters(protocol::Startup startup) {
    std::string options;
    protocol::Parameters settings;
    settings.reserve(startup.parameters.size());
    for (auto& [name, value] : startup.parameters) {
        if (name == "user") {
            result_.user = std::move(value);
        } else if (name == "database") {
            result_.database = std::move(value);
        } else if (name == "options") {
            options = std::move(value);
        } else if (name == "replication") {
            auto replication = parse_replication(value);
            if (!replication) {
                return protocol::Fault{sqlstate::kInvalidParameterValue,
                                       "invalid value for parameter \"replication\": \"" + value + "\""};
            }
            result_.replication = std::move(*replication);
        } else {
            settings.emplace_back(std::move(name), std::move(value));
        }
    }
    if (result_.user.empty()) {
        return protocol::Fault{sqlstate::kInvalidAuthorization, "no PostgreSQL user name specified in startup packet"};
    }
    if (result_.database.empty()) result_.database = result_.user;
    auto parsed = protocol::parse_options(options);
    if (!parsed) return parsed.error();
    settings.insert(settings.begin(), std::make_move_iterator(parsed->begin()), std::make_move_iterator(parsed->end()));
    result_.parameters = std::move(settings);
    for (const auto& [name, value] : result_.parameters) {
        // Named by `options` these are no settings either; they would be taken for the packet's own on the way to a server.
        const bool of_packet = same_name(name, "user") || same_name(name, "database") || same_name(name, "options") ||
                               same_name(name, "replication");
        if (is_setting_name(name) && !of_packet) continue;
        return protocol::Fault{sqlstate::kUndefinedObject, "unrecognized configuration parameter \"" + name + "\""};
    }
    return std::nullopt;
}

}  // namespace pgweir::session
