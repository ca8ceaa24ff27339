#include "proxy/session/server_login.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "protocol/md5_auth.hpp"
#include "tests/unit/proxy/session/login_support.hpp"

namespace pgweir::session {
namespace {

using namespace std::string_literals;
using Kind = ServerLoginError::Kind;
using Step = ServerLogin::Step;

std::string request(std::uint32_t kind, std::string_view data = {}) {
    std::string out;
    protocol::append_authentication(out, kind, data);
    return out;
}

std::string error(std::string_view code, std::string_view message = "m") {
    std::string out;
    protocol::append_error(out, "FATAL", code, message);
    return out;
}

// What follows AuthenticationOk.
std::string welcome() {
    std::string out;
    protocol::append_parameter_status(out, "server_version", "15.1");
    protocol::append_parameter_status(out, "TimeZone", "UTC");
    protocol::append_notice(out, "NOTICE", "00000", "hello");
    protocol::append_backend_key_data(out, 4711, "abcd");
    protocol::append_ready_for_query(out, 'I');
    return out;
}

// A login that a script of the server's is played to.
struct Played {
    explicit Played(ServerSecret secret, protocol::RandomBytes random = &protocol::openssl_random)
        : login("alice", "db", {{"application_name", "pgweir"}}, std::move(secret), std::move(random)) {
        login.start(said);
        said.clear();
    }
    Step hear(std::string_view bytes) {
        said.clear();
        std::size_t consumed = 0;
        const Step step = login.on_bytes(as_bytes(bytes), consumed, said);
        left = bytes.substr(consumed);
        return step;
    }
    ServerLogin login;
    std::string said, left;
};

const ServerSecret kPassword{.password = "secret", .md5_hash = {}, .client_key = {}, .server_key = {}};

TEST(ServerLogin, StartsWithProtocol30) {
    ServerLogin login("alice", "db", {{"application_name", "pgweir"}}, {});
    std::string out;
    login.start(out);
    const auto packet = protocol::parse_first_packet(as_bytes(out));
    ASSERT_TRUE(packet);
    const auto& startup = std::get<protocol::Startup>(*packet);
    EXPECT_EQ(startup.minor, 0);
    EXPECT_EQ(startup.parameters,
              (protocol::Parameters{{"user", "alice"}, {"database", "db"}, {"application_name", "pgweir"}}));
}

TEST(ServerLogin, TrustAndWhatFollows) {
    Played p({});
    EXPECT_EQ(p.hear(request(protocol::kAuthOk) + welcome() + "T\0\0"s), Step::ready);
    EXPECT_EQ(p.said, "");
    EXPECT_EQ(p.left, "T\0\0"s);
    EXPECT_EQ(p.login.parameters(), (protocol::Parameters{{"server_version", "15.1"}, {"TimeZone", "UTC"}}));
    EXPECT_EQ(p.login.pid(), 4711U);
    EXPECT_EQ(p.login.secret_key(), "abcd");
}

TEST(ServerLogin, CleartextAndMd5) {
    Played clear(kPassword);
    EXPECT_EQ(clear.hear(request(protocol::kAuthCleartext)), Step::need_more);
    EXPECT_EQ(clear.said, "p\0\0\0\x0bsecret\0"s);
    EXPECT_EQ(clear.hear(request(protocol::kAuthOk) + welcome()), Step::ready);
    const std::string stored = protocol::md5_stored("secret", "alice");
    for (const ServerSecret& secret : {kPassword, ServerSecret{{}, stored, {}, {}}}) {
        Played md5(secret);
        EXPECT_EQ(md5.hear(request(protocol::kAuthMd5, "salt")), Step::need_more);
        std::string expected;
        protocol::append_password(expected, protocol::md5_response(stored, "salt"));
        EXPECT_EQ(md5.said, expected);
        EXPECT_EQ(md5.hear(request(protocol::kAuthOk) + welcome()), Step::ready);
    }
}

// The whole of a server's side, for a SCRAM login; `list` is what it offers.
Step scram_server(Played& p, const std::string& list, const protocol::ScramVerifier& verifier) {
    if (p.hear(request(protocol::kAuthSasl, list)) != Step::need_more) return Step::failed;
    protocol::ScramServer server(protocol::openssl_random);
    const std::string initial = messages(p.said).at(0).second;
    EXPECT_EQ(initial.substr(0, 14), "SCRAM-SHA-256\0"s);
    const auto first = server.first(std::string_view(initial).substr(18), verifier.salt, verifier.iterations);
    EXPECT_TRUE(first);
    if (p.hear(request(protocol::kAuthSaslContinue, *first)) != Step::need_more) return Step::failed;
    const auto final = server.final(messages(p.said).at(0).second, verifier);
    if (!final) return p.hear(error(final.error().code));
    return p.hear(request(protocol::kAuthSaslFinal, *final) + request(protocol::kAuthOk) + welcome());
}

// semantics.md H: PLUS may be listed first, salts are not always 16 bytes.
TEST(ServerLogin, Scram) {
    const protocol::ScramVerifier verifier = protocol::derive_scram_verifier("secret", "any salt of 21 bytes!", 9);
    const protocol::ScramKeys keys = protocol::derive_scram_keys("secret", verifier.salt, 9);
    const ServerSecret by_keys{{}, {}, keys.client_key, keys.server_key};
    for (const ServerSecret& secret : {kPassword, by_keys}) {
        for (const std::string& list : {"SCRAM-SHA-256\0\0"s, "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"s,
                                        "X\0SCRAM-SHA-256\0SCRAM-SHA-256-PLUS\0\0"s}) {
            Played p(secret);
            EXPECT_EQ(scram_server(p, list, verifier), Step::ready);
            EXPECT_EQ(p.login.pid(), 4711U);
        }
    }
    Played wrong({.password = "wrong", .md5_hash = {}, .client_key = {}, .server_key = {}});
    EXPECT_EQ(scram_server(wrong, "SCRAM-SHA-256\0\0"s, verifier), Step::failed);
    EXPECT_EQ(wrong.login.error().kind, Kind::authentication);
    EXPECT_EQ(wrong.login.error().code, "28P01");
}

TEST(ServerLogin, SaysWhichSecretIsMissing) {
    const ServerSecret none, md5{{}, protocol::md5_stored("secret", "alice"), {}, {}},
        keys{{}, {}, std::string(32, 'c'), std::string(32, 's')}, half{{}, {}, std::string(32, 'c'), {}};
    struct Case {
        const char* name;
        ServerSecret secret;
        std::string message;
    };
    const Case cases[] = {
        {"cleartext without anything", none, request(protocol::kAuthCleartext)},
        {"cleartext with a hash", md5, request(protocol::kAuthCleartext)},
        {"md5 without anything", none, request(protocol::kAuthMd5, "salt")},
        {"md5 with keys", keys, request(protocol::kAuthMd5, "salt")},
        {"SCRAM without anything", none, request(protocol::kAuthSasl, "SCRAM-SHA-256\0\0"s)},
        {"SCRAM with a hash", md5, request(protocol::kAuthSasl, "SCRAM-SHA-256\0\0"s)},
        {"SCRAM with one key", half, request(protocol::kAuthSasl, "SCRAM-SHA-256\0\0"s)},
        {"PLUS alone", kPassword, request(protocol::kAuthSasl, "SCRAM-SHA-256-PLUS\0\0"s)},
        {"Kerberos", kPassword, request(2)},
        {"GSSAPI", kPassword, request(7)},
        {"SSPI", kPassword, request(9)},
        {"what is not invented yet", kPassword, request(4242)},
    };
    for (const Case& c : cases) {
        Played p(c.secret);
        EXPECT_EQ(p.hear(c.message), Step::failed) << c.name;
        EXPECT_EQ(p.login.error().kind, Kind::authentication) << c.name;
        EXPECT_EQ(p.login.error().code, "28000") << c.name;
        EXPECT_EQ(p.said, "") << c.name;
        EXPECT_EQ(p.login.error().message.find("secret\""), std::string::npos);
    }
}

// semantics.md G.
TEST(ServerLogin, ErrorsByTheirCode) {
    const std::pair<const char*, Kind> cases[] = {
        {"28P01", Kind::authentication}, {"28000", Kind::authentication}, {"53300", Kind::too_many},
        {"57P03", Kind::starting},       {"57P01", Kind::starting},       {"57P02", Kind::starting},
        {"3D000", Kind::refused},        {"42501", Kind::refused},        {"XX000", Kind::refused}};
    for (const auto& [code, kind] : cases) {
        for (const std::string& before :
             {""s, request(protocol::kAuthOk), request(protocol::kAuthOk) + welcome().substr(0, 25)}) {
            Played p(kPassword);
            EXPECT_EQ(p.hear(before + error(code, "why")), Step::failed) << code;
            EXPECT_EQ(p.login.error().kind, kind) << code;
            EXPECT_EQ(p.login.error().code, code);
            EXPECT_EQ(p.login.error().message, "why");
        }
    }
}

// semantics.md I: an error without SQLSTATE, and one that would break a log.
TEST(ServerLogin, ErrorsWithoutACode) {
    for (const std::string& body : {""s, "\0"s, "C\0\0"s, "C28P0\0\0"s, "C28P011\0\0"s, "C28p01\0\0"s, "Mx"s}) {
        Played p(kPassword);
        std::string message = "E";
        append_be32(message, static_cast<std::uint32_t>(body.size() + 4));
        EXPECT_EQ(p.hear(message + body), Step::failed);
        EXPECT_EQ(p.login.error().code, "XX000");
        EXPECT_FALSE(p.login.error().message.empty());
    }
    Played p(kPassword);
    EXPECT_EQ(p.hear(error("28P01", "a\nb\x1b" + std::string(20'000, 'x'))), Step::failed);
    EXPECT_EQ(p.login.error().message.substr(0, 4), "a?b?");
    EXPECT_LE(p.login.error().message.size(), 500U);
}

TEST(ServerLogin, HostileServers) {
    const std::string ok = request(protocol::kAuthOk);
    std::string long_key, short_key, zero_salt = request(protocol::kAuthMd5, "");
    protocol::append_backend_key_data(long_key, 1, std::string(257, 'k'));
    protocol::append_backend_key_data(short_key, 1, "abc");
    std::string many = ok;
    for (int i = 0; i < 501; ++i) protocol::append_parameter_status(many, "p" + std::to_string(i), "x");
    std::string flood = ok;
    while (flood.size() < (2U << 20)) protocol::append_parameter_status(flood, "p", std::string(60'000, 'x'));
    struct Case {
        const char* name;
        std::string bytes;
    };
    const Case cases[] = {
        {"length 0", "R\0\0\0\0"s},
        {"length 3", "R\0\0\0\3"s},
        {"length 2^31", "R\x80\0\0\0"s},
        {"length 2^32 - 1", "N\xff\xff\xff\xff"s},
        {"an error too long to hold", "E\0\1\0\5"s},
        {"HTTP", "HTTP/1.1 400 Bad Request\r\n"},
        {"no kind", "R\0\0\0\7\0\0\0"s},
        {"ready before the login", "Z\0\0\0\5I"s},
        {"a parameter before the login",
         "S\0\0\0\x08"
         "a\0b\0"s},
        {"rows before the login", "D\0\0\0\6\0\0"s},
        {"md5 with a salt of none", zero_salt},
        {"md5 with a salt of five", request(protocol::kAuthMd5, "salty")},
        {"a list of mechanisms without an end", request(protocol::kAuthSasl, "SCRAM-SHA-256\0"s)},
        {"a name without an end", request(protocol::kAuthSasl, "SCRAM-SHA-256"s)},
        {"bytes behind the list", request(protocol::kAuthSasl, "SCRAM-SHA-256\0\0x"s)},
        {"an empty list", request(protocol::kAuthSasl, "")},
        {"SASL continued before it began", request(protocol::kAuthSaslContinue, "r=x,s=c2FsdA==,i=1")},
        {"SASL finished before it began", request(protocol::kAuthSaslFinal, "v=AAAA")},
        {"two requests for the password", request(protocol::kAuthCleartext) + request(protocol::kAuthCleartext)},
        {"another request after the first", request(protocol::kAuthMd5, "salt") + request(protocol::kAuthCleartext)},
        {"a request after success", ok + request(protocol::kAuthCleartext)},
        {"success twice", ok + ok},
        {"rows after the login", ok + "D\0\0\0\6\0\0"s},
        {"a copy", ok + "G\0\0\0\7\0\0\0"s},
        {"ready in a transaction", ok + "Z\0\0\0\5T"s},
        {"ready without a status", ok + "Z\0\0\0\4"s},
        {"a key too long", ok + long_key},
        {"a key too short", ok + short_key},
        {"a parameter without a value", ok + "S\0\0\0\6"
                                             "a\0"s},
        {"a parameter without an end", ok + "S\0\0\0\7"
                                            "a\0b"s},
        {"bytes behind a parameter", ok + "S\0\0\0\x09"
                                          "a\0b\0c"s},
        {"too many parameters", many},
        {"too many bytes", flood},
    };
    for (const Case& c : cases) {
        Played p(kPassword);
        EXPECT_EQ(p.hear(c.bytes), Step::failed) << c.name;
        EXPECT_EQ(p.login.error().kind, Kind::protocol) << c.name;
        EXPECT_EQ(p.login.error().code, "08P01") << c.name;
        EXPECT_FALSE(p.login.error().message.empty()) << c.name;
    }
}

// A server that does not prove to know the verifier is none (semantics.md I, a malicious backend).
TEST(ServerLogin, ScramServersMustProveThemselves) {
    const std::string list = request(protocol::kAuthSasl, "SCRAM-SHA-256\0\0"s);
    const auto nonce_of = [](const Played& p) {
        const std::string initial = messages(p.said).at(0).second;
        return initial.substr(initial.find("r=") + 2);
    };
    const auto first = [](const std::string& nonce) {
        return request(protocol::kAuthSaslContinue, "r=" + nonce + "server,s=c2FsdA==,i=1");
    };
    const std::pair<const char*, std::function<Step(Played&)>> cases[] = {
        {"success after the list", [&](Played& p) { return p.hear(request(protocol::kAuthOk)); }},
        {"a foreign nonce", [&](Played& p) { return p.hear(first("foreign")); }},
        {"a nonce of ours alone",
         [&](Played& p) {
             return p.hear(request(protocol::kAuthSaslContinue, "r=" + nonce_of(p) + ",s=c2FsdA==,i=1"));
         }},
        {"a nonce without end", [&](Played& p) { return p.hear(first(nonce_of(p) + std::string(30'000, 'n'))); }},
        {"no iterations",
         [&](Played& p) {
             return p.hear(request(protocol::kAuthSaslContinue, "r=" + nonce_of(p) + "x,s=c2FsdA==,i=0"));
         }},
        {"iterations without end",
         [&](Played& p) {
             return p.hear(request(protocol::kAuthSaslContinue, "r=" + nonce_of(p) + "x,s=c2FsdA==,i=4294967295"));
         }},
        {"success after the proof",
         [&](Played& p) {
             return p.hear(first(nonce_of(p))) != Step::need_more ? Step::ready : p.hear(request(protocol::kAuthOk));
         }},
        {"a wrong signature",
         [&](Played& p) {
             (void)p.hear(first(nonce_of(p)));
             return p.hear(request(protocol::kAuthSaslFinal, "v=" + protocol::base64_encode(std::string(32, 'v'))));
         }},
        {"no signature",
         [&](Played& p) {
             (void)p.hear(first(nonce_of(p)));
             return p.hear(request(protocol::kAuthSaslFinal));
         }},
        {"the first message twice",
         [&](Played& p) {
             const std::string message = first(nonce_of(p));
             (void)p.hear(message);
             return p.hear(message);
         }},
        {"a plain password after all", [&](Played& p) { return p.hear(request(protocol::kAuthCleartext)); }},
    };
    for (const auto& [name, play] : cases) {
        Played p(kPassword);
        ASSERT_EQ(p.hear(list), Step::need_more) << name;
        EXPECT_EQ(play(p), Step::failed) << name;
        EXPECT_EQ(p.login.error().kind, Kind::protocol) << name;
        EXPECT_EQ(p.login.error().message.find("secret"), std::string::npos) << name;
    }
    Played refused(kPassword);
    (void)refused.hear(list);
    (void)refused.hear(first(nonce_of(refused)));
    EXPECT_EQ(refused.hear(request(protocol::kAuthSaslFinal, "e=invalid-proof")), Step::failed);
    EXPECT_EQ(refused.login.error().kind, Kind::authentication);
}

TEST(ServerLogin, ToleratesWhatIsAllowed) {
    std::string negotiated, key;
    protocol::append_negotiate_protocol_version(negotiated, 0, {});
    protocol::append_backend_key_data(key, 1, std::string(256, 'k'));
    std::string twice;
    protocol::append_parameter_status(twice, "TimeZone", "UTC");
    protocol::append_parameter_status(twice, "x", "");
    protocol::append_parameter_status(twice, "TimeZone", "CET");
    std::string notice;
    protocol::append_notice(notice, "WARNING", "01000", "m");
    Played p({});
    EXPECT_EQ(p.hear(notice + negotiated + request(protocol::kAuthOk) + twice + key + notice + "Z\0\0\0\5I"s),
              Step::ready);
    EXPECT_EQ(p.login.secret_key(), std::string(256, 'k'));
    EXPECT_EQ(p.login.parameters(), (protocol::Parameters{{"TimeZone", "CET"}, {"x", ""}}));
    Played keyless({});
    EXPECT_EQ(keyless.hear(request(protocol::kAuthOk) + "Z\0\0\0\5I"s), Step::ready);  // another pooler may send none
    EXPECT_EQ(keyless.login.secret_key(), "");
}

TEST(ServerLogin, ByteByByteAndTruncated) {
    const std::string script = request(protocol::kAuthOk) + welcome();
    for (std::size_t i = 0; i < script.size(); ++i) {
        Played p({});
        EXPECT_EQ(p.hear(script.substr(0, i)), Step::need_more) << i;
        EXPECT_EQ(p.hear(p.left + script.substr(i)), Step::ready) << i;
    }
    Played p({});
    std::string pending;
    for (std::size_t i = 0; i < script.size(); ++i) {
        pending += script[i];
        EXPECT_EQ(p.hear(pending), i + 1 == script.size() ? Step::ready : Step::need_more);
        pending = p.left;
    }
    EXPECT_EQ(pending, "");
}

TEST(ServerLogin, NeedsRandomness) {
    Played p(kPassword, [](std::span<std::byte>) { return false; });
    EXPECT_EQ(p.hear(request(protocol::kAuthSasl, "SCRAM-SHA-256\0\0"s)), Step::failed);
}

}  // namespace
}  // namespace pgweir::session
