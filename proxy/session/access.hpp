// The rules of who may come in, and how: [[access]] ready for use. As pg_hba.conf: the first rule that matches counts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/network.hpp"

namespace pgweir::session {

// Who is at the door.
struct Applicant {
    std::optional<config::Address> address;  // none: it could not be found out, and only "all" matches
    std::string_view user, database;
    bool physical_replication = false;  // replication=true: not of a database
    bool tls = false;
};

class AccessRules {
  public:
    // The addresses have passed the configuration's checks; one that is no address matches nobody.
    explicit AccessRules(const std::vector<config::Access>& rules);

    struct Rule {
        std::string name;
        config::AccessMethod method = config::AccessMethod::reject;
        config::AccessTls tls = config::AccessTls::any;
        bool any_address = false, any_user = false;
        bool any_database = false, same_user = false, replication = false;
        std::vector<config::Network> networks;
        std::vector<std::string> users, databases;
    };

    // Without rules, how to log in is proxy.auth_type's to say.
    [[nodiscard]] bool empty() const noexcept { return rules_.empty(); }
    // Null: no rule matches, and the client must not come in. Lives as long as the rules.
    [[nodiscard]] const Rule* find(const Applicant& who) const noexcept;

  private:
    std::vector<Rule> rules_;
};

// The rule's method for the four types of authentication.
[[nodiscard]] config::AccessMethod method_of(config::AuthType type) noexcept;

}  // namespace pgweir::session
