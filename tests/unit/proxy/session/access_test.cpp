// [[access]]: as pg_hba.conf matches.
#include "proxy/session/access.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pgweir::session {
namespace {

using Strings = std::vector<std::string>;
using config::AccessMethod;
using config::AccessTls;

Applicant who(std::string_view address, std::string_view user, std::string_view database, bool tls = false,
              bool physical = false) {
    return {config::parse_address(address), user, database, physical, tls};
}

// The name of the rule that counts, or "-".
std::string found(const AccessRules& rules, const Applicant& applicant) {
    const AccessRules::Rule* rule = rules.find(applicant);
    return rule == nullptr ? "-" : rule->name;
}

config::Access rule(std::string name, Strings address, Strings database, Strings user, AccessTls tls = AccessTls::any) {
    return {std::move(name), std::move(address), std::move(database), std::move(user), tls, AccessMethod::trust};
}

TEST(Access, WithoutRules) {
    EXPECT_TRUE(AccessRules({}).empty());
    EXPECT_EQ(found(AccessRules({}), who("1.2.3.4", "u", "d")), "-");
}

TEST(Access, TheFirstThatMatchesCounts) {
    const AccessRules rules({rule("one", {"10.0.0.0/8"}, {"all"}, {"all"}),
                             rule("two", {"10.0.0.1", "::1"}, {"all"}, {"all"}),
                             rule("three", {"all"}, {"all"}, {"u"})});
    EXPECT_FALSE(rules.empty());
    EXPECT_EQ(found(rules, who("10.0.0.1", "x", "d")), "one");
    EXPECT_EQ(found(rules, who("::ffff:10.9.9.9", "x", "d")), "one");
    EXPECT_EQ(found(rules, who("::1", "x", "d")), "two");
    EXPECT_EQ(found(rules, who("::2", "u", "d")), "three");
    EXPECT_EQ(found(rules, who("11.0.0.1", "x", "d")), "-");
    EXPECT_EQ(found(rules, who("unix", "u", "d")), "three") << "where no address is known only \"all\" matches";
    EXPECT_EQ(found(rules, who("unix", "x", "d")), "-");
}

TEST(Access, Databases) {
    const AccessRules names({rule("r", {"all"}, {"a", "b"}, {"all"})});
    EXPECT_EQ(found(names, who("::1", "u", "a")), "r");
    EXPECT_EQ(found(names, who("::1", "u", "b")), "r");
    EXPECT_EQ(found(names, who("::1", "u", "c")), "-");
    EXPECT_EQ(found(names, who("::1", "u", "A")), "-");
    const AccessRules same({rule("r", {"all"}, {"sameuser"}, {"all"})});
    EXPECT_EQ(found(same, who("::1", "u", "u")), "r");
    EXPECT_EQ(found(same, who("::1", "u", "d")), "-");
    EXPECT_EQ(found(same, who("::1", "u", "sameuser")), "-") << "a word, not a name";
}

TEST(Access, PhysicalReplicationIsNoDatabase) {
    const AccessRules all({rule("r", {"all"}, {"all", "d", "sameuser"}, {"all"})});
    EXPECT_EQ(found(all, who("::1", "d", "d", false, true)), "-");
    const AccessRules replication({rule("r", {"all"}, {"replication"}, {"u"})});
    EXPECT_EQ(found(replication, who("::1", "u", "d", false, true)), "r");
    EXPECT_EQ(found(replication, who("::1", "x", "d", false, true)), "-");
    EXPECT_EQ(found(replication, who("::1", "u", "replication")), "-") << "a database of that name";
}

TEST(Access, UsersAndTls) {
    const AccessRules rules({rule("only", {"all"}, {"all"}, {"u", "v"}, AccessTls::only),
                             rule("none", {"all"}, {"all"}, {"u"}, AccessTls::none)});
    EXPECT_EQ(found(rules, who("::1", "u", "d", true)), "only");
    EXPECT_EQ(found(rules, who("::1", "v", "d", true)), "only");
    EXPECT_EQ(found(rules, who("::1", "u", "d", false)), "none");
    EXPECT_EQ(found(rules, who("::1", "v", "d", false)), "-");
    EXPECT_EQ(found(rules, who("::1", "U", "d", true)), "-");
}

TEST(Access, EveryTypeOfAuthenticationIsAMethod) {
    EXPECT_EQ(method_of(config::AuthType::trust), AccessMethod::trust);
    EXPECT_EQ(method_of(config::AuthType::password), AccessMethod::password);
    EXPECT_EQ(method_of(config::AuthType::md5), AccessMethod::md5);
    EXPECT_EQ(method_of(config::AuthType::scram_sha_256), AccessMethod::scram_sha_256);
}

}  // namespace
}  // namespace pgweir::session
