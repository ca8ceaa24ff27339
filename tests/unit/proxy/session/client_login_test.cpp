#include "proxy/session/client_login.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/error_fields.hpp"
#include "protocol/md5_auth.hpp"
#include "tests/unit/proxy/session/login_support.hpp"

namespace pgweir::session {
namespace {

using namespace std::string_literals;
using config::AuthType;
using Step = ClientLogin::Step;

const std::string kSslRequest = "\0\0\0\x08\4\xd2\x16\x2f"s, kGssRequest = "\0\0\0\x08\4\xd2\x16\x30"s;

// A login, fed as a socket would feed it.
struct Conversation {
    explicit Conversation(AuthType type, std::vector<std::string_view> which = {kPlain, kMd5, kScram, kNone},
                          Encryption encryption = Encryption::none)
        : users(some_users(type, std::move(which))), login(users, type, &protocol::openssl_random, encryption) {}

    // Feeds the bytes and returns what the proxy said to them.
    std::string say(std::string_view bytes) {
        pending.append(bytes);
        std::string out;
        std::size_t consumed = 0;
        step = login.on_bytes(as_bytes(pending), consumed, out);
        EXPECT_LE(consumed, pending.size());
        pending.erase(0, consumed);
        return out;
    }
    std::string password(std::string_view text) {
        std::string message;
        protocol::append_password(message, text);
        return say(message);
    }
    // The whole of a SCRAM exchange.
    std::string scram(std::string_view pass) {
        protocol::ScramClient client{std::string(pass), protocol::openssl_random};
        std::string message;
        protocol::append_sasl_initial_response(message, protocol::kScramSha256, client.first());
        const auto asked = messages(say(message));
        if (asked.empty() || asked[0].first != 'R') return {};
        const auto final = client.final(std::string_view(asked[0].second).substr(4));
        if (!final) return {};
        message.clear();
        protocol::append_sasl_response(message, *final);
        return say(message);
    }

