// A message that has not the form its tag calls for is a protocol violation, wherever it stands: also behind good ones that
// were looked at before, and whether the client has a server or not.
#include "tests/unit/proxy/session/conversation.hpp"

#include <gtest/gtest.h>

namespace pgweir::test {
namespace {

using namespace std::string_literals;

class MalformedTest : public testing::TestWithParam<std::size_t> {
  protected:
    static void expect_violation(const Conversation& talk, std::string_view of) {
        EXPECT_TRUE(talk.failed) << of;
        EXPECT_EQ(talk.why.code, "08P01") << of;
    }
};

INSTANTIATE_TEST_SUITE_P(Chunks, MalformedTest, testing::Values(1, 7, 1 << 20));

struct Malformed {
    std::string_view name;
    std::string bytes;
};

std::vector<Malformed> malformed() {
    return {
        {"Parse without an end of its text", message('P', "\0select 1"s)},
        {"Parse with fewer types than it says", message('P', "\0select 1\0\0\2\0\0\0\0"s)},
        {"Bind without a statement's name", message('B', "\0abc"s)},
        {"Bind that ends behind its names", message('B', "\0\0\0"s)},
        {"Describe of nothing", message('D', "")},
        {"Describe of neither a statement nor a portal", message('D', "X\0"s)},
        {"Describe with bytes behind the name", message('D', "S\0x"s)},
        {"Execute without a limit", message('E', "\0"s)},
        {"Close of nothing", message('C', "")},
        {"Sync with a body", message('S', "x")},
        {"Flush with a body", message('H', "x")},
    };
}

TEST_P(MalformedTest, BehindASegmentThatWasPlanned) {
    for (const Malformed& bad : malformed()) {
        Conversation talk{GetParam()};
        talk.client(query("select 1"));
        talk.client(bad.bytes);
        talk.server(row("1") + complete("SELECT 1") + ready());
        expect_violation(talk, bad.name);
    }
}

TEST_P(MalformedTest, WithinASegment) {
    for (const Malformed& bad : malformed()) {
        Conversation talk{GetParam()};
        talk.client(parse("", "select 1") + bad.bytes + sync());
        expect_violation(talk, bad.name);
    }
}

TEST_P(MalformedTest, InATransaction) {
    for (const Malformed& bad : malformed()) {
        Conversation talk{GetParam()};
        talk.client(query("begin"));
        talk.server(complete("BEGIN") + ready('T'));
        talk.client(parse("", "select 1") + bind("", "") + bad.bytes + sync());
        expect_violation(talk, bad.name);
    }
}

}  // namespace
}  // namespace pgweir::test
