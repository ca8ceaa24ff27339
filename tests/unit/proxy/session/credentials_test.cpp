#include "proxy/session/credentials.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "protocol/md5_auth.hpp"
#include "tests/unit/proxy/session/login_support.hpp"

namespace pgweir::session {
namespace {

const std::string kSaltSecret(32, 's');

TEST(Credentials, KnowPostgresqlsForms) {
    const std::string md5 = protocol::md5_stored("secret", "u");
    struct Case {
        std::string password;
        Credentials::Kind kind;
    };
    const Case cases[] = {
        {"", Credentials::Kind::none},
        {"secret", Credentials::Kind::plain},
        {md5, Credentials::Kind::md5},
        {"md5short", Credentials::Kind::plain},
        {scram_text("secret"), Credentials::Kind::scram},
        {"SCRAM-SHA-256$broken", Credentials::Kind::none},  // never taken for a plain password
        {"SCRAM-SHA-256$0:c2FsdA==$x:y", Credentials::Kind::none},
        {"scram-sha-256", Credentials::Kind::plain},
    };
    for (const Case& c : cases) EXPECT_EQ(Credentials("u", c.password, kSaltSecret).kind(), c.kind) << c.password;
}

TEST(Credentials, MatchOnlyTheRightPassword) {
    for (const std::string& stored :
         {std::string("secret"), protocol::md5_stored("secret", "u"), scram_text("secret")}) {
        const Credentials credentials("u", stored, kSaltSecret);
        EXPECT_TRUE(credentials.matches("u", "secret")) << stored;
        for (const std::string& wrong :
             {std::string(), std::string("Secret"), std::string("secre"), std::string("secret "),
              std::string("secret\0", 7), std::string(60'000, 'x')}) {
            EXPECT_FALSE(credentials.matches("u", wrong)) << stored;
        }
    }
    // What is stored is not itself a password.
    const std::string md5 = protocol::md5_stored("secret", "u");
    EXPECT_FALSE(Credentials("u", md5, kSaltSecret).matches("u", md5));
    EXPECT_FALSE(Credentials("u", md5, kSaltSecret).matches("v", "secret"));  // the name is in the hash
    const std::string scram = scram_text("secret");
    EXPECT_FALSE(Credentials("u", scram, kSaltSecret).matches("u", scram));
    for (const char* none : {"", "SCRAM-SHA-256$broken"}) {
        EXPECT_FALSE(Credentials("u", none, kSaltSecret).matches("u", none));
        EXPECT_FALSE(Credentials("u", none, kSaltSecret).matches("u", ""));
    }
}

TEST(Credentials, VerifiersOfEachKind) {
    const Credentials plain("u", "secret", kSaltSecret);
    ASSERT_NE(plain.verifier(), nullptr);
    EXPECT_TRUE(protocol::matches(*plain.verifier(), "secret"));
    EXPECT_EQ(plain.verifier()->salt, plain.scram_salt());
    EXPECT_EQ(plain.verifier(), plain.verifier());
    EXPECT_EQ(plain.md5_hash(), protocol::md5_stored("secret", "u"));
    const Credentials scram("u", scram_text("secret"), kSaltSecret);
    EXPECT_EQ(to_text(*scram.verifier()), scram_text("secret"));
    EXPECT_EQ(scram.md5_hash(), "");
    EXPECT_EQ(scram.password(), "");
    EXPECT_EQ(Credentials("u", protocol::md5_stored("secret", "u"), kSaltSecret).verifier(), nullptr);
    EXPECT_EQ(Credentials("u", "", kSaltSecret).verifier(), nullptr);
}

// The workers share the directory: the first use may come from several at once.
TEST(Credentials, AreDerivedOnceByManyWorkers) {
    const Credentials plain("u", "secret", kSaltSecret);
    std::vector<const protocol::ScramVerifier*> seen(4);
    std::vector<std::thread> workers;
    for (auto& place : seen) workers.emplace_back([&plain, &place] { place = plain.verifier(); });
    for (auto& worker : workers) worker.join();
    for (const auto* verifier : seen) EXPECT_EQ(verifier, seen.front());
}

TEST(UserDirectory, FindsUsers) {
    const UserDirectory users(some_users(config::AuthType::scram_sha_256));
    ASSERT_NE(users.find(kScram), nullptr);
    EXPECT_EQ(users.find(kScram)->name, kScram);
    EXPECT_TRUE(users.find(kScram)->admin);
    EXPECT_FALSE(users.find(kPlain)->admin);
    EXPECT_EQ(users.find("PLAIN"), nullptr);
    EXPECT_EQ(users.find(""), nullptr);
    EXPECT_EQ(users.find("unknown"), nullptr);
}

// An unknown name is shown what a known one with a plain password would be: the same salt at each attempt.
TEST(UserDirectory, UnknownNamesLookLikeKnownOnes) {
    const config::Config config = some_users(config::AuthType::scram_sha_256, {kPlain});
    const UserDirectory users(config), others(config);
    const protocol::ScramVerifier mock = users.mock_verifier(kPlain);
    EXPECT_EQ(mock.salt, users.find(kPlain)->credentials.scram_salt());
    EXPECT_EQ(mock.iterations, users.find(kPlain)->credentials.scram_iterations());
    EXPECT_EQ(users.mock_verifier("eve").salt, users.mock_verifier("eve").salt);
    EXPECT_NE(users.mock_verifier("eve").salt, others.mock_verifier("eve").salt);
    EXPECT_EQ(mock.stored_key.size(), protocol::kScramKeySize);
    EXPECT_EQ(mock.server_key.size(), protocol::kScramKeySize);
    EXPECT_NE(mock.stored_key, mock.server_key);
    EXPECT_NE(mock.stored_key, others.mock_keys().stored_key);
    EXPECT_EQ(mock.stored_key, users.mock_keys().stored_key);
}

TEST(UserDirectory, UnknownNamesHaveAKindThatKnownOnesHave) {
    const auto kind = [](std::vector<std::string_view> which, std::string query = "") {
        config::Config config = some_users(config::AuthType::md5, std::move(which));
        config.proxy.auth_query = std::move(query);
        return UserDirectory(config).mock_kind("eve");
    };
    EXPECT_EQ(kind({}), Credentials::Kind::plain);
    EXPECT_EQ(kind({kNone}), Credentials::Kind::plain);
    EXPECT_EQ(kind({kMd5, kNone}), Credentials::Kind::md5);
    EXPECT_EQ(kind({kScram}), Credentials::Kind::scram);
    EXPECT_EQ(kind({kPlain}), Credentials::Kind::plain);
    for (const std::string_view known : {kNone, kMd5, kPlain}) EXPECT_EQ(kind({known}, "SELECT"), Credentials::Kind::scram);
}

TEST(UserDirectory, HasTheUsersOfTheFile) {
    config::Config config = some_users(config::AuthType::scram_sha_256, {kPlain});
    config.file_users.push_back({.name = "filed", .password = "x", .admin = false});
    const UserDirectory users(config);
    ASSERT_NE(users.find("filed"), nullptr);
    EXPECT_EQ(users.find("filed")->credentials.password(), "x");
    EXPECT_FALSE(users.find("filed")->admin);
}

TEST(UserDirectory, AReloadKeepsWhatHasNotChanged) {
    config::Config config;
    config.users = {{.name = "same", .password = "p"}, {.name = "other", .password = "p"}, {.name = "risen", .password = "p"}};
    const UserDirectory before(config);
    config.users[1].password = "q";
    config.users[2].admin = true;
    const UserDirectory after(config, {}, &before);
    EXPECT_EQ(after.find("same"), before.find("same")) << "nothing is derived again";
    EXPECT_NE(after.find("other"), before.find("other"));
    EXPECT_TRUE(after.find("other")->credentials.matches("other", "q"));
    EXPECT_FALSE(after.find("other")->credentials.matches("other", "p"));
    EXPECT_TRUE(after.find("risen")->admin);
    // A name that was unknown and still is must be shown the same salt.
    EXPECT_EQ(after.mock_verifier("nobody").salt, before.mock_verifier("nobody").salt);
}

}  // namespace
}  // namespace pgweir::session
