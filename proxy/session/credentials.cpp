#include "proxy/session/credentials.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>

#include "protocol/bytes.hpp"
#include "protocol/md5_auth.hpp"

namespace pgweir::session {

namespace {

constexpr std::string_view kScramPrefix = "SCRAM-SHA-256$";
constexpr std::size_t kSecretSize = 32;
// Of a verifier that a plain password is held against: the work is the worker's, for whoever comes (a tenth of a second).
constexpr std::uint32_t kMaxMatchedIterations = 100'000;

bool asks_for_scram(const config::Config& config) {
    if (config.access.empty()) return config.proxy.auth_type == config::AuthType::scram_sha_256;
    return std::any_of(config.access.begin(), config.access.end(),
                       [](const config::Access& rule) { return rule.method == config::AccessMethod::scram_sha_256; });
}

}  // namespace

Credentials::Credentials(std::string_view user, std::string_view password, std::string_view salt_secret) {
    if (password.empty()) return;
    if (protocol::is_md5_stored(password)) {
        kind_ = Kind::md5;
        md5_ = password;
    } else if (password.starts_with(kScramPrefix)) {
        auto verifier = protocol::parse_scram_verifier(password);
        if (!verifier) return;
        kind_ = Kind::scram;
        scram_ = std::move(*verifier);
    } else {
        kind_ = Kind::plain;
        plain_ = password;
        md5_ = protocol::md5_stored(password, user);
        // The very salt and count that this name would be shown if it were unknown.
        scram_.salt = protocol::mock_scram_salt(salt_secret, user);
        scram_.iterations = protocol::kScramIterations;
    }
}

Credentials::~Credentials() { delete derived_.load(std::memory_order_acquire); }

const protocol::ScramVerifier* Credentials::verifier() const {
    if (kind_ == Kind::scram) return &scram_;
    if (kind_ != Kind::plain) return nullptr;
    const protocol::ScramVerifier* known = derived_.load(std::memory_order_acquire);
    if (known != nullptr) return known;
    auto made = std::make_unique<const protocol::ScramVerifier>(
        protocol::derive_scram_verifier(plain_, scram_.salt, scram_.iterations));
    // Two workers may both have derived it; the first to store wins, and both results are equal.
    if (!derived_.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel)) return known;
    return made.release();
}

bool Credentials::matches(std::string_view user, std::string_view password) const {
    // No password holds a NUL, and HMAC would not see one at the end: it pads its key with them.
    if (password.find('\0') != std::string_view::npos) return false;
    switch (kind_) {
        case Kind::none:
            return false;
        // Digests are compared, so that not even the length shows.
        case Kind::plain:
            return protocol::constant_time_equal(protocol::sha256(password), protocol::sha256(plain_));
        case Kind::md5:
            return protocol::constant_time_equal(protocol::md5_stored(password, user), md5_);
        case Kind::scram:
            return scram_.iterations <= kMaxMatchedIterations && protocol::matches(scram_, password);
    }
    return false;
}

std::string UserDirectory::new_salt_secret() {
    std::array<std::byte, kSecretSize> bytes;
    if (!protocol::openssl_random(bytes)) throw std::runtime_error("no random bytes for the salts of passwords");
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

UserDirectory::UserDirectory(const config::Config& config, std::string salt_secret, const UserDirectory* before)
    : secret_(before != nullptr ? before->secret_ : salt_secret.empty() ? new_salt_secret() : std::move(salt_secret)) {
    mock_keys_.stored_key = protocol::hmac_sha256(secret_, "stored:");
    mock_keys_.server_key = protocol::hmac_sha256(secret_, "server:");
    const bool derive = asks_for_scram(config);
    for (const config::User& user : config.users) add(user, derive, before);
    for (const config::User& user : config.file_users) add(user, derive, before);
    // Unknown names have to look as those do whom auth_query finds: they have what PostgreSQL makes of passwords.
    if (!config.proxy.auth_query.empty()) shapes_ = {{.kind = Credentials::Kind::scram}};
    if (shapes_.empty()) shapes_.emplace_back();
    if (std::ranges::count(shapes_, shapes_.front()) == std::ssize(shapes_)) shapes_.resize(1);
}

void UserDirectory::add(const config::User& user, bool derive, const UserDirectory* before) {
    const auto known = before != nullptr ? before->users_.find(user.name) : users_.end();
    std::shared_ptr<const UserEntry> entry;
    if (before != nullptr && known != before->users_.end() &&
        protocol::constant_time_equal(known->second->password, user.password) &&
        known->second->admin == user.admin) {
        entry = known->second;
    } else {  // by hand: an entry cannot be moved
        entry.reset(new UserEntry{user.name, user.password, Credentials(user.name, user.password, secret_), user.admin});
    }
    const Credentials& credentials = entry->credentials;
    // Derived now, not at the first login: that one would take longer, and tell that the name exists.
    if (derive) (void)credentials.verifier();
    if (credentials.kind() == Credentials::Kind::scram) {
        shapes_.push_back({Credentials::Kind::scram, credentials.scram_iterations(), credentials.scram_salt().size()});
    } else if (credentials.kind() != Credentials::Kind::none) {
        shapes_.push_back({.kind = credentials.kind()});
    }
    const std::string_view name = entry->name;
    users_.emplace(name, std::move(entry));
}

const UserEntry* UserDirectory::find(std::string_view name) const {
    const auto found = users_.find(name);
    return found == users_.end() ? nullptr : found->second.get();
}

std::unique_ptr<const UserEntry> UserDirectory::found(std::string_view name, std::string_view password) const {
    return std::unique_ptr<const UserEntry>(
        new UserEntry{std::string(name), {}, Credentials(name, password, secret_), false});
}

UserDirectory::Shape UserDirectory::shape_of(std::string_view name) const {
    if (shapes_.size() == 1) return shapes_.front();
    const std::string hash = protocol::hmac_sha256(secret_, std::string("shape:").append(name));
    if (hash.size() < 4) return shapes_.front();
    return shapes_[load_be32(as_bytes(hash)) % shapes_.size()];
}

protocol::ScramVerifier UserDirectory::mock_verifier(std::string_view name) const {
    const Shape shape = shape_of(name);
    return {shape.iterations, protocol::mock_scram_salt(secret_, name, shape.salt_size), mock_keys_.stored_key, mock_keys_.server_key};
}

}  // namespace pgweir::session
