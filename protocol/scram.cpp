#include "protocol/scram.hpp"

#include <algorithm>

#include "protocol/sqlstate.hpp"

namespace pgweir::protocol {

namespace {

Fault malformed(std::string_view what) {
    return {sqlstate::kProtocolViolation, "malformed SCRAM message (" + std::string(what) + ")"};
}

// Takes "letter=value" and the comma behind it, if any, off the front; nothing if it is another attribute.
std::optional<std::string_view> take_attribute(std::string_view& rest, char letter) {
    if (rest.size() < 2 || rest[0] != letter || rest[1] != '=') return std::nullopt;
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string_view value = rest.substr(2, end - 2);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return value;
}

// Printable ASCII without the comma, as RFC 5802 has it.
bool is_nonce(std::string_view text) {
    return !text.empty() && text.size() <= kMaxScramNonce &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '!' && c <= '~' && c != ','; });
}

std::string exclusive_or(std::string_view a, std::string_view b) {
    std::string out(std::min(a.size(), b.size()), '\0');
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(a[i] ^ b[i]);
    return out;
}

}  // namespace

// The length of "n,,", "y,," or "p=tls-server-end-point,,": what the client says of channel binding and of an
// authorisation identity.
Result<std::size_t, Fault> ScramServer::gs2_size(std::string_view message) const {
    static constexpr std::string_view kBound = "p=tls-server-end-point";
    if (message.empty()) return malformed("empty");
    std::size_t flag = 1;
    switch (message[0]) {
        case 'p':
            if (!plus_) return malformed("channel binding was not offered, or not chosen");
            if (!message.starts_with(kBound)) {
                return Fault{sqlstate::kFeatureNotSupported, "unsupported SCRAM channel-binding type"};
            }
            flag = kBound.size();
            break;
        case 'y':
            if (!end_point_.empty()) return malformed("channel binding was offered, and the client did not see it");
            [[fallthrough]];
        case 'n':
            if (plus_) return malformed("channel binding was chosen, and none is made");
            break;
        default: return malformed("unexpected channel-binding flag");
    }
    const std::string_view rest = message.substr(flag);
    if (rest.starts_with(",a=")) {
        return Fault{sqlstate::kFeatureNotSupported, "client uses authorization identity, but it is not supported"};
    }
    if (!rest.starts_with(",,")) return malformed("comma expected");
    return flag + 2;
}

Result<std::string, Fault> ScramServer::first(std::string_view message, std::string_view salt,
                                              std::uint32_t iterations) {
    const auto header = gs2_size(message);
    if (!header) return header.error();
    std::string_view rest = message.substr(*header);
    client_first_bare_ = rest;
    if (rest.starts_with("m=")) {
        return Fault{sqlstate::kFeatureNotSupported, "client requires an unsupported SCRAM extension"};
    }
    // The name in the message is not looked at: the startup packet has told it, as in PostgreSQL.
    if (!take_attribute(rest, 'n')) return malformed("user name expected");
    const auto client_nonce = take_attribute(rest, 'r');
    if (!client_nonce || !is_nonce(*client_nonce)) return malformed("nonce expected");
    const std::string own = random_nonce(random_);
    if (own.empty()) return Fault{sqlstate::kInternalError, "could not generate random nonce"};
    gs2_header_ = message.substr(0, *header);
    nonce_ = std::string(*client_nonce) + own;
    server_first_ = "r=" + nonce_ + ",s=" + base64_encode(salt) + ",i=" + std::to_string(iterations);
    return server_first_;
}

