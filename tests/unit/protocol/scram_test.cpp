#include "protocol/scram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "protocol/sqlstate.hpp"

namespace pgweir::protocol {
namespace {

using namespace std::string_literals;

constexpr std::string_view kRfcSalt = "W22ZaJ0SNY7soEsUEjb6gQ==";

bool count_up(std::span<std::byte> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(i);
    return true;
}

std::string exclusive_or(std::string a, std::string_view b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<char>(a[i] ^ b[i]);
    return a;
}

// RFC 7677, section 3. Its nonces are not of the form that we make, so the arithmetic is checked piece by piece.
TEST(Scram, Rfc7677) {
    const ScramKeys keys = derive_scram_keys("pencil", *base64_decode(kRfcSalt), 4096);
    const std::string auth_message =
        "n=user,r=rOprNGfwEbeRWgbNEkqO,"
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const std::string proof = exclusive_or(keys.client_key, hmac_sha256(sha256(keys.client_key), auth_message));
    EXPECT_EQ(base64_encode(proof), "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    EXPECT_EQ(base64_encode(hmac_sha256(keys.server_key, auth_message)),
              "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

// Expected verifiers from Python's hashlib; salts are not always 16 bytes (semantics.md H).
TEST(ScramVerifier, IsPostgresqls) {
    struct Case {
        std::string password, salt;
        std::uint32_t iterations;
        std::string text;
    };
    std::string counting;
    for (char c = 0; c < 33; ++c) counting.push_back(c);
    const Case cases[] = {
        {"pencil", *base64_decode(kRfcSalt), 4096,
         "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
         "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="},
        {"secret", "xxxxx", 10,
         "SCRAM-SHA-256$10:eHh4eHg=$ZyT7TZoe9vl2786uzRcLrrDlJuok8f/GRuocW1L0KOI=:"
         "ZxHjhnT42s1CQtmjW2A1kPG6o8Wo3Pu3eF0eOYndk98="},
        {"p\xc3\xa4ssword", counting, 1,
         "SCRAM-SHA-256$1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g$rRlPG3/bzBtZqO++BbXJKgd7u7ZsUTdfovHCogIQ0B8=:"
         "Ze26qiVYn3AVrVe3M/VJ1vB6ngMAVYIToyBugwFlim8="},
    };
    for (const Case& c : cases) {
        const ScramVerifier made = derive_scram_verifier(c.password, c.salt, c.iterations);
        EXPECT_EQ(to_text(made), c.text);
        const auto parsed = parse_scram_verifier(c.text);
        ASSERT_TRUE(parsed) << c.text;
        EXPECT_EQ(to_text(*parsed), c.text);
        EXPECT_TRUE(matches(*parsed, c.password));
        EXPECT_FALSE(matches(*parsed, c.password + "x"));
        EXPECT_FALSE(matches(*parsed, ""));
    }
}

TEST(ScramVerifier, RefusesWhatIsMalformed) {
    const std::string key = base64_encode(std::string(32, 'k'));
    const std::string short_key = base64_encode(std::string(31, 'k'));
    const std::string long_salt = base64_encode(std::string(kMaxScramSalt + 1, 's'));
    ASSERT_TRUE(parse_scram_verifier("SCRAM-SHA-256$1:c2FsdA==$" + key + ":" + key));
    for (const std::string& text : {""s,
                                    "SCRAM-SHA-256"s,
                                    "SCRAM-SHA-256$"s,
                                    "SCRAM-SHA-256$4096"s,
                                    "SCRAM-SHA-256$4096:c2FsdA=="s,
                                    "SCRAM-SHA-256$4096:c2FsdA==$" + key,
                                    "SCRAM-SHA-1$4096:c2FsdA==$" + key + ":" + key,
                                    "SCRAM-SHA-256$0:c2FsdA==$" + key + ":" + key,
                                    "SCRAM-SHA-256$-1:c2FsdA==$" + key + ":" + key,
                                    "SCRAM-SHA-256$4096x:c2FsdA==$" + key + ":" + key,
                                    "SCRAM-SHA-256$ 4096:c2FsdA==$" + key + ":" + key,
                                    "SCRAM-SHA-256$10000001:c2FsdA==$" + key + ":" + key,
                                    "SCRAM-SHA-256$4294967297:c2FsdA==$" + key + ":" + key,
                                    "SCRAM-SHA-256$4096:$" + key + ":" + key,
                                    "SCRAM-SHA-256$4096:?$" + key + ":" + key,
                                    "SCRAM-SHA-256$4096:" + long_salt + "$" + key + ":" + key,
                                    "SCRAM-SHA-256$4096:c2FsdA==$" + short_key + ":" + key,
                                    "SCRAM-SHA-256$4096:c2FsdA==$" + key + ":" + short_key,
                                    "SCRAM-SHA-256$4096:c2FsdA==$" + key + ":" + key + "x",
                                    "SCRAM-SHA-256$4096:c2FsdA==$" + key + ":"}) {
        EXPECT_FALSE(parse_scram_verifier(text)) << text;
    }
}

TEST(ScramVerifier, MockIsStableAndOfItsOwnInstance) {
    const std::string one(32, '1'), two(32, '2');
    const std::string salt = mock_scram_salt(one, "eve");
    EXPECT_EQ(salt, mock_scram_salt(one, "eve"));
    EXPECT_NE(salt, mock_scram_salt(one, "bob"));
    EXPECT_NE(salt, mock_scram_salt(two, "eve"));
    EXPECT_EQ(salt.size(), 16U);
}

struct Exchange {
    std::string client_first, server_first, client_final, server_final;
    std::string code;  // of the side that refused
    bool verified = false;
    std::string recovered;
};

Exchange run(ScramClient client, const ScramVerifier& verifier) {
    Exchange e;
    ScramServer server(openssl_random);
    e.client_first = client.first();
    auto first = server.first(e.client_first, verifier.salt, verifier.iterations);
    if (!first) return e.code = first.error().code, e;
    e.server_first = *first;
    auto final = client.final(e.server_first);
    if (!final) return e.code = final.error().code, e;
    e.client_final = *final;
    auto last = server.final(e.client_final, verifier);
    e.recovered = server.client_key();
    if (!last) return e.code = last.error().code, e;
    e.server_final = *last;
    e.verified = !client.verify(e.server_final);
    return e;
}

TEST(Scram, BothEndsAgree) {
    for (const std::size_t salt_size : {1U, 5U, 16U, 28U, 1024U}) {
        const ScramVerifier verifier = derive_scram_verifier("secret", std::string(salt_size, 's'), 7);
        const ScramKeys keys = derive_scram_keys("secret", verifier.salt, 7);
        const Exchange by_password = run(ScramClient("secret", openssl_random), verifier);
        EXPECT_TRUE(by_password.verified) << salt_size;
        EXPECT_EQ(by_password.recovered, keys.client_key);
        const Exchange by_keys =
            run(ScramClient(ScramKeys{by_password.recovered, verifier.server_key}, openssl_random), verifier);
        EXPECT_TRUE(by_keys.verified) << salt_size;
        EXPECT_NE(by_password.client_final, by_keys.client_final);  // nonces are fresh
    }
}

TEST(Scram, AWrongPasswordIsNoProof) {
    const ScramVerifier verifier = derive_scram_verifier("secret", "salt", 7);
    for (const char* password : {"Secret", "secret ", "secre", "x"}) {
        const Exchange e = run(ScramClient(std::string(password), openssl_random), verifier);
        EXPECT_EQ(e.code, sqlstate::kInvalidPassword) << password;
        EXPECT_EQ(e.recovered, "") << password;
        EXPECT_EQ(e.server_final, "");
    }
    // The keys of another salt, and the two keys swapped.
    const ScramKeys other = derive_scram_keys("secret", "other", 7);
    EXPECT_EQ(run(ScramClient(other, openssl_random), verifier).code, sqlstate::kInvalidPassword);
    const ScramKeys right = derive_scram_keys("secret", "salt", 7);
    EXPECT_EQ(run(ScramClient(ScramKeys{right.server_key, right.client_key}, openssl_random), verifier).code,
              sqlstate::kInvalidPassword);
}

// A verifier is not enough to log in (StoredKey instead of ClientKey), and an empty one lets nobody in.
TEST(Scram, NeitherTheVerifierNorNothingLogsIn) {
    const ScramVerifier verifier = derive_scram_verifier("secret", "salt", 7);
    EXPECT_EQ(run(ScramClient(ScramKeys{verifier.stored_key, verifier.server_key}, openssl_random), verifier).code,
              sqlstate::kInvalidPassword);
    const ScramVerifier empty{7, "salt", {}, {}};
    EXPECT_EQ(run(ScramClient("secret", openssl_random), empty).code, sqlstate::kInvalidPassword);
}

TEST(ScramServer, FirstMessages) {
    struct Case {
        const char* name;
        std::string message;
        std::string code;  // empty: accepted
    };
    const Case cases[] = {
        {"plain", "n,,n=,r=abc", ""},
        {"the client could bind, and we do not offer it", "y,,n=,r=abc", ""},
        {"a name, as other clients send it", "n,,n=alice,r=abc", ""},
        {"extensions behind the nonce", "n,,n=,r=abc,x=y", ""},
        {"longest nonce", "n,,n=,r=" + std::string(kMaxScramNonce, 'a'), ""},
        {"binding", "p=tls-server-end-point,,n=,r=abc", "08P01"},
        {"unknown flag", "z,,n=,r=abc", "08P01"},
        {"empty", "", "08P01"},
        {"flag alone", "n", "08P01"},
        {"one comma", "n,n=,r=abc", "08P01"},
        {"authorisation identity", "n,a=bob,n=,r=abc", "0A000"},
        {"mandatory extension", "n,,m=x,n=,r=abc", "0A000"},
        {"no name", "n,,r=abc", "08P01"},
        {"no nonce", "n,,n=", "08P01"},
        {"empty nonce", "n,,n=,r=", "08P01"},
        {"nonce with a NUL", "n,,n=,r=a\0b"s, "08P01"},
        {"nonce with a blank", "n,,n=,r=a b", "08P01"},
        {"nonce that is not ASCII", "n,,n=,r=a\xc3\xa4", "08P01"},
        {"nonce too long", "n,,n=,r=" + std::string(kMaxScramNonce + 1, 'a'), "08P01"},
    };
    for (const Case& c : cases) {
        ScramServer server(count_up);
        const auto answer = server.first(c.message, "salt", 4096);
        EXPECT_EQ(answer ? "" : answer.error().code, c.code) << c.name;
    }
    ScramServer server(count_up);
    EXPECT_EQ(*server.first("n,,n=,r=abc", "salt", 4096), "r=abcAAECAwQFBgcICQoLDA0ODxAR,s=c2FsdA==,i=4096");
    ScramServer without([](std::span<std::byte>) { return false; });
    EXPECT_EQ(without.first("n,,n=,r=abc", "salt", 4096).error().code, sqlstate::kInternalError);
}

TEST(ScramServer, FinalMessages) {
    const ScramVerifier verifier = derive_scram_verifier("secret", "salt", 1);
    const std::string nonce = "abcAAECAwQFBgcICQoLDA0ODxAR";
    const std::string proof = base64_encode(std::string(32, 'p'));
    struct Case {
        const char* name;
        std::string message, code;
    };
    const Case cases[] = {
        {"well-formed and wrong", "c=biws,r=" + nonce + ",p=" + proof, "28P01"},
        {"an extension", "c=biws,r=" + nonce + ",x=y,p=" + proof, "28P01"},
        {"empty", "", "08P01"},
        {"no proof", "c=biws,r=" + nonce, "08P01"},
        {"no binding", "r=" + nonce + ",p=" + proof, "08P01"},
        {"binding of another flag", "c=eSws,r=" + nonce + ",p=" + proof, "08P01"},
        {"empty binding", "c=,r=" + nonce + ",p=" + proof, "08P01"},
        {"another nonce", "c=biws,r=abc,p=" + proof, "08P01"},
        {"a longer nonce", "c=biws,r=" + nonce + "x,p=" + proof, "08P01"},
        {"no nonce", "c=biws,p=" + proof, "08P01"},
        {"proof of 31 bytes", "c=biws,r=" + nonce + ",p=" + base64_encode(std::string(31, 'p')), "08P01"},
        {"proof of 33 bytes", "c=biws,r=" + nonce + ",p=" + base64_encode(std::string(33, 'p')), "08P01"},
        {"proof that is no base64", "c=biws,r=" + nonce + ",p=?", "08P01"},
        {"empty proof", "c=biws,r=" + nonce + ",p=", "08P01"},
    };
    for (const Case& c : cases) {
        ScramServer server(count_up);
        ASSERT_TRUE(server.first("n,,n=,r=abc", verifier.salt, 1));
        const auto answer = server.final(c.message, verifier);
        ASSERT_FALSE(answer) << c.name;
        EXPECT_EQ(answer.error().code, c.code) << c.name;
        EXPECT_EQ(server.client_key(), "") << c.name;
    }
    ScramServer unasked(count_up);
    EXPECT_FALSE(unasked.final("c=,r=,p=" + proof, verifier));
}

// 'y' is bound to the exchange: its header comes back in c=.
TEST(ScramServer, TheFlagIsCheckedAgain) {
    const ScramVerifier verifier = derive_scram_verifier("secret", "salt", 1);
    const ScramKeys keys = derive_scram_keys("secret", "salt", 1);
    for (const auto& [binding, right] : {std::pair{"eSws", true}, {"biws", false}}) {
        ScramServer server(count_up);
        const std::string server_first = *server.first("y,,n=,r=abc", "salt", 1);
        const std::string without = "c="s + binding + ",r=abcAAECAwQFBgcICQoLDA0ODxAR";
        const std::string signature = hmac_sha256(sha256(keys.client_key), "n=,r=abc," + server_first + "," + without);
        const auto answer =
            server.final(without + ",p=" + base64_encode(exclusive_or(keys.client_key, signature)), verifier);
        EXPECT_EQ(static_cast<bool>(answer), right);
    }
}

// semantics.md I: a malicious backend's nonce, and what else it may try.
// semantics.md H: PLUS binds to the certificate; whoever takes it out of our list is found out by 'y'.
TEST(ScramServer, ChannelBinding) {
    const std::string bound = "p=tls-server-end-point,,n=,r=abc";
    const auto first = [](std::string_view message, std::string end_point, bool plus) {
        ScramServer server(openssl_random, std::move(end_point));
        if (plus) server.use_plus();
        const auto answer = server.first(message, "salt", 1);
        return answer ? std::string("ok") : std::string(answer.error().code);
    };
    EXPECT_EQ(first(bound, "hash", true), "ok");
    EXPECT_EQ(first(bound, "hash", false), sqlstate::kProtocolViolation) << "without having chosen PLUS";
    EXPECT_EQ(first("n,,n=,r=abc", "hash", true), sqlstate::kProtocolViolation) << "PLUS without binding";
    EXPECT_EQ(first("n,,n=,r=abc", "hash", false), "ok");
    EXPECT_EQ(first("y,,n=,r=abc", "hash", false), sqlstate::kProtocolViolation) << "PLUS was offered";
    EXPECT_EQ(first("y,,n=,r=abc", "", false), "ok");
    EXPECT_EQ(first("p=tls-unique,,n=,r=abc", "hash", true), sqlstate::kFeatureNotSupported);
    EXPECT_EQ(first("p=tls-server-end-point,a=x,n=,r=abc", "hash", true), sqlstate::kFeatureNotSupported);
}

TEST(ScramServer, TheBindingIsToOurCertificate) {
    const ScramVerifier verifier = derive_scram_verifier("secret", "salt", 1);
    const ScramKeys keys = derive_scram_keys("secret", "salt", 1);
    const auto log_in = [&](std::string_view seen) {
        ScramServer server(openssl_random, "our certificate's hash");
        server.use_plus();
        const std::string bare = "n=,r=abc";
        const std::string server_first = *server.first("p=tls-server-end-point,," + bare, "salt", 1);
        const std::string nonce = server_first.substr(2, server_first.find(",s=") - 2);
        const std::string without = "c=" + base64_encode("p=tls-server-end-point,," + std::string(seen)) + ",r=" + nonce;
        const std::string signature = hmac_sha256(sha256(keys.client_key), bare + "," + server_first + "," + without);
        std::string proof = keys.client_key;
        for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ signature[i]);
        return static_cast<bool>(server.final(without + ",p=" + base64_encode(proof), verifier));
    };
    EXPECT_TRUE(log_in("our certificate's hash"));
    EXPECT_FALSE(log_in("the hash of somebody in between"));
    EXPECT_FALSE(log_in(""));
}

TEST(ScramClient, RefusesAHostileServer) {
    ScramClient probe("secret", count_up);
    const std::string first = probe.first();
    EXPECT_EQ(first, "n,,n=,r=AAECAwQFBgcICQoLDA0ODxAR");
    const std::string own = "AAECAwQFBgcICQoLDA0ODxAR";
    ASSERT_TRUE(probe.final("r=" + own + "x,s=c2FsdA==,i=1"));
    for (const std::string& message :
         {""s,
          "x"s,
          "r="s,
          "r=" + own + ",s=c2FsdA==,i=1",
          "r=x" + own + ",s=c2FsdA==,i=1",
          "r=foreign,s=c2FsdA==,i=1"s,
          "r=" + own + std::string(kMaxScramNonce, 'n') + ",s=c2FsdA==,i=1",
          "r=" + own + std::string(1'000'000, 'n') + ",s=c2FsdA==,i=1",
          "r=" + own + "\0n,s=c2FsdA==,i=1"s,
          "r=" + own + "x,s=,i=1",
          "r=" + own + "x,s=?,i=1",
          "r=" + own + "x,i=1",
          "r=" + own + "x,s=" + base64_encode(std::string(kMaxScramSalt + 10, 's')) + ",i=1",
          "r=" + own + "x,s=c2FsdA==",
          "r=" + own + "x,s=c2FsdA==,i=",
          "r=" + own + "x,s=c2FsdA==,i=0",
          "r=" + own + "x,s=c2FsdA==,i=-1",
          "r=" + own + "x,s=c2FsdA==,i=10000001",
          "r=" + own + "x,s=c2FsdA==,i=99999999999999999999",
          "r=" + own + "x,s=c2FsdA==,i=1x",
          "m=ext,r=" + own + "x,s=c2FsdA==,i=1",
          "e=other-error"s}) {
        ScramClient client("secret", count_up);
        ASSERT_FALSE(client.first().empty());
        const auto answer = client.final(message);
        ASSERT_FALSE(answer) << message.substr(0, 100);
        EXPECT_EQ(answer.error().code, sqlstate::kProtocolViolation);
    }
    ScramClient unasked("secret", count_up);
    EXPECT_FALSE(unasked.final("r=x,s=c2FsdA==,i=1"));
}

TEST(ScramClient, TheServerMustProveItself) {
    ScramClient client("secret", count_up);
    (void)client.first();
    EXPECT_TRUE(client.verify("v=" + base64_encode(std::string(32, 'v'))));  // before the exchange
    ASSERT_TRUE(client.final("r=AAECAwQFBgcICQoLDA0ODxARx,s=c2FsdA==,i=1"));
    EXPECT_EQ(client.verify("v=" + base64_encode(std::string(32, 'v')))->code, sqlstate::kProtocolViolation);
    EXPECT_EQ(client.verify("v=")->code, sqlstate::kProtocolViolation);
    EXPECT_EQ(client.verify("")->code, sqlstate::kProtocolViolation);
    EXPECT_EQ(client.verify("v=?")->code, sqlstate::kProtocolViolation);
    EXPECT_EQ(client.verify("e=invalid-proof")->code, sqlstate::kInvalidPassword);
}

TEST(ScramClient, NeedsRandomnessAndASecret) {
    EXPECT_EQ(ScramClient("secret", [](std::span<std::byte>) { return false; }).first(), "");
    ScramClient keyless(ScramKeys{}, count_up);
    (void)keyless.first();
    EXPECT_FALSE(keyless.final("r=AAECAwQFBgcICQoLDA0ODxARx,s=c2FsdA==,i=1"));
}

}  // namespace
}  // namespace pgweir::protocol
