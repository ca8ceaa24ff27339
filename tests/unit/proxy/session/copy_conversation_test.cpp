// COPY as scripted conversations, replayed all at once and byte by byte: semantics.md C, "COPY rule".
#include "tests/unit/proxy/session/conversation.hpp"

#include <gtest/gtest.h>

namespace pgweir::test {
namespace {

class CopyConversationTest : public testing::TestWithParam<std::size_t> {
  protected:
    Conversation talk{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Chunks, CopyConversationTest, testing::Values(1, 2, 7, 1 << 20));

// P B E(COPY FROM, ok) Sync d c Sync: one Z; the Sync inside CopyIn is ignored.
TEST_P(CopyConversationTest, CopyInExtended) {
    const std::string start = parse("", "copy t from stdin") + bind("", "") + execute();
    EXPECT_EQ(tags(talk.client(start + sync() + copy_data("1\n") + copy_done() + sync())), "PBEH");
    talk.server(parsed() + bound() + copy_in());
    EXPECT_EQ(tags(talk.take_server()), "dcS");
    EXPECT_EQ(tags(talk.server(complete("COPY 1") + ready())), "CZ");
    EXPECT_FALSE(talk.linked());
}

// What is answered before the COPY itself says nothing about it: neither replayed settings nor an Execute.
TEST_P(CopyConversationTest, CopyInExtendedBehindOtherAnswers) {
    talk.client(query("set timezone = 'Asia/Tokyo'"));
    talk.server(complete("SET") + status("TimeZone", "Asia/Tokyo") + ready());
    talk.backend().set_actual({});
    const std::string insert = parse("", "insert into t values (1)") + bind("", "") + execute();
    const std::string start = parse("", "copy t from stdin") + bind("", "") + execute();
    EXPECT_EQ(tags(talk.client(insert + start + copy_data("1\n") + copy_done() + sync())), "QPBEPBEH");
    talk.server(complete("SET") + ready());
    EXPECT_EQ(talk.take_server(), "");
    talk.server(parsed() + bound() + complete("INSERT 0 1"));
    EXPECT_EQ(talk.take_server(), "");
    talk.server(parsed() + bound() + copy_in());
    EXPECT_EQ(tags(talk.take_server()), "dcS");
    talk.take_client();
    EXPECT_EQ(tags(talk.server(complete("COPY 1") + ready())), "CZ");
    EXPECT_FALSE(talk.linked());
}

// The same bytes, the COPY fails before G: two Z.
TEST_P(CopyConversationTest, CopyInExtendedThatFails) {
    const std::string start = parse("", "copy t from stdin") + bind("", "") + execute();
    talk.client(start + sync() + copy_data("1\n") + copy_done() + sync());
    talk.server(parsed() + bound() + error("42P01"));
    EXPECT_EQ(tags(talk.take_server()), "S");
    talk.server(ready());
    EXPECT_EQ(tags(talk.take_client()), "12EZZ") << "the data is dropped, the second Sync is answered";
    EXPECT_FALSE(talk.linked());
}

// Its portal was bound in an earlier segment: nobody knew that it copies, and its Sync was sent behind it.
TEST_P(CopyConversationTest, CopyInThatWasNotExpectedIgnoresTheSync) {
    talk.client(query("begin"));
    talk.server(complete("BEGIN") + ready('T'));
    talk.client(parse("", "copy t from stdin") + bind("p", "") + sync());
    talk.server(parsed() + bound() + ready('T'));
    EXPECT_EQ(tags(talk.client(execute("p") + sync())), "ES");
    talk.server(message('G', std::string("\0\0\0", 3)));
    EXPECT_EQ(tags(talk.client(message('d', "1\n") + message('c', "") + sync())), "dcS");
    talk.take_client();
    talk.server(complete("COPY 1") + ready('T'));
    EXPECT_EQ(tags(talk.take_client()), "CZ");
    EXPECT_EQ(tags(talk.client(query("commit"))), "Q") << "the first Sync is not waited for";
}

TEST_P(CopyConversationTest, CopyInSimpleThatFailsDropsTheRest) {
    talk.client(query("copy t from stdin"));
    talk.server(copy_in());
    EXPECT_EQ(tags(talk.client(copy_data("x"))), "d");
    talk.server(error("22P02") + ready());
    EXPECT_FALSE(talk.linked());
    EXPECT_EQ(talk.client(copy_data("y") + copy_done()), "") << "never into a connection that is somebody else's";
    EXPECT_EQ(tags(talk.client(query("select 1"))), "Q");
}

// "Query during an extended COPY: E and FATAL 08P01, connection lost."
TEST_P(CopyConversationTest, AnotherMessageInTheMiddleOfCopyIn) {
    const std::string start = parse("", "copy t from stdin") + bind("", "") + execute();
    for (const std::string& other : {query("select 1"), parse("", "x"), bind("", ""), describe('P', ""), execute(), close('S', "s")}) {
        Conversation one(GetParam());
        one.client(start + flush());
        one.server(parsed() + bound() + copy_in());
        one.take_client();
        one.client(copy_data("1\n") + other);
        EXPECT_EQ(tags(one.take_client()), "E") << tags(other);
        EXPECT_TRUE(one.failed);
        EXPECT_EQ(one.why.code, "08P01");
    }
}

}  // namespace
}  // namespace pgweir::test