Result<std::string, Fault> ScramServer::final(std::string_view message, const ScramVerifier& verifier) {
    const std::size_t proof_at = message.rfind(",p=");
    if (proof_at == std::string_view::npos) return malformed("proof expected");
    const std::string_view without_proof = message.substr(0, proof_at);
    std::string_view rest = without_proof;
    if (take_attribute(rest, 'c') != base64_encode(gs2_header_ + (plus_ ? end_point_ : std::string()))) return malformed("unexpected channel-binding data");
    const auto nonce = take_attribute(rest, 'r');
    if (!nonce || nonce_.empty() || !constant_time_equal(*nonce, nonce_)) {
        return Fault{sqlstate::kProtocolViolation, "invalid SCRAM response (nonce does not match)"};
    }
    const auto proof = base64_decode(message.substr(proof_at + 3));
    if (!proof || proof->size() != kScramKeySize) return malformed("malformed proof");

    std::string auth_message = client_first_bare_ + "," + server_first_ + ",";
    auth_message.append(without_proof);
    const std::string signature = hmac_sha256(verifier.server_key, auth_message);
    if (!check_proof(*proof, auth_message, verifier)) return Fault{sqlstate::kInvalidPassword, {}};
    return "v=" + base64_encode(signature);
}

bool ScramServer::check_proof(std::string_view proof, std::string_view auth_message, const ScramVerifier& verifier) {
    const std::string signature = hmac_sha256(verifier.stored_key, auth_message);
    std::string key = exclusive_or(proof, signature);
    if (key.size() != kScramKeySize || !constant_time_equal(sha256(key), verifier.stored_key)) return false;
    client_key_ = std::move(key);
    return true;
}

std::string ScramClient::first() {
    nonce_ = random_nonce(random_);
    if (nonce_.empty()) return {};
    client_first_bare_ = "n=,r=" + nonce_;
    return "n,," + client_first_bare_;
}

Result<std::string, Fault> ScramClient::final(std::string_view server_first) {
    std::string_view rest = server_first;
    const auto nonce = take_attribute(rest, 'r');
    if (!nonce || !is_nonce(*nonce) || nonce_.empty() || nonce->size() <= nonce_.size() ||
        !nonce->starts_with(nonce_)) {
        return malformed("server's nonce");
    }
    const auto salt_text = take_attribute(rest, 's');
    // Checked before it is decoded: four letters hold three bytes.
    if (!salt_text || salt_text->size() > kMaxScramSalt * 4 / 3 + 4) return malformed("server's salt");
    const auto salt = base64_decode(*salt_text);
    if (!salt || salt->empty()) return malformed("server's salt");
    const auto count = take_attribute(rest, 'i');
    const auto iterations = count ? parse_scram_iterations(*count) : std::nullopt;
    if (!iterations || *iterations > kMaxServerIterations) return malformed("server's iteration count");

    if (!password_.empty()) keys_ = derive_scram_keys(password_, *salt, *iterations);
    if (keys_.client_key.size() != kScramKeySize || keys_.server_key.size() != kScramKeySize) {
        return Fault{sqlstate::kInternalError, "no SCRAM keys"};
    }
    const std::string without_proof = "c=biws,r=" + std::string(*nonce);
    auth_message_ = client_first_bare_ + "," + std::string(server_first) + "," + without_proof;
    const std::string signature = hmac_sha256(sha256(keys_.client_key), auth_message_);
    if (signature.size() != kScramKeySize) return Fault{sqlstate::kInternalError, "HMAC failed"};
    return without_proof + ",p=" + base64_encode(exclusive_or(keys_.client_key, signature));
}

std::optional<Fault> ScramClient::verify(std::string_view server_final) {
    std::string_view rest = server_final;
    if (take_attribute(rest, 'e')) return Fault{sqlstate::kInvalidPassword, "the server refused the SCRAM exchange"};
    const auto text = take_attribute(rest, 'v');
    const auto signature = text ? base64_decode(*text) : std::nullopt;
    if (!signature) return malformed("server's signature");
    if (auth_message_.empty() || !constant_time_equal(*signature, hmac_sha256(keys_.server_key, auth_message_))) {
        return Fault{sqlstate::kProtocolViolation, "the server's SCRAM signature is wrong"};
    }
    return std::nullopt;
}

}  // namespace pgweir::protocol
