// SCRAM-SHA-256, both ends of it; the server's with channel binding by tls-server-end-point (RFC 5929). Source: RFC 5802, RFC 7677; PostgreSQL documentation,
// "SASL Authentication"; semantics.md H (SCRAM) and I.
// Passwords are taken as raw bytes: for ASCII that is what SASLprep gives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.hpp"
#include "protocol/scram_crypto.hpp"
#include "protocol/startup.hpp"

namespace pgweir::protocol {

inline constexpr std::string_view kScramSha256 = "SCRAM-SHA-256";
inline constexpr std::string_view kScramSha256Plus = "SCRAM-SHA-256-PLUS";
inline constexpr std::uint32_t kScramIterations = 4096;  // of verifiers that we derive
inline constexpr std::uint32_t kMaxScramIterations = 10'000'000;
// What a server may ask of us: about half a second, which a worker does nothing else in.
inline constexpr std::uint32_t kMaxServerIterations = 1'000'000;
inline constexpr std::size_t kScramSaltSize = 16;  // of verifiers that we derive, as PostgreSQL's
inline constexpr std::size_t kScramKeySize = kSha256Size;
inline constexpr std::size_t kMaxScramNonce = 1024, kMaxScramSalt = 1024;

// What a server keeps instead of a password: enough to check a proof, not enough to make one.
struct ScramVerifier {
    std::uint32_t iterations = 0;
    std::string salt;  // raw bytes, 1 to kMaxScramSalt
    std::string stored_key;
    std::string server_key;
};

// What a client needs instead of the password, valid for one salt and iteration count.
struct ScramKeys {
    std::string client_key;
    std::string server_key;
};

// PostgreSQL's form: SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey, base64.
[[nodiscard]] std::optional<ScramVerifier> parse_scram_verifier(std::string_view text);
[[nodiscard]] std::string to_text(const ScramVerifier& verifier);

// 1 to kMaxScramIterations, in decimal digits and nothing else.
[[nodiscard]] std::optional<std::uint32_t> parse_scram_iterations(std::string_view text);

// Costs `iterations` HMACs: about 2 ms for kScramIterations.
[[nodiscard]] ScramKeys derive_scram_keys(std::string_view password, std::string_view salt, std::uint32_t iterations);
[[nodiscard]] ScramVerifier derive_scram_verifier(std::string_view password, std::string_view salt,
                                                  std::uint32_t iterations = kScramIterations);

// For a user who does not exist: an exchange with it looks real, with the same salt each time. `size`: 1 to kMaxScramSalt.
[[nodiscard]] std::string mock_scram_salt(std::string_view secret, std::string_view user, std::size_t size = kScramSaltSize);

// Does this password make this verifier? Costs its iterations, whatever the answer.
[[nodiscard]] bool matches(const ScramVerifier& verifier, std::string_view password);

// The server's end of one exchange.
class ScramServer {
  public:
    // `end_point`: the hash of the certificate that PLUS binds to; empty: PLUS is not offered.
    explicit ScramServer(RandomBytes random, std::string end_point = {})
        : random_(std::move(random)), end_point_(std::move(end_point)) {}

    // The client has chosen PLUS: it must bind, and must not otherwise.
    void use_plus() noexcept { plus_ = true; }

    // The client's first message → ours. Fails with 08P01 (malformed, an over-long nonce, 'p' without PLUS or none with it,
    // or 'y' though PLUS was offered: somebody has taken it out of our list) or 0A000 (an authorisation identity, an unknown
    // extension or kind of binding).
    [[nodiscard]] Result<std::string, Fault> first(std::string_view message, std::string_view salt,
                                                   std::uint32_t iterations);

    // The client's last message → ours, with the signature. Fails with 08P01 when malformed, and with 28P01 and an empty
    // message for a wrong proof. `verifier` has the salt and iterations that first() was given.
    [[nodiscard]] Result<std::string, Fault> final(std::string_view message, const ScramVerifier& verifier);

    // The ClientKey recovered from the right proof: 32 bytes, or empty.
    [[nodiscard]] const std::string& client_key() const noexcept { return client_key_; }

  private:
    [[nodiscard]] bool check_proof(std::string_view proof, std::string_view auth_message, const ScramVerifier& verifier);

    [[nodiscard]] Result<std::size_t, Fault> gs2_size(std::string_view message) const;

    RandomBytes random_;
    std::string end_point_;
    bool plus_ = false;
    std::string gs2_header_, client_first_bare_, server_first_, nonce_;
    std::string client_key_;
};

// The client's end of one exchange. Fails with 08P01 for what a right server does not send.
class ScramClient {
  public:
    ScramClient(std::string password, RandomBytes random) : password_(std::move(password)), random_(std::move(random)) {}
    // With the keys of this server's verifier, instead of the password.
    ScramClient(ScramKeys keys, RandomBytes random) : keys_(std::move(keys)), random_(std::move(random)) {}

    // Empty if there is no randomness.
    [[nodiscard]] std::string first();
    // The server's first message → our last. Refuses a foreign or over-long nonce, no salt, and iterations of 0 or
    // above kMaxServerIterations.
    [[nodiscard]] Result<std::string, Fault> final(std::string_view server_first);
    // Does the server know the verifier? A message that is not a signature is a fault; a server's own error ("e=") is 28P01.
    [[nodiscard]] std::optional<Fault> verify(std::string_view server_final);

  private:
    std::string password_;
    ScramKeys keys_;
    RandomBytes random_;
    std::string nonce_, client_first_bare_, auth_message_;
};

}  // namespace pgweir::protocol
