// Who may log in, and what is known of their passwords: [[user]] and auth_file, ready for use; and who is found by auth_query.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.hpp"
#include "protocol/scram.hpp"

namespace pgweir::session {

// One user's secret. Immutable but for the verifier of a plain password, which is derived once, at its first use, by
// whichever worker comes first.
class Credentials {
  public:
    enum class Kind : std::uint8_t { none, plain, md5, scram };

    // `password` in one of PostgreSQL's forms; empty, or a verifier that cannot be read: none, so nobody gets in.
    // `salt_secret` makes the salt of a plain password's verifier, the same for the life of the directory.
    Credentials(std::string_view user, std::string_view password, std::string_view salt_secret);
    ~Credentials();
    Credentials(const Credentials&) = delete;
    Credentials& operator=(const Credentials&) = delete;

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    // The plain password; empty unless kind() is plain.
    [[nodiscard]] const std::string& password() const noexcept { return plain_; }
    // "md5…", also of a plain password; empty for other kinds.
    [[nodiscard]] const std::string& md5_hash() const noexcept { return md5_; }
    // What a SCRAM exchange starts with; costs nothing.
    [[nodiscard]] const std::string& scram_salt() const noexcept { return scram_.salt; }
    [[nodiscard]] std::uint32_t scram_iterations() const noexcept { return scram_.iterations; }
    // The verifier: for plain passwords its first call costs about 2 ms. Null for none and md5.
    [[nodiscard]] const protocol::ScramVerifier* verifier() const;
    // Does this plain password match? In constant time for one kind and length.
    [[nodiscard]] bool matches(std::string_view user, std::string_view password) const;

  private:
    Kind kind_ = Kind::none;
    std::string plain_, md5_;
    protocol::ScramVerifier scram_;  // without keys when the password is plain
    mutable std::atomic<const protocol::ScramVerifier*> derived_{nullptr};  // owned
};

struct UserEntry {
    std::string name;
    std::string password;  // as configured; of somebody whom auth_query has found: empty
    Credentials credentials;
    bool admin = false;
};

// All users. Immutable: made by the control thread, shared by the workers as const.
class UserDirectory {
  public:
    // Throws std::runtime_error without randomness. With auth_type scram-sha-256 it derives the verifiers of plain passwords:
    // 2 ms each, so that no client's first login is slower than an unknown user's.
    // `salt_secret` makes the salts of plain passwords and of unknown names: kept over a restart, it keeps these, too. Empty:
    // a new one. `before`: the directory that this one replaces, or null. Who has not changed is taken from there, and so is
    // the secret: a reload must not tell who is known.
    explicit UserDirectory(const config::Config& config, std::string salt_secret = {}, const UserDirectory* before = nullptr);
    // A new secret for the above. Throws std::runtime_error without randomness.
    [[nodiscard]] static std::string new_salt_secret();

    // Somebody whom auth_query has found. Never an admin.
    [[nodiscard]] std::unique_ptr<const UserEntry> found(std::string_view name, std::string_view password) const;

    // Null for an unknown name. Lives as long as the directory.
    [[nodiscard]] const UserEntry* find(std::string_view name) const;

    // For an unknown name, the credentials that nothing matches: those of a user chosen by the name, without the secret.
    // Among many names the unknown ones look as the known ones do (kind, iterations, length of the salt), with auth_query as
    // a verifier of PostgreSQL's; and each looks the same at every attempt, so that names cannot be probed.
    [[nodiscard]] Credentials::Kind mock_kind(std::string_view name) const { return shape_of(name).kind; }
    [[nodiscard]] protocol::ScramVerifier mock_verifier(std::string_view name) const;
    // The keys of each of those, without the rest.
    [[nodiscard]] const protocol::ScramVerifier& mock_keys() const noexcept { return mock_keys_; }

  private:
    // What a login shows of a user's credentials.
    struct Shape {
        Credentials::Kind kind = Credentials::Kind::plain;
        std::uint32_t iterations = protocol::kScramIterations;
        std::size_t salt_size = protocol::kScramSaltSize;
        friend bool operator==(const Shape&, const Shape&) = default;
    };
    void add(const config::User& user, bool derive, const UserDirectory* before);
    [[nodiscard]] Shape shape_of(std::string_view name) const;

    std::string secret_;  // of the salts
    protocol::ScramVerifier mock_keys_;
    std::unordered_map<std::string_view, std::shared_ptr<const UserEntry>> users_;  // keys are views of the entries' names
    std::vector<Shape> shapes_;  // that unknown names may have; never empty, and only one when all are the same
};

}  // namespace pgweir::session
