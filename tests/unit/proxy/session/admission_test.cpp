// ClientLogin with access rules and with users who are looked up (semantics.md H and I).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/error_fields.hpp"
#include "protocol/md5_auth.hpp"
#include "tests/unit/proxy/session/login_support.hpp"

namespace pgweir::session {
namespace {

using config::AccessMethod;
using config::AuthType;
using Step = ClientLogin::Step;

struct Talk {
    Talk(AuthType type, std::vector<config::Access> access, std::string_view address = "10.0.0.1")
        : users(some_users(type)), rules(access), login(users, type, &protocol::openssl_random, Encryption::offered) {
        login.admit_by(rules, config::parse_address(address), std::string(address));
    }

    // Tags and kinds of the answers: "R10", "E28P01".
    std::string say(std::string_view bytes) {
        std::string out;
        std::size_t consumed = 0;
        step = login.on_bytes(as_bytes(bytes), consumed, out);
        return gist(out);
    }
    std::string look_up(const LookupAnswer& answer) {
        std::string out;
        step = login.looked_up(answer, out);
        return gist(out);
    }
    std::string gist(const std::string& out) {
        std::string text;
        for (const auto& [tag, body] : messages(out)) {
            if (!text.empty()) text += ' ';
            text += tag;
            if (tag == 'R') text += std::to_string(load_be32(as_bytes(body)));
            if (tag != 'E') continue;
            const auto fields = protocol::parse_error_fields(as_bytes(body));
            text += fields.code;
            error = fields.message;
        }
        return text;
    }
    std::string password(std::string_view text) {
        std::string message;
        protocol::append_password(message, text);
        return say(message);
    }
    std::string scram(std::string_view pass) {
        protocol::ScramClient client{std::string(pass), protocol::openssl_random};
        std::string message, out;
        protocol::append_sasl_initial_response(message, protocol::kScramSha256, client.first());
        std::size_t consumed = 0;
        step = login.on_bytes(as_bytes(message), consumed, out);
        const auto asked = messages(out);
        if (asked.empty() || asked[0].first != 'R') return gist(out);
        server_first = asked[0].second.substr(4);
        const auto final = client.final(server_first);
        if (!final) return "?";
        message.clear();
        protocol::append_sasl_response(message, *final);
        return say(message);
    }

