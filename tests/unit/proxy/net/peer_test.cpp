#include "proxy/net/peer.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <optional>

namespace pgweir::net {
namespace {

using namespace std::chrono_literals;

// A peer that keeps all it receives, and reads again when `greedy`.
class Sample final : public Peer {
  public:
    using Peer::adopt;
    using Peer::close_socket;
    using Peer::connect;
    using Peer::end_sending;
    using Peer::fd;
    using Peer::hung_up;
    using Peer::Peer;
    using Peer::release_socket;

    std::string received;
    bool ended = false, drained = false, was_lost = false, greedy = true;
    int readables = 0;
    std::optional<int> connected;

  private:
    void on_readable() override {
        ++readables;
        if (!greedy) return;
        std::array<char, 4096> buffer;
        const std::ptrdiff_t got = receive(buffer.data(), buffer.size());
        if (got == 0) {
            ended = true;
            return;
        }
        if (got > 0) received.append(buffer.data(), static_cast<std::size_t>(got));
        arm_read();
    }
    void on_drained() override { drained = true; }
    void on_lost() override { was_lost = true; }
    void on_connected(int error) override { connected = error; }
};

class PeerTest : public testing::Test {
  protected:
    PeerTest() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
        peer_->adopt(ends[0]);
        other_ = ends[1];
    }
    ~PeerTest() override {
        if (other_ >= 0) ::close(other_);
    }

