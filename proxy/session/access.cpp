#include "proxy/session/access.hpp"

#include <algorithm>

namespace pgweir::session {

namespace {

constexpr std::string_view kAll = "all", kSameUser = "sameuser", kReplication = "replication";

bool contains(const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

AccessRules::Rule ready(const config::Access& access) {
    AccessRules::Rule rule;
    rule.name = access.name;
    rule.method = access.method;
    rule.tls = access.tls;
    rule.any_address = contains(access.address, kAll);
    for (const std::string& text : access.address) {
        if (const auto network = config::parse_network(text)) rule.networks.push_back(*network);
    }
    rule.any_user = contains(access.user, kAll);
    rule.users = access.user;
    rule.any_database = contains(access.database, kAll);
    rule.same_user = contains(access.database, kSameUser);
    rule.replication = contains(access.database, kReplication);
    rule.databases = access.database;
    // These are words here, not names: a database that is called so must not be matched by its name.
    std::erase_if(rule.databases,
                  [](const std::string& name) { return name == kAll || name == kSameUser || name == kReplication; });
    return rule;
}

bool matches_tls(config::AccessTls wanted, bool tls) noexcept {
    switch (wanted) {
        case config::AccessTls::any:
            return true;
        case config::AccessTls::only:
            return tls;
        case config::AccessTls::none:
            return !tls;
    }
    return false;
}

bool matches_address(const AccessRules::Rule& rule, const std::optional<config::Address>& address) noexcept {
    if (rule.any_address) return true;
    return address && std::any_of(rule.networks.begin(), rule.networks.end(),
                                  [&](const config::Network& network) { return network.contains(*address); });
}

bool matches_database(const AccessRules::Rule& rule, const Applicant& who) noexcept {
    if (who.physical_replication) return rule.replication;
    return rule.any_database || (rule.same_user && who.database == who.user) || contains(rule.databases, who.database);
}

}  // namespace

AccessRules::AccessRules(const std::vector<config::Access>& rules) {
    std::transform(rules.begin(), rules.end(), std::back_inserter(rules_), ready);
}

const AccessRules::Rule* AccessRules::find(const Applicant& who) const noexcept {
    const auto found = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& rule) {
        return matches_tls(rule.tls, who.tls) && matches_address(rule, who.address) && matches_database(rule, who) &&
               (rule.any_user || contains(rule.users, who.user));
    });
    return found == rules_.end() ? nullptr : &*found;
}

config::AccessMethod method_of(config::AuthType type) noexcept {
    switch (type) {
        case config::AuthType::trust:
            return config::AccessMethod::trust;
        case config::AuthType::password:
            return config::AccessMethod::password;
        case config::AuthType::md5:
            return config::AccessMethod::md5;
        case config::AuthType::scram_sha_256:
            return config::AccessMethod::scram_sha_256;
    }
    return config::AccessMethod::reject;
}

}  // namespace pgweir::session
