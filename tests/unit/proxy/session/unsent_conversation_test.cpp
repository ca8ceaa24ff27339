// Segments that never reached a server: they are placed anew as if nothing had been (semantics.md G). And what is known of one
// that did, when its server is lost.
#include <gtest/gtest.h>

#include "tests/unit/proxy/session/conversation.hpp"

namespace pgweir::test {
namespace {

class UnsentTest : public testing::TestWithParam<std::size_t> {
  protected:
    // What a server gets of `bytes` when the connection is dead at first, beside what it would get else.
    [[nodiscard]] std::pair<std::string, std::string> both(std::string_view before, std::string_view answer, std::string_view bytes) {
        Conversation other(GetParam());
        for (Conversation* one : {&talk, &other}) {
            if (before.empty()) continue;
            one->client(before);
            one->server(answer);
            one->take_client();
        }
        talk.dead_on_sending();
        return {talk.client(bytes), other.client(bytes)};
    }
    Conversation talk{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Chunks, UnsentTest, testing::Values(1, 7, 1 << 20));

TEST_P(UnsentTest, AWriteGoesToTheNextServerOnce) {
    const auto [sent, usual] = both("", "", query("insert into t values (1)"));
    EXPECT_EQ(sent, usual);
    EXPECT_EQ(talk.server(complete("INSERT 0 1") + ready()), complete("INSERT 0 1") + ready());
    EXPECT_FALSE(talk.linked());
}

TEST_P(UnsentTest, ANewStatementIsPreparedThere) {
    const auto [sent, usual] = both("", "", parse("s", "insert into t values (1)") + bind("", "s") + execute() + sync());
    EXPECT_EQ(tags(sent), "PBES");
    EXPECT_EQ(tags(usual), "PBES");
    EXPECT_NE(sent.find("insert into t values (1)"), std::string::npos);
    talk.server(parsed() + bound() + complete("INSERT 0 1") + ready());
    EXPECT_EQ(tags(talk.client(bind("", "s") + execute() + sync())), "BES");
}

TEST_P(UnsentTest, AClosedStatementIsThereAgainUntilTheCloseIsSent) {
    const std::string prepare = parse("s", "insert into t values (1)") + sync();
    const auto [sent, usual] = both(prepare, parsed() + ready(), close('S', "s") + parse("s", "delete from t") + bind("", "s") + execute() + sync());
    EXPECT_EQ(tags(sent), tags(usual));  // statements' numbers differ
    EXPECT_NE(sent.find("delete from t"), std::string::npos);
}

TEST_P(UnsentTest, TheUnnamedStatementSurvivesAQueryThatWasNotSent) {
    const auto [sent, usual] = both(parse("", "delete from t") + sync(), parsed() + ready(), query("insert into t values (1)"));
    EXPECT_EQ(sent, usual);
}

TEST_P(UnsentTest, AReadIsGivenBackToo) {
    Conversation reads(GetParam(), 100, {.retry_limit = 1024});
    reads.dead_on_sending();
    EXPECT_EQ(reads.client(query("select 1")), query("select 1"));
    EXPECT_EQ(reads.runs_again, 0U);
}

// A transaction that goes on has not been committed, whatever of it was under way.
TEST_P(UnsentTest, OnlyWhatMayEndATransactionMayHaveCommitted) {
    talk.client(query("insert into t values (1)"));
    EXPECT_TRUE(talk.machine().may_have_committed());
    talk.server(complete("INSERT 0 1") + ready());
    talk.client(query("begin; insert into t values (2)"));
    EXPECT_TRUE(talk.machine().may_have_committed());
    talk.server(complete("BEGIN") + complete("INSERT 0 1") + ready('T'));
    talk.client(query("insert into t values (3)"));
    EXPECT_FALSE(talk.machine().may_have_committed());
    talk.server(complete("INSERT 0 1") + ready('T'));
    talk.client(parse("", "insert into t values (4)") + bind("", "") + execute() + sync());
    EXPECT_FALSE(talk.machine().may_have_committed());
    talk.server(parsed() + bound() + complete("INSERT 0 1") + ready('T'));
    talk.client(query("insert into t values (5); commit"));
    EXPECT_TRUE(talk.machine().may_have_committed());
    talk.server(complete("INSERT 0 1") + error("40001") + ready('E'));
    talk.client(parse("", "rollback") + bind("", "") + execute() + sync());
    EXPECT_TRUE(talk.machine().may_have_committed());
}

}  // namespace
}  // namespace pgweir::test