    void turn(std::chrono::milliseconds limit = 0ms) {
        poller_.wait(limit);
        poller_.dispatch();
    }
    void say(std::string_view text) const {
        EXPECT_EQ(::write(other_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    void hang_up() { ::close(std::exchange(other_, -1)); }
    std::string take_all() const {
        std::string all;
        std::array<char, 65536> buffer;
        for (ssize_t got = 0; (got = ::read(other_, buffer.data(), buffer.size())) > 0;) {
            all.append(buffer.data(), static_cast<std::size_t>(got));
        }
        return all;
    }

    Poller poller_;
    std::shared_ptr<Sample> peer_ = std::make_shared<Sample>(poller_);
    int other_ = -1;
};

TEST_F(PeerTest, ReadsOnlyWhenArmed) {
    say("a");
    turn();
    EXPECT_EQ(peer_->received, "");
    peer_->arm_read();
    turn();
    EXPECT_EQ(peer_->received, "a");
    say("b");
    turn();
    EXPECT_EQ(peer_->received, "ab");
    hang_up();
    turn();
    EXPECT_TRUE(peer_->ended);
}

TEST_F(PeerTest, WhoDoesNotReadIsNotToldForEver) {
    peer_->greedy = false;
    peer_->arm_read();
    say("a");
    for (int i = 0; i < 5; ++i) turn();
    EXPECT_EQ(peer_->readables, 1);
    peer_->greedy = true;
    peer_->arm_read();
    turn();
    EXPECT_EQ(peer_->received, "a");
}

TEST_F(PeerTest, AnEndThatNobodyWantsToReadIsNotToldForEver) {
    peer_->greedy = false;
    peer_->arm_read();
    hang_up();
    for (int i = 0; i < 5; ++i) turn();
    EXPECT_EQ(peer_->readables, 1);
    EXPECT_TRUE(peer_->hung_up());
    poller_.wait(0ms);  // the poller has nothing to tell: a loop would sleep
    peer_->greedy = true;
    peer_->arm_read();
    turn();
    EXPECT_TRUE(peer_->ended) << "but it is told to who asks";
}

TEST_F(PeerTest, KeepsWhatDoesNotFitAndSendsItInOrder) {
    std::string all;
    for (int i = 0; !peer_->blocked(); ++i) {
        const std::string part(10'000, static_cast<char>('a' + i % 26));
        peer_->send(as_bytes(part));
        all += part;
    }
    peer_->send(as_bytes("the end"));
    all += "the end";
    turn();
    EXPECT_FALSE(peer_->drained);
    std::string got;
    for (int i = 0; i < 1000 && got.size() < all.size(); ++i) {
        got += take_all();
        turn();
    }
    EXPECT_EQ(got, all);
    EXPECT_TRUE(peer_->drained);
    EXPECT_FALSE(peer_->blocked());
}

TEST_F(PeerTest, IsLostWhenTheOtherSideGoesWhileBytesWait) {
    const std::string part(10'000, 'x');
    while (!peer_->blocked()) peer_->send(as_bytes(part));
    hang_up();
    turn();
    EXPECT_TRUE(peer_->lost());
    turn();
    EXPECT_TRUE(peer_->was_lost) << "told from the loop";
    EXPECT_FALSE(peer_->blocked());
}

TEST_F(PeerTest, AFailedSendIsToldLater) {
    hang_up();
    peer_->send(as_bytes("x"));
    EXPECT_TRUE(peer_->lost());
    EXPECT_FALSE(peer_->was_lost);
    turn();
    EXPECT_TRUE(peer_->was_lost);
}

TEST_F(PeerTest, AClosedOneHearsNothing) {
    peer_->arm_read();
    say("a");
    peer_->close_socket();
    turn();
    EXPECT_EQ(peer_->readables, 0);
    EXPECT_FALSE(peer_->open());
    peer_->send(as_bytes("x"));
    peer_->arm_read();
}

TEST_F(PeerTest, ASocketGivenAwayGoesOnElsewhere) {
    peer_->arm_read();
    Poller elsewhere;
    const auto next = std::make_shared<Sample>(elsewhere);
    next->adopt(peer_->release_socket());
    say("a");
    turn();
    EXPECT_EQ(peer_->readables, 0);
    next->arm_read();
    elsewhere.wait(0ms);
    elsewhere.dispatch();
    EXPECT_EQ(next->received, "a");
}

TEST_F(PeerTest, LastWordsArriveThoughTheOtherSideHasSaidMore) {
    say("unread");
    peer_->send(as_bytes("last words"));
    peer_->end_sending();
    peer_->close_socket();
    EXPECT_EQ(take_all(), "last words");
}

// Sent together with others' at the end of the wake, or, without a ring, at once: `ring` or not, the bytes are the same.
class SendSoonTest : public PeerTest, public testing::WithParamInterface<bool> {
  protected:
    void SetUp() override {
        if (!GetParam()) return;
        if (const int error = poller_.sends().open(); error != 0) GTEST_SKIP() << "no io_uring here: errno " << error;
        second_->adopt(ends_[0]);
    }
    ~SendSoonTest() override { ::close(ends_[1]); }
    // A second one in the batch, so that the ring is used.
    void with_another() {
        if (GetParam()) second_->send_soon(as_bytes("other"));
    }
    // Leaves no room in the socket, without the peer's knowing.
    std::size_t fill() const {
        std::size_t all = 0;
        const std::string part(1000, 'f');
        for (ssize_t sent = 0; (sent = ::send(peer_->fd(), part.data(), part.size(), MSG_DONTWAIT)) > 0;) all += static_cast<std::size_t>(sent);
        return all;
    }
    std::array<int, 2> ends_ = [] {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
        return ends;
    }();
    std::shared_ptr<Sample> second_ = std::make_shared<Sample>(poller_);
};

INSTANTIATE_TEST_SUITE_P(Ring, SendSoonTest, testing::Bool());

TEST_P(SendSoonTest, ByTheEndOfTheWakeAndInOrder) {
    for (int i = 0; i < 3; ++i) {
        peer_->send_soon(as_bytes("soon "));
        with_another();
        EXPECT_EQ(take_all(), GetParam() ? "" : "soon ");
        turn();
        EXPECT_EQ(take_all(), GetParam() ? "soon " : "");
        peer_->send_soon(as_bytes("soon "));
        with_another();
        peer_->send(as_bytes("now "));
        EXPECT_EQ(take_all(), "soon now ") << "nothing overtakes";
        peer_->send_soon(as_bytes("soon "));
        with_another();
        peer_->send_soon(as_bytes("again "));
        turn();
        EXPECT_EQ(take_all(), "soon again ");
        const std::string large(SendBatch::kMostBytes + 1, 'l');
        peer_->send_soon(as_bytes("soon "));
        peer_->send_soon(as_bytes(large));
        turn();
        EXPECT_EQ(take_all(), "soon " + large);
    }
}

TEST_P(SendSoonTest, KeepsWhatDoesNotFit) {
    const std::size_t before = fill();
    with_another();
    peer_->send_soon(as_bytes("does not fit"));
    turn();
    EXPECT_TRUE(peer_->blocked());
    peer_->send_soon(as_bytes(", nor does this"));
    std::string got;
    for (int i = 0; i < 1000 && !peer_->drained; ++i) {
        got += take_all();
        turn();
    }
    got += take_all();
    EXPECT_EQ(got, std::string(before, 'f') + "does not fit, nor does this");
    EXPECT_FALSE(peer_->lost());
}

TEST_P(SendSoonTest, KeepsTheRestOfWhatFitsInPart) {
    const int least = 1;  // the system makes it its own least
    ASSERT_EQ(::setsockopt(peer_->fd(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
    std::string all, got;
    while (!peer_->blocked()) {
        const std::string part(3000, static_cast<char>('a' + all.size() / 3000 % 26));
        all += part;
        with_another();
        peer_->send_soon(as_bytes(part));
        turn();
    }
    for (int i = 0; i < 1000 && !peer_->drained; ++i) {
        got += take_all();
        turn();
    }
    EXPECT_EQ(got + take_all(), all);
}

// Somebody else's bytes would come into the middle of this one's.
TEST_P(SendSoonTest, WhetherAllWasSentIsNoGuess) {
    with_another();
    peer_->send_soon(as_bytes("fits"));
    EXPECT_TRUE(peer_->sent_all());
    EXPECT_EQ(take_all(), "fits");
    fill();
    with_another();
    peer_->send_soon(as_bytes("does not fit"));
    EXPECT_FALSE(peer_->sent_all());
    EXPECT_TRUE(peer_->blocked());
}

TEST_P(SendSoonTest, AFailureIsToldLater) {
    hang_up();
    with_another();
    peer_->send_soon(as_bytes("x"));
    turn();
    EXPECT_TRUE(peer_->lost());
    turn();
    EXPECT_TRUE(peer_->was_lost);
    EXPECT_FALSE(second_->lost());
}

TEST_P(SendSoonTest, WhatWasToBeSentIsSentBeforeTheSocketGoes) {
    with_another();
    peer_->send_soon(as_bytes("last words"));
    peer_->close_socket();
    EXPECT_EQ(take_all(), "last words");
}

TEST_P(SendSoonTest, AndBeforeTheEndOfSending) {
    with_another();
    peer_->send_soon(as_bytes("last words"));
    peer_->end_sending();
    EXPECT_EQ(take_all(), "last words");
}

TEST_P(SendSoonTest, AndBeforeTheSocketIsGivenAway) {
    with_another();
    peer_->send_soon(as_bytes("first "));
    Poller elsewhere;
    const auto next = std::make_shared<Sample>(elsewhere);
    next->adopt(peer_->release_socket());
    next->send(as_bytes("then"));
    EXPECT_EQ(take_all(), "first then");
}

TEST_P(SendSoonTest, WhoIsDestroyedLeavesTheBatch) {
    with_another();
    peer_->send_soon(as_bytes("last words"));
    peer_.reset();
    EXPECT_EQ(take_all(), "last words");
    turn();
}

// A listening socket on the loopback address.
struct Listening {
    Listening() {
        fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(fd, 1), 0);
        socklen_t size = sizeof address;
        EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
        endpoint = boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v4::loopback(), ntohs(address.sin_port));
    }
    ~Listening() { close(); }
    void close() {
        if (fd >= 0) ::close(std::exchange(fd, -1));
    }
    int fd = -1;
    Endpoint endpoint;
};

void await_connection(Poller& poller, const Sample& peer) {
    for (int i = 0; i < 100 && !peer.connected; ++i) {
        poller.wait(100ms);
        poller.dispatch();
    }
}

TEST(PeerConnect, TellsLaterThatItStands) {
    Poller poller;
    Listening listening;
    const auto peer = std::make_shared<Sample>(poller);
    peer->connect(listening.endpoint);
    EXPECT_FALSE(peer->connected);
    await_connection(poller, *peer);
    EXPECT_EQ(peer->connected, 0);
    EXPECT_TRUE(peer->open());
}

TEST(PeerConnect, TellsLaterThatItIsRefused) {
    Poller poller;
    Listening listening;
    listening.close();
    const auto peer = std::make_shared<Sample>(poller);
    peer->connect(listening.endpoint);
    EXPECT_FALSE(peer->connected);
    await_connection(poller, *peer);
    EXPECT_EQ(peer->connected, ECONNREFUSED);
    EXPECT_FALSE(peer->open());
}

TEST(PeerConnect, OneThatIsClosedMeanwhileHearsNothing) {
    Poller poller;
    Listening listening;
    const auto peer = std::make_shared<Sample>(poller);
    peer->connect(listening.endpoint);
    peer->close_socket();
    poller.wait(50ms);
    poller.dispatch();
    EXPECT_FALSE(peer->connected);
}

}  // namespace
}  // namespace pgweir::net
