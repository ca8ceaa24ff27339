// LISTENs for many, on one session (semantics.md D).
#include "proxy/session/listener_machine.hpp"

#include <gtest/gtest.h>

#include "tests/support/wire.hpp"

namespace pgweir::test {
namespace {

using namespace std::string_literals;
using Kind = session::ListenerMachine::Event::Kind;

class ListenerTest : public testing::TestWithParam<std::size_t> {
  protected:
    // What comes of these bytes, a few at a time.
    std::vector<session::ListenerMachine::Event> feed(std::string_view bytes) {
        std::vector<session::ListenerMachine::Event> events;
        for (std::size_t at = 0; at < bytes.size() && good; at += GetParam()) {
            kept += bytes.substr(at, GetParam());
            std::size_t consumed = 0;
            good = machine.on_bytes(as_bytes(kept), consumed, events);
            kept.erase(0, consumed);
        }
        return events;
    }

    static std::string notification(std::string_view channel, std::string_view payload) {
        return message('A', std::string(4, '\1') + text(channel) + text(payload));
    }

    session::ListenerMachine machine;
    std::string kept, sent;
    bool good = true;
};

INSTANTIATE_TEST_SUITE_P(Chunks, ListenerTest, testing::Values(1, 3, 1 << 20));

TEST_P(ListenerTest, SaysWhenItListens) {
    machine.ask("jobs", sent);
    EXPECT_EQ(sent, query("LISTEN \"jobs\""));
    EXPECT_FALSE(machine.quiet());
    EXPECT_TRUE(feed(complete("LISTEN")).empty());
    const auto events = feed(ready());
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].kind, Kind::listening);
    EXPECT_EQ(events[0].channel, "jobs");
    EXPECT_TRUE(machine.quiet());
}

TEST_P(ListenerTest, QuotesChannels) {
    machine.ask("a\"; DROP TABLE t; --", sent);
    EXPECT_EQ(sent, query("LISTEN \"a\"\"; DROP TABLE t; --\""));
}

TEST_P(ListenerTest, TellsAFailure) {
    machine.ask("jobs", sent);
    const auto events = feed(error("25006") + ready());
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].kind, Kind::failed);
    EXPECT_EQ(events[0].code, "25006");
    EXPECT_TRUE(good);
}

TEST_P(ListenerTest, PassesNotifications) {
    const std::string whole = notification("jobs", "payload");
    const auto events = feed(whole + notification("other", ""));
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].kind, Kind::notification);
    EXPECT_EQ(events[0].channel, "jobs");
    EXPECT_EQ(events[0].text, whole);
    EXPECT_EQ(events[1].channel, "other");
}

// The first answer is not the state of the channel: UNLISTEN comes behind it.
TEST_P(ListenerTest, ListenUnlistenListen) {
    machine.ask("jobs", sent);
    machine.unask("jobs", sent);
    machine.ask("jobs", sent);
    EXPECT_TRUE(feed(complete("LISTEN") + ready() + complete("UNLISTEN") + ready()).empty());
    EXPECT_EQ(feed(complete("LISTEN") + ready()).size(), 1U);
}

TEST_P(ListenerTest, EndsWithTheSession) {
    for (const std::string& bytes : {message('E', "SFATAL\0VFATAL\0C57P01\0Mbye\0\0"s), ready(), row("x"), std::string("Z\0\0\0\1", 5),
                                     message('A', "\1\1")}) {
        machine = {};
        kept.clear();
        good = true;
        (void)feed(bytes);
        EXPECT_FALSE(good) << tags(bytes);
    }
}

}  // namespace
}  // namespace pgweir::test
