// The two login machines against each other, for every kind of authentication, in pieces of every size, and broken off
// or falsified at every byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "protocol/md5_auth.hpp"
#include "proxy/session/server_login.hpp"
#include "tests/unit/proxy/session/login_support.hpp"

namespace pgweir::session {
namespace {

using config::AuthType;

struct Outcome {
    ClientLogin::Step client = ClientLogin::Step::need_more;
    ServerLogin::Step server = ServerLogin::Step::need_more;
    std::size_t sent = 0;  // bytes that passed in the direction that is tampered with
};

// Which byte of which direction is flipped or the last to arrive; nothing by default.
struct Tampering {
    bool to_client = false;  // of our ServerLogin's bytes
    std::size_t at = SIZE_MAX;
    bool flip = false;
};

// A wire of one direction.
class Wire {
  public:
    Wire(const Tampering& tampering, bool here) : tampering_(tampering), here_(here) {}
    void send(std::string_view bytes) {
        for (char c : bytes) {
            const bool hit = here_ && sent_ == tampering_.at;
            if (here_ && !tampering_.flip && sent_ >= tampering_.at) return;
            held_.push_back(hit ? static_cast<char>(c ^ 0x01) : c);
            ++sent_;
        }
    }
    template <class Machine>
    typename Machine::Step deliver(Machine& machine, std::size_t piece, std::string& answer) {
        visible_ = std::min(held_.size(), visible_ + piece);
        std::size_t consumed = 0;
        const auto step = machine.on_bytes(as_bytes(held_).first(visible_), consumed, answer);
        held_.erase(0, consumed);
        visible_ -= consumed;
        return step;
    }
    [[nodiscard]] bool idle() const { return visible_ == held_.size(); }
    [[nodiscard]] std::size_t sent() const { return sent_; }

  private:
    Tampering tampering_;
    bool here_;
    std::string held_;
    std::size_t visible_ = 0, sent_ = 0;
};

// One directory for all: making it is slow.
const UserDirectory& directory() {
    static const UserDirectory users(some_users(AuthType::scram_sha_256));
    return users;
}

Outcome run(AuthType type, std::string_view user, const ServerSecret& secret, std::size_t piece = SIZE_MAX / 2,
            const Tampering& tampering = {}) {
    ClientLogin client(directory(), type);
    ServerLogin server{std::string(user), "db", {}, secret};
    Wire up(tampering, tampering.to_client), down(tampering, !tampering.to_client);
    std::string first;
    server.start(first);
    up.send(first);
    Outcome outcome;
    bool welcomed = false;
    while (!up.idle() || !down.idle()) {
        std::string answer;
        if (outcome.client == ClientLogin::Step::need_more && !up.idle()) {
            outcome.client = up.deliver(client, piece, answer);
            down.send(answer);
        }
        if (outcome.client == ClientLogin::Step::authenticated && !std::exchange(welcomed, true))
            down.send({"Z\0\0\0\5I", 6});
        answer.clear();
        if (!down.idle()) {
            outcome.server = down.deliver(server, piece, answer);
            if (outcome.server != ServerLogin::Step::need_more) break;
            up.send(answer);
        }
        if (outcome.client != ClientLogin::Step::need_more && down.idle()) break;
    }
    outcome.sent = tampering.to_client ? up.sent() : down.sent();
    return outcome;
}

ServerSecret password(std::string text) { return {std::move(text), {}, {}, {}}; }

struct Login {
    AuthType type;
    std::string_view user;
};
constexpr Login kLogins[] = {
    {AuthType::trust, kNone},     {AuthType::password, kPlain},      {AuthType::password, kMd5},
    {AuthType::password, kScram}, {AuthType::md5, kPlain},           {AuthType::md5, kMd5},
    {AuthType::md5, kScram},      {AuthType::scram_sha_256, kPlain}, {AuthType::scram_sha_256, kScram},
};

TEST(Logins, AgreeInPiecesOfEverySize) {
    for (const Login& login : kLogins) {
        for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, SIZE_MAX / 2}) {
            const Outcome good = run(login.type, login.user, password("secret"), piece);
            EXPECT_EQ(good.client, ClientLogin::Step::authenticated) << login.user;
            EXPECT_EQ(good.server, ServerLogin::Step::ready) << login.user;
            if (login.type == AuthType::trust) continue;
            const Outcome bad = run(login.type, login.user, password("Secret"), piece);
            EXPECT_EQ(bad.client, ClientLogin::Step::failed) << login.user;
            EXPECT_EQ(bad.server, ServerLogin::Step::failed) << login.user;
        }
    }
}

TEST(Logins, ByHashAndByKeys) {
    const ServerSecret hash{{}, protocol::md5_stored("secret", kMd5), {}, {}};
    EXPECT_EQ(run(AuthType::md5, kMd5, hash).server, ServerLogin::Step::ready);
    const auto verifier = protocol::parse_scram_verifier(scram_text("secret"));
    const auto keys = protocol::derive_scram_keys("secret", verifier->salt, verifier->iterations);
    EXPECT_EQ(run(AuthType::scram_sha_256, kScram, {{}, {}, keys.client_key, keys.server_key}).server,
              ServerLogin::Step::ready);
    EXPECT_EQ(run(AuthType::scram_sha_256, kPlain, {{}, {}, keys.client_key, keys.server_key}).server,
              ServerLogin::Step::failed);
}

// Cut off at every byte, in both directions: nobody is ever let in, nobody hangs on to more than it may.
TEST(Logins, TruncatedAtEveryByte) {
    for (const Login& login : kLogins) {
        const std::size_t up = run(login.type, login.user, password("secret"), 64, {.to_client = true}).sent;
        for (std::size_t at = 0; at < up; ++at) {
            const Outcome cut = run(login.type, login.user, password("secret"), 64, {.to_client = true, .at = at});
            EXPECT_EQ(cut.client, ClientLogin::Step::need_more) << login.user << " " << at;
        }
        const std::size_t down = run(login.type, login.user, password("secret"), 64, {}).sent;
        for (std::size_t at = 0; at < down; ++at) {
            const Outcome cut = run(login.type, login.user, password("secret"), 64, {.to_client = false, .at = at});
            EXPECT_EQ(cut.server, ServerLogin::Step::need_more) << login.user << " " << at;
        }
    }
}

// One bit of SCRAM's messages flipped, after the startup packet: never both sides content.
TEST(Logins, AFlippedBitEndsAScramLogin) {
    const std::size_t startup_size = [] {
        std::string first;
        ServerLogin{std::string(kScram), "db", {}, {}}.start(first);
        return first.size();
    }();
    for (const bool to_client : {true, false}) {
        const std::size_t size =
            run(AuthType::scram_sha_256, kScram, password("secret"), 64, {.to_client = to_client}).sent;
        const std::size_t end = to_client ? size : size - 6 - 9;  // ReadyForQuery and AuthenticationOk are not signed
        for (std::size_t at = to_client ? startup_size : 0; at < end; ++at) {
            const Outcome o = run(AuthType::scram_sha_256, kScram, password("secret"), 64, {to_client, at, true});
            EXPECT_FALSE(o.client == ClientLogin::Step::authenticated && o.server == ServerLogin::Step::ready)
                << to_client << " " << at;
        }
    }
}

}  // namespace
}  // namespace pgweir::session