    UserDirectory users;
    AccessRules rules;
    ClientLogin login;
    Step step = Step::need_more;
    std::string error, server_first;
};

config::Access rule(std::string name, AccessMethod method) {
    config::Access access;
    access.name = std::move(name);
    access.method = method;
    return access;
}

std::string as(std::string_view user, std::string_view database, std::string_view replication = "") {
    protocol::Parameters parameters{{"user", std::string(user)}, {"database", std::string(database)}};
    if (!replication.empty()) parameters.emplace_back("replication", replication);
    return startup(parameters);
}

TEST(Admission, TheRuleSaysTheMethod) {
    const std::pair<AccessMethod, const char*> cases[] = {{AccessMethod::trust, "R0"},
                                                          {AccessMethod::password, "R3"},
                                                          {AccessMethod::md5, "R5"},
                                                          {AccessMethod::scram_sha_256, "R10"}};
    for (const auto& [method, asked] : cases) {
        for (const AuthType type : {AuthType::trust, AuthType::scram_sha_256}) {
            Talk talk(type, {rule("r", method)});
            EXPECT_EQ(talk.say(as(kPlain, "d")), asked);
            EXPECT_EQ(talk.login.rule(), "r");
        }
    }
}

TEST(Admission, WhoeverNoRuleMatchesIsKeptOut) {
    config::Access other = rule("local", AccessMethod::trust);
    other.address = {"127.0.0.1"};
    Talk talk(AuthType::trust, {other});
    EXPECT_EQ(talk.say(as(kPlain, "d")), "E28000");
    EXPECT_EQ(talk.step, Step::failed);
    EXPECT_EQ(talk.error, "no access rule for host \"10.0.0.1\", user \"plain\", database \"d\", no encryption");
    EXPECT_EQ(talk.login.rule(), "");
    EXPECT_FALSE(talk.login.failed_password());
    Talk physical(AuthType::trust, {rule("all", AccessMethod::trust)});
    EXPECT_EQ(physical.say(as(kPlain, "d", "true")), "E28000");
    EXPECT_EQ(physical.error,
              "no access rule for replication connection from host \"10.0.0.1\", user \"plain\", no encryption");
    Talk logical(AuthType::trust, {rule("all", AccessMethod::trust)});
    EXPECT_EQ(logical.say(as(kPlain, "d", "database")), "R0");
}

TEST(Admission, RejectedByARule) {
    Talk talk(AuthType::trust, {rule("no one", AccessMethod::reject), rule("all", AccessMethod::trust)});
    talk.login.encrypted("hash");
    for (const std::string_view user : {kPlain, std::string_view("eve")}) {
        Talk other(AuthType::trust, {rule("no one", AccessMethod::reject), rule("all", AccessMethod::trust)});
        other.login.encrypted("hash");
        EXPECT_EQ(other.say(as(user, "d")), "E28000") << "whether there is such a user";
        EXPECT_EQ(other.error, "access rules reject connection for host \"10.0.0.1\", user \"" + std::string(user) +
                                   "\", database \"d\", SSL encryption");
        EXPECT_EQ(other.login.rule(), "no one") << "for the log";
        EXPECT_EQ(other.error.find("no one"), std::string::npos) << "not for the client";
    }
}

TEST(Admission, Certificates) {
    struct Case {
        std::string_view user;
        std::optional<std::string> name;
        const char* answer;
        const char* error;
    };
    const Case cases[] = {
        {kPlain, "plain", "R0", ""},
        {kNone, "nobody", "R0", ""},  // known, and no password is needed
        {kPlain, "other", "E28000", "certificate authentication failed for user \"plain\""},
        {kPlain, "plain2", "E28000", "certificate authentication failed for user \"plain\""},
        {kPlain, "Plain", "E28000", "certificate authentication failed for user \"plain\""},
        {kPlain, std::string("plain\0x", 7), "E28000", "certificate authentication failed for user \"plain\""},
        {kPlain, "", "E28000", "certificate authentication failed for user \"plain\""},
        {"eve", "eve", "E28000", "certificate authentication failed for user \"eve\""},
        {kPlain, std::nullopt, "E28000", "connection requires a valid client certificate"}};
    for (const Case& c : cases) {
        Talk talk(AuthType::scram_sha_256, {rule("r", AccessMethod::cert)});
        talk.login.encrypted("hash", c.name);
        EXPECT_EQ(talk.say(as(c.user, "d")), c.answer) << c.name.value_or("-");
        EXPECT_EQ(talk.error, c.error);
    }
    Talk plain(AuthType::scram_sha_256, {rule("r", AccessMethod::cert)});
    EXPECT_EQ(plain.say(as(kPlain, "d")), "E28000") << "without TLS there is none";
    // Nobody is looked up for a certificate of somebody else.
    Talk foreign(AuthType::scram_sha_256, {rule("r", AccessMethod::cert)});
    foreign.login.look_up_unknown();
    foreign.login.encrypted("hash", "other");
    EXPECT_EQ(foreign.say(as("eve", "d")), "E28000");
    Talk own(AuthType::scram_sha_256, {rule("r", AccessMethod::cert)});
    own.login.look_up_unknown();
    own.login.encrypted("hash", "eve");
    EXPECT_EQ(own.say(as("eve", "d")), "");
    EXPECT_EQ(own.step, Step::lookup);
    EXPECT_EQ(own.look_up({.password = scram_text("secret"), .error = {}}), "R0");
}

// ---- who is looked up

struct Looked : Talk {
    explicit Looked(AuthType type) : Talk(type, {}) { login.look_up_unknown(); }
};

TEST(Lookup, OnlyTheUnknownAre) {
    for (const std::string_view user : {kPlain, kMd5, kScram, kNone}) {
        Looked talk(AuthType::scram_sha_256);
        EXPECT_EQ(talk.say(as(user, "d")), "") << user;
        EXPECT_EQ(talk.step, Step::pause) << "not before one would be who is looked up";
        EXPECT_EQ(talk.look_up({.password = scram_text("other"), .error = "ignored"}), "R10") << user;
        EXPECT_EQ(talk.scram("secret"), user == kPlain || user == kScram ? "R12 R0" : "E28P01") << user;
    }
    Looked trusted(AuthType::trust);
    EXPECT_EQ(trusted.say(as(kPlain, "d")), "R0");
    Looked talk(AuthType::scram_sha_256);
    EXPECT_EQ(talk.say(as("eve", "d")), "");
    EXPECT_EQ(talk.step, Step::lookup);
    EXPECT_EQ(talk.login.result().user, "eve");
    EXPECT_EQ(talk.login.result().database, "d");
}

TEST(Lookup, AFoundUserLogsInAndIsNoAdmin) {
    Looked talk(AuthType::scram_sha_256);
    (void)talk.say(as("eve", "d"));
    EXPECT_EQ(talk.look_up({.password = scram_text("secret"), .error = {}}), "R10");
    EXPECT_EQ(talk.step, Step::need_more);
    EXPECT_EQ(talk.scram("secret"), "R12 R0");
    EXPECT_EQ(talk.step, Step::authenticated);
    EXPECT_FALSE(talk.login.result().admin);
    EXPECT_EQ(protocol::sha256(talk.login.result().client_key),
              protocol::parse_scram_verifier(scram_text("secret"))->stored_key);
    Looked md5(AuthType::md5);
    (void)md5.say(as("eve", "d"));
    EXPECT_EQ(md5.look_up({.password = protocol::md5_stored("secret", "eve"), .error = {}}), "R5");
    Looked clear(AuthType::password);
    (void)clear.say(as("eve", "d"));
    EXPECT_EQ(clear.look_up({.password = protocol::md5_stored("secret", "eve"), .error = {}}), "R3");
    EXPECT_EQ(clear.password("secret"), "R0");
    EXPECT_EQ(clear.login.result().md5_hash, protocol::md5_stored("secret", "eve"));
}

// Bytes that came with the startup packet are for after the answer.
TEST(Lookup, GoesOnWithTheBytesBehind) {
    Looked talk(AuthType::password);
    std::string in = as("eve", "d");
    const std::size_t first = in.size();
    protocol::append_password(in, "secret");
    std::string out;
    std::size_t consumed = 0;
    EXPECT_EQ(talk.login.on_bytes(as_bytes(in), consumed, out), Step::lookup);
    EXPECT_EQ(consumed, first);
    EXPECT_EQ(talk.look_up({.password = "secret", .error = {}}), "R3");
    EXPECT_EQ(talk.say(std::string_view(in).substr(first)), "R0");
}

// semantics.md I: nobody comes in by a failure, an empty password, or a verifier that cannot be read.
TEST(Lookup, WhoeverIsNotFoundStaysOut) {
    for (const std::string& stored : {std::string(), std::string("SCRAM-SHA-256$broken")}) {
        Looked scram(AuthType::scram_sha_256);
        (void)scram.say(as("eve", "d"));
        EXPECT_EQ(scram.look_up({.password = stored, .error = {}}), "R10");
        EXPECT_EQ(scram.scram(stored.empty() ? "x" : stored), "E28P01");
        EXPECT_TRUE(scram.login.failed_password());
        Looked trust(AuthType::trust);
        (void)trust.say(as("eve", "d"));
        EXPECT_EQ(trust.look_up({.password = stored, .error = {}}), "E28000");
        EXPECT_TRUE(trust.login.failed_password());
        Looked clear(AuthType::password);
        (void)clear.say(as("eve", "d"));
        EXPECT_EQ(clear.look_up({.password = stored, .error = {}}), "R3");
        EXPECT_EQ(clear.password(stored), "E28P01");
    }
    for (const AuthType type : {AuthType::trust, AuthType::password, AuthType::md5, AuthType::scram_sha_256}) {
        Looked failed(type);
        (void)failed.say(as("eve", "d"));
        EXPECT_EQ(failed.look_up({.password = scram_text("secret"), .error = "the server\nis gone"}), "E08006");
        EXPECT_EQ(failed.step, Step::failed);
        EXPECT_EQ(failed.error, "the user could not be looked up (auth_query)") << "the reason is for the log";
        EXPECT_EQ(failed.login.failure(), "the user could not be looked up (auth_query): the server?is gone");
    }
}

// ---- what tells whether a user exists

// Every message but random parts, for a wrong password: equal for a user who is found and one who is not.
TEST(Probing, FoundAndNotFoundLookTheSame) {
    config::Config config;
    config.proxy.auth_query = "SELECT";
    const std::string stored = to_text(protocol::derive_scram_verifier("secret", "sixteen  bytes!!"));
    for (const AuthType type : {AuthType::password, AuthType::md5, AuthType::scram_sha_256}) {
        std::vector<std::string> said;
        for (const std::string& password : {stored, std::string()}) {
            const UserDirectory users(config);
            ClientLogin login(users, type);
            login.look_up_unknown();
            std::string in = as("eve", "d"), out;
            std::size_t consumed = 0;
            ASSERT_EQ(login.on_bytes(as_bytes(in), consumed, out), Step::lookup);
            ASSERT_EQ(login.looked_up({.password = password, .error = {}}, out), Step::need_more);
            in.clear();
            if (type == AuthType::password) {
                protocol::append_password(in, "wrong");
            } else {
                protocol::append_sasl_initial_response(in, protocol::kScramSha256, "n,,n=,r=abc");
            }
            (void)login.on_bytes(as_bytes(in), consumed, out);
            std::string seen;
            for (const auto& [tag, body] : messages(out)) {
                seen += tag;
                const std::size_t salt = body.find(",s=");
                // The kind, the sizes of nonce and salt, and the iterations.
                seen += salt == std::string::npos
                            ? body
                            : std::to_string(salt) + body.substr(body.rfind(",i=")) + std::to_string(body.size());
            }
            said.push_back(seen);
        }
        EXPECT_EQ(said[0], said[1]);
    }
}

// Known users of several kinds: unknown names are spread over their kinds, iterations and salts, and each stays what it
// is.
TEST(Probing, UnknownNamesLookLikeSomeKnownOne) {
    config::Config config = some_users(AuthType::md5, {kMd5, kScram});
    const UserDirectory users(config);
    std::size_t md5 = 0, scram = 0;
    for (int i = 0; i < 200; ++i) {
        const std::string name = "name" + std::to_string(i);
        const auto kind = users.mock_kind(name);
        EXPECT_EQ(users.mock_kind(name), kind);
        (kind == Credentials::Kind::md5 ? md5 : scram) += 1;
        const auto mock = users.mock_verifier(name);
        EXPECT_EQ(mock.iterations, kind == Credentials::Kind::scram ? 5U : protocol::kScramIterations);
        EXPECT_EQ(mock.salt.size(), kind == Credentials::Kind::scram ? 17U : 16U);
        EXPECT_EQ(mock.salt, users.mock_verifier(name).salt);
    }
    EXPECT_GT(md5, 50U);
    EXPECT_GT(scram, 50U);
}

TEST(Probing, LongSalts) {
    const std::string salt = protocol::mock_scram_salt("secret", "user", 100);
    EXPECT_EQ(salt.size(), 100U);
    EXPECT_NE(salt.substr(0, 32), salt.substr(32, 32));
    EXPECT_EQ(salt.substr(0, 16), protocol::mock_scram_salt("secret", "user"));
}

}  // namespace
}  // namespace pgweir::session