    UserDirectory users;
    ClientLogin login;
    std::string pending;
    Step step = Step::need_more;
};

// "kind" of an authentication request, or the SQLSTATE of a FATAL.
std::string gist(std::string_view out) {
    std::string text;
    for (const auto& [tag, body] : messages(out)) {
        if (tag == 'R') text += "R" + std::to_string(load_be32(as_bytes(body)));
        if (tag == 'E') {
            const auto fields = protocol::parse_error_fields(as_bytes(body));
            text += std::string(fields.severity) + " " + std::string(fields.code);
        }
        if (tag == 'v') text += "v";
        if (tag != 'R' && tag != 'E' && tag != 'v') text += "?";
        text += ' ';
    }
    if (!text.empty()) text.pop_back();
    return text;
}

TEST(ClientLogin, TrustTakesKnownUsersOnly) {
    for (const std::string_view user : {kPlain, kMd5, kScram, kNone}) {
        Conversation c(AuthType::trust);
        EXPECT_EQ(gist(c.say(startup_as(user))), "R0");
        EXPECT_EQ(c.step, Step::authenticated);
        EXPECT_EQ(c.login.result().user, user);
        EXPECT_EQ(c.login.result().database, user);
    }
    Conversation c(AuthType::trust);
    EXPECT_EQ(gist(c.say(startup_as("eve"))), "FATAL 28000");
    EXPECT_EQ(c.step, Step::failed);
    EXPECT_TRUE(c.login.failed_password()) << "its answer comes later, too";
}

TEST(ClientLogin, CleartextPassword) {
    for (const std::string_view user : {kPlain, kMd5, kScram}) {
        Conversation c(AuthType::password);
        EXPECT_EQ(gist(c.say(startup_as(user))), "R3") << user;
        EXPECT_EQ(gist(c.password("secret")), "R0") << user;
        EXPECT_EQ(c.step, Step::authenticated);
        EXPECT_EQ(c.login.result().password, "secret");
        EXPECT_EQ(c.login.result().admin, user == kScram);
    }
}

TEST(ClientLogin, Md5Password) {
    for (const std::string_view user : {kPlain, kMd5}) {
        Conversation c(AuthType::md5);
        const auto asked = messages(c.say(startup_as(user)));
        ASSERT_EQ(asked.size(), 1U);
        ASSERT_EQ(asked[0].second.size(), 8U);
        EXPECT_EQ(load_be32(as_bytes(asked[0].second)), protocol::kAuthMd5);
        const std::string salt = asked[0].second.substr(4);
        EXPECT_EQ(gist(c.password(protocol::md5_response(protocol::md5_stored("secret", user), salt))), "R0") << user;
        EXPECT_EQ(c.step, Step::authenticated);
    }
    Conversation c(AuthType::md5);  // a verifier is proven by SCRAM
    EXPECT_EQ(gist(c.say(startup_as(kScram))), "R10");
    EXPECT_EQ(gist(c.scram("secret")), "R12 R0");
}

TEST(ClientLogin, ScramPassword) {
    for (const std::string_view user : {kPlain, kScram}) {
        Conversation c(AuthType::scram_sha_256);
        const std::string asked = c.say(startup_as(user));
        EXPECT_EQ(asked, "R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"s);
        EXPECT_EQ(gist(c.scram("secret")), "R12 R0") << user;
        EXPECT_EQ(c.step, Step::authenticated);
        EXPECT_EQ(c.login.result().password, user == kPlain ? "secret" : "");
    }
}

// semantics.md H: the ClientKey recovered from the proof is good for servers with the same verifier.
TEST(ClientLogin, ScramRevealsTheKeysOfAStoredVerifier) {
    Conversation c(AuthType::scram_sha_256);
    (void)c.say(startup_as(kScram));
    (void)c.scram("secret");
    ASSERT_EQ(c.step, Step::authenticated);
    const protocol::ScramVerifier stored = *protocol::parse_scram_verifier(scram_text("secret"));
    EXPECT_EQ(protocol::sha256(c.login.result().client_key), stored.stored_key);
    EXPECT_EQ(c.login.result().server_key, stored.server_key);
    Conversation plain(AuthType::scram_sha_256);
    (void)plain.say(startup_as(kPlain));
    (void)plain.scram("secret");
    EXPECT_EQ(plain.login.result().client_key, "");  // of a salt that no server has
}

// A wrong password, a user without one, a stored form that does not fit, and an unknown user: the same messages.
TEST(ClientLogin, RefusalsDoNotTellWhetherTheUserExists) {
    struct Case {
        AuthType type;
        std::string_view user;
    };
    const Case cases[] = {{AuthType::password, kPlain},
                          {AuthType::password, kMd5},
                          {AuthType::password, kScram},
                          {AuthType::password, kNone},
                          {AuthType::password, "eve"},
                          {AuthType::scram_sha_256, kPlain},
                          {AuthType::scram_sha_256, kScram},
                          {AuthType::scram_sha_256, kMd5},
                          {AuthType::scram_sha_256, kNone},
                          {AuthType::scram_sha_256, "eve"},
                          {AuthType::md5, kPlain},
                          {AuthType::md5, kMd5},
                          {AuthType::md5, kNone},
                          {AuthType::md5, "eve"}};
    for (const Case& c : cases) {
        Conversation talk(c.type);
        const std::string asked = gist(talk.say(startup_as(c.user)));
        std::string said;
        if (c.type == AuthType::password) {
            EXPECT_EQ(asked, "R3");
            said = talk.password("wrong");
        } else if (c.type == AuthType::md5 && asked == "R10") {  // an unknown name looks like one of the known, whichever
            EXPECT_TRUE(c.user == kNone || c.user == "eve") << c.user;
            said = talk.scram("wrong");
        } else if (c.type == AuthType::md5) {
            EXPECT_EQ(asked, "R5");
            said = talk.password(protocol::md5_response(protocol::md5_stored("wrong", c.user), "salt"));
        } else {
            EXPECT_EQ(asked, "R10");
            said = talk.scram("wrong");
        }
        std::string expected;
        protocol::append_error(expected, "FATAL", "28P01",
                               "password authentication failed for user \"" + std::string(c.user) + "\"");
        EXPECT_EQ(said, expected) << c.user;
        EXPECT_EQ(talk.step, Step::failed);
        EXPECT_TRUE(talk.login.failed_password());
        EXPECT_EQ(talk.login.result().password, "");
        EXPECT_EQ(talk.login.result().client_key, "");
    }
}

// A right password is none for the wrong kind of secret: md5 is not enough for SCRAM.
TEST(ClientLogin, Md5SecretFailsScramWithTheRightPassword) {
    Conversation c(AuthType::scram_sha_256);
    (void)c.say(startup_as(kMd5));
    EXPECT_EQ(gist(c.scram("secret")), "FATAL 28P01");
}

// semantics.md I: an unknown user logged in as somebody else; an empty password; a user without one.
TEST(ClientLogin, NobodyGetsInWithoutASecret) {
    for (const std::string_view user : {kPlain, kMd5, kScram, kNone, std::string_view("eve")}) {
        for (const std::string& pass : {""s, std::string(user)}) {
            Conversation c(AuthType::password);
            (void)c.say(startup_as(user));
            EXPECT_EQ(gist(c.password(pass)), "FATAL 28P01") << user;
        }
    }
    // The md5 answer that fits the secret nobody has.
    int tried = 0;
    for (int i = 0; i < 100; ++i) {
        Conversation c(AuthType::md5);
        const auto asked = messages(c.say(startup_as("eve" + std::to_string(i))));
        if (asked[0].second.size() != 8) continue;  // this name is asked as one with a SCRAM verifier would be
        const std::string answer = protocol::md5_response("md5" + std::string(32, '0'), asked[0].second.substr(4));
        EXPECT_EQ(gist(c.password(answer)), "FATAL 28P01");
        ++tried;
    }
    EXPECT_GT(tried, 0);
}

TEST(ClientLogin, UnknownUsersSeeTheSameSaltAgain) {
    const config::Config config = some_users(AuthType::scram_sha_256);
    const UserDirectory users(config);
    std::vector<std::string> salts;
    for (int i = 0; i < 2; ++i) {
        ClientLogin login(users, AuthType::scram_sha_256);
        std::string in = startup_as("eve"), out;
        protocol::append_sasl_initial_response(in, protocol::kScramSha256, "n,,n=,r=abc");
        std::size_t consumed = 0;
        ASSERT_EQ(login.on_bytes(as_bytes(in), consumed, out), Step::need_more);
        const std::string last = messages(out).back().second;
        salts.push_back(last.substr(last.find(",s=")));
    }
    EXPECT_EQ(salts[0], salts[1]);
}

// PostgreSQL's rule for md5: an unknown user is asked as most users are.
TEST(ClientLogin, Md5AsksUnknownUsersAsUsual) {
    Conversation scram(AuthType::md5, {kScram});
    EXPECT_EQ(gist(scram.say(startup_as("eve"))), "R10");
    EXPECT_EQ(gist(scram.scram("secret")), "FATAL 28P01");
    Conversation md5(AuthType::md5, {kMd5});
    EXPECT_EQ(gist(md5.say(startup_as("eve"))), "R5");
}

TEST(ClientLogin, ParametersInTheOrderInWhichTheyTakeEffect) {
    Conversation c(AuthType::trust);
    (void)c.say(startup({{"user", "plain"},
                         {"application_name", "a"},
                         {"options", "-c search_path=x --DateStyle=ISO\\ DMY"},
                         {"database", "db"},
                         {"search_path", "y"},
                         {"_pq_.none", "1"}}));
    ASSERT_EQ(c.step, Step::authenticated);
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(c.login.result().parameters,
              (Pairs{{"search_path", "x"}, {"DateStyle", "ISO DMY"}, {"application_name", "a"}, {"search_path", "y"}}));
    EXPECT_EQ(c.login.result().database, "db");
    EXPECT_EQ(c.login.result().replication, "");
}

TEST(ClientLogin, Replication) {
    const std::pair<const char*, const char*> good[] = {
        {"true", "true"}, {"on", "true"}, {"YES", "true"}, {"1", "true"}, {"t", "true"},           {"false", ""},
        {"off", ""},      {"0", ""},      {"n", ""},       {"of", ""},    {"database", "database"}};
    for (const auto& [value, expected] : good) {
        Conversation c(AuthType::trust);
        (void)c.say(startup({{"user", "plain"}, {"replication", value}}));
        EXPECT_EQ(c.step, Step::authenticated) << value;
        EXPECT_EQ(c.login.result().replication, expected) << value;
    }
    for (const char* value : {"", "o", "2", "maybe", "Database", "truely", "10"}) {
        Conversation c(AuthType::trust);
        EXPECT_EQ(gist(c.say(startup({{"user", "plain"}, {"replication", value}}))), "FATAL 22023") << value;
    }
}

TEST(ClientLogin, RefusedStartups) {
    struct Case {
        const char* name;
        std::string bytes, code;
    };
    const Case cases[] = {
        {"no user", startup({{"database", "x"}}), "FATAL 28000"},
        {"no parameters", startup({}), "FATAL 28000"},
        {"empty user", startup({{"user", ""}}), "FATAL 28000"},
        {"bad options", startup({{"user", "plain"}, {"options", "-x"}}), "FATAL 42601"},
        {"a setting's name with a quote", startup({{"user", "plain"}, {"a\"; DROP", "x"}}), "FATAL 42704"},
        {"the same in options", startup({{"user", "plain"}, {"options", "-c a;b=x"}}), "FATAL 42704"},
        {"a user in options", startup({{"user", "plain"}, {"options", "-c user=postgres"}}), "FATAL 42704"},
        {"a database in options", startup({{"user", "plain"}, {"options", "--Database=x"}}), "FATAL 42704"},
        {"replication in options", startup({{"user", "plain"}, {"options", "-c replication=true"}}), "FATAL 42704"},
        {"protocol 2", startup({{"user", "plain"}}, 0x20000), "FATAL 0A000"},
        {"no terminator", "\0\0\0\x10\0\3\0\0user\0u\0x"s.replace(3, 1, "\x10"), "FATAL 08P01"},
        {"length 0", "\0\0\0\0"s, "FATAL 08P01"},
        {"length 7", "\0\0\0\7"s, "FATAL 08P01"},
        {"length 10001", "\0\0\x27\x11"s, "FATAL 08P01"},
        {"length 2^32 - 1", "\xff\xff\xff\xff"s, "FATAL 08P01"},
        {"length 2^31", "\x80\0\0\0"s, "FATAL 08P01"},
        {"TLS", "\x16\3\1\2\0\1\0\1"s, "FATAL 08P01"},
        {"HTTP", "GET / HTTP/1.1\r\n", "FATAL 08P01"},
        {"a query instead of a startup", "Q\0\0\0\6X\0"s, "FATAL 08P01"},
    };
    for (const Case& c : cases) {
        Conversation talk(AuthType::trust);
        EXPECT_EQ(gist(talk.say(c.bytes)), c.code) << c.name;
        EXPECT_EQ(talk.step, Step::failed) << c.name;
        EXPECT_FALSE(talk.login.failure().empty());
    }
}

// Nothing a peer sends breaks a line of the log (semantics.md I: a network-supplied name).
TEST(ClientLogin, FailuresAreOneShortLine) {
    Conversation c(AuthType::trust);
    (void)c.say(startup({{"user", "a\nevent=forged\x1b[2J" + std::string(5000, 'x')}}));
    EXPECT_EQ(c.step, Step::failed);
    EXPECT_LE(c.login.failure().size(), 500U);
    for (const char ch : c.login.failure()) EXPECT_GE(static_cast<unsigned char>(ch), 0x20);
}

// semantics.md H, Protocol 3.2 and TLS: what is offered whatever the backend speaks.
TEST(ClientLogin, NegotiatesTheProtocol) {
    struct Case {
        std::uint32_t asked;
        bool option;
        std::uint16_t spoken;
        bool told;
    };
    const Case cases[] = {{0, false, 0, false}, {0, true, 0, true},  {1, false, 0, true},   {2, false, 2, false},
                          {2, true, 2, true},   {3, false, 2, true}, {9999, false, 2, true}};
    for (const Case& c : cases) {
        Conversation talk(AuthType::trust);
        protocol::Parameters parameters{{"user", "plain"}};
        if (c.option) parameters.emplace_back("_pq_.new", "1");
        const auto said = messages(talk.say(startup(parameters, protocol::kProtocol30 | c.asked)));
        EXPECT_EQ(talk.step, Step::authenticated);
        EXPECT_EQ(talk.login.result().minor, c.spoken) << c.asked;
        ASSERT_EQ(said.size(), c.told ? 2U : 1U) << c.asked;
        EXPECT_EQ(said.back().first, 'R');
        if (!c.told) continue;
        EXPECT_EQ(said[0].first, 'v');
        const Bytes body = as_bytes(said[0].second);
        EXPECT_EQ(load_be32(body), protocol::kProtocol30 | c.spoken);
        EXPECT_EQ(load_be32(body.subspan(4)), c.option ? 1U : 0U);
        EXPECT_EQ(as_text(body.subspan(8)), c.option ? "_pq_.new\0"s : ""s);
    }
}

TEST(ClientLogin, EncryptionIsDeclined) {
    for (const auto& order : {std::vector{kSslRequest}, std::vector{kGssRequest}, std::vector{kSslRequest, kGssRequest},
                              std::vector{kGssRequest, kSslRequest}}) {
        Conversation c(AuthType::trust);
        for (const std::string& request : order) EXPECT_EQ(c.say(request), "N");
        EXPECT_EQ(gist(c.say(startup_as(kPlain))), "R0");
        EXPECT_EQ(c.step, Step::authenticated);
    }
    for (const std::string& request : {kSslRequest, kGssRequest}) {
        Conversation again(AuthType::trust);
        EXPECT_EQ(again.say(request), "N");
        EXPECT_EQ(gist(again.say(request)), "FATAL 08P01");
    }
}

TEST(ClientLogin, TlsIsOfferedOrRequired) {
    for (const Encryption encryption : {Encryption::offered, Encryption::required}) {
        Conversation c(AuthType::trust, {kPlain}, encryption);
        EXPECT_EQ(c.say(kSslRequest), "S");
        EXPECT_EQ(c.step, Step::start_tls);
        c.login.encrypted("hash");
        EXPECT_EQ(gist(c.say(startup_as(kPlain))), "R0");
        EXPECT_EQ(c.step, Step::authenticated);
    }
    Conversation plain(AuthType::trust, {kPlain}, Encryption::offered);
    EXPECT_EQ(gist(plain.say(startup_as(kPlain))), "R0");
    Conversation refused(AuthType::trust, {kPlain}, Encryption::required);
    EXPECT_EQ(gist(refused.say(startup_as(kPlain))), "FATAL 28000");
    Conversation gss(AuthType::trust, {kPlain}, Encryption::required);
    EXPECT_EQ(gss.say(kGssRequest), "N") << "then the client may ask for TLS";
    EXPECT_EQ(gss.say(kSslRequest), "S");
    Conversation behind(AuthType::trust, {kPlain}, Encryption::offered);
    EXPECT_EQ(gist(behind.say(kSslRequest + startup_as(kPlain)).substr(1)), "FATAL 08P01");
    Conversation twice(AuthType::trust, {kPlain}, Encryption::offered);
    EXPECT_EQ(twice.say(kSslRequest), "S");
    twice.login.encrypted("hash");
    EXPECT_EQ(gist(twice.say(kSslRequest)), "FATAL 08P01") << "TLS inside TLS";
}

TEST(ClientLogin, ChannelBindingIsOfferedOverTls) {
    Conversation c(AuthType::scram_sha_256, {kPlain}, Encryption::offered);
    EXPECT_EQ(c.say(startup_as(kPlain)).find("PLUS"), std::string::npos);
    Conversation encrypted(AuthType::scram_sha_256, {kPlain}, Encryption::offered);
    encrypted.say(kSslRequest);
    encrypted.login.encrypted("hash");
    const std::string asked = encrypted.say(startup_as(kPlain));
    EXPECT_NE(asked.find("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0"s), std::string::npos);
    EXPECT_EQ(gist(encrypted.scram("secret")), "R12 R0") << "the client need not bind";
}

// semantics.md H and I (CVE-2021-23214): plaintext already behind the request, even one byte, and even a whole startup.
TEST(ClientLogin, PlaintextBehindAnEncryptionRequestIsRefused) {
    for (const std::string& request : {kSslRequest, kGssRequest}) {
        for (const std::string& more : {"x"s, startup_as(kPlain), kGssRequest}) {
            Conversation c(AuthType::trust);
            const std::string said = c.say(request + more);
            ASSERT_FALSE(said.empty());
            EXPECT_EQ(said.front(), 'N');
            EXPECT_EQ(gist(said.substr(1)), "FATAL 08P01");
            EXPECT_EQ(c.step, Step::failed);
        }
    }
}

TEST(ClientLogin, CancelRequests) {
    for (const std::size_t size : {4U, 32U, 256U}) {
        const std::string key(size, 'k');
        std::string request;
        protocol::append_cancel_request(request, 77, key);
        Conversation direct(AuthType::scram_sha_256);
        EXPECT_EQ(direct.say(request), "");
        EXPECT_EQ(direct.step, Step::cancel);
        EXPECT_EQ(direct.login.cancel_pid(), 77U);
        EXPECT_EQ(direct.login.cancel_secret(), key);
        Conversation after(AuthType::scram_sha_256);
        EXPECT_EQ(after.say(kGssRequest), "N");
        EXPECT_EQ(after.say(kSslRequest), "N");
        EXPECT_EQ(after.say(request), "");
        EXPECT_EQ(after.step, Step::cancel);
    }
    std::string bad;
    protocol::append_cancel_request(bad, 77, "abc");
    Conversation c(AuthType::trust);
    EXPECT_EQ(gist(c.say(bad)), "FATAL 08P01");
}

// Hostile bytes in the place of a password; nothing over 64 KiB is ever waited for.
TEST(ClientLogin, RefusedPasswordMessages) {
    const auto sasl_initial = [](std::string_view mechanism, std::string_view data) {
        std::string out;
        protocol::append_sasl_initial_response(out, mechanism, data);
        return out;
    };
    struct Case {
        const char* name;
        AuthType type;
        std::string bytes, code;
    };
    const Case cases[] = {
        {"a query", AuthType::password, "Q\0\0\0\6X\0"s, "FATAL 08P01"},
        {"a query, by its first byte", AuthType::password, "Q", "FATAL 08P01"},
        {"length 3", AuthType::password, "p\0\0\0\3"s, "FATAL 08P01"},
        {"length 64 KiB and 4", AuthType::password, "p\0\1\0\4"s, "FATAL 08P01"},
        {"length 2^32 - 1", AuthType::password, "p\xff\xff\xff\xff", "FATAL 08P01"},
        {"empty body", AuthType::password, "p\0\0\0\4"s, "FATAL 08P01"},
        {"no NUL", AuthType::password, "p\0\0\0\x0asecret"s, "FATAL 08P01"},
        {"a NUL inside", AuthType::password, "p\0\0\0\x0dsecret\0x\0"s, "FATAL 08P01"},
        {"md5 without a NUL", AuthType::md5, "p\0\0\0\7md5"s, "FATAL 08P01"},
        {"md5 too short", AuthType::md5, "p\0\0\0\x08md5\0"s, "FATAL 28P01"},
        {"another mechanism", AuthType::scram_sha_256, sasl_initial("SCRAM-SHA-256-PLUS", "p=x,,n=,r=abc"),
         "FATAL 08P01"},
        {"an empty mechanism", AuthType::scram_sha_256, sasl_initial("", "n,,n=,r=abc"), "FATAL 08P01"},
        {"binding", AuthType::scram_sha_256, sasl_initial("SCRAM-SHA-256", "p=x,,n=,r=abc"), "FATAL 08P01"},
        {"authorisation identity", AuthType::scram_sha_256, sasl_initial("SCRAM-SHA-256", "n,a=x,n=,r=abc"),
         "FATAL 0A000"},
        {"no data", AuthType::scram_sha_256, sasl_initial("SCRAM-SHA-256", ""), "FATAL 08P01"},
        {"no length", AuthType::scram_sha_256, "p\0\0\0\x12SCRAM-SHA-256\0"s, "FATAL 08P01"},
        {"no end of the mechanism", AuthType::scram_sha_256, "p\0\0\0\x11SCRAM-SHA-256"s, "FATAL 08P01"},
        {"length beyond the body", AuthType::scram_sha_256, "p\0\0\0\x17SCRAM-SHA-256\0\0\0\0\2x"s, "FATAL 08P01"},
        {"length short of the body", AuthType::scram_sha_256, "p\0\0\0\x18SCRAM-SHA-256\0\0\0\0\1xx"s, "FATAL 08P01"},
        {"no data, and data", AuthType::scram_sha_256, "p\0\0\0\x17SCRAM-SHA-256\0\xff\xff\xff\xffx"s, "FATAL 08P01"},
        {"length 2^31", AuthType::scram_sha_256, "p\0\0\0\x17SCRAM-SHA-256\0\x80\0\0\0x"s, "FATAL 08P01"},
        {"an empty body", AuthType::scram_sha_256, "p\0\0\0\4"s, "FATAL 08P01"},
    };
    for (const Case& c : cases) {
        Conversation talk(c.type);
        (void)talk.say(startup_as(kPlain));
        ASSERT_EQ(talk.step, Step::need_more);
        EXPECT_EQ(gist(talk.say(c.bytes)), c.code) << c.name;
        EXPECT_EQ(talk.step, Step::failed) << c.name;
    }
    Conversation longest(AuthType::password);
    (void)longest.say(startup_as(kPlain));
    EXPECT_EQ(longest.say("p\0\1\0\3"s), "");  // 65,535 bytes of body: waited for
    EXPECT_EQ(longest.step, Step::need_more);
}

// RFC 4422: the first message may come without data.
TEST(ClientLogin, SaslWithoutAnInitialResponse) {
    Conversation c(AuthType::scram_sha_256);
    (void)c.say(startup_as(kScram));
    EXPECT_EQ(c.say("p\0\0\0\x16SCRAM-SHA-256\0\xff\xff\xff\xff"s), "R\0\0\0\x08\0\0\0\x0b"s);
    protocol::ScramClient client("secret", protocol::openssl_random);
    std::string message;
    protocol::append_sasl_response(message, client.first());
    const std::string asked = messages(c.say(message))[0].second;
    message.clear();
    protocol::append_sasl_response(message, *client.final(std::string_view(asked).substr(4)));
    EXPECT_EQ(gist(c.say(message)), "R12 R0");
}

// The same answers whatever the pieces in which the bytes come; what is behind the login is left alone.
TEST(ClientLogin, ByteByByte) {
    Conversation c(AuthType::password);
    std::string in = startup({{"user", "plain"}, {"database", "db"}}), all;
    protocol::append_password(in, "secret");
    for (std::size_t i = 0; i < in.size(); ++i) {
        EXPECT_EQ(c.step, Step::need_more) << i;
        all += c.say(std::string_view(in).substr(i, 1));
    }
    EXPECT_EQ(c.step, Step::authenticated);
    EXPECT_EQ(gist(all), "R3 R0");

    Conversation at_once(AuthType::password);
    EXPECT_EQ(at_once.say(in + "Q\0\0\0\6X\0"s), all);
    EXPECT_EQ(at_once.step, Step::authenticated);
    EXPECT_EQ(at_once.pending, "Q\0\0\0\6X\0"s);
}

TEST(ClientLogin, NeedsRandomness) {
    const config::Config config = some_users(AuthType::md5);
    const UserDirectory users(config);
    ClientLogin login(users, AuthType::md5, [](std::span<std::byte>) { return false; });
    std::string out;
    std::size_t consumed = 0;
    EXPECT_EQ(login.on_bytes(as_bytes(startup_as(kMd5)), consumed, out), Step::failed);
    EXPECT_EQ(gist(out), "FATAL XX000");
}

}  // namespace
}  // namespace pgweir::session
