// pgweir.explain: what an EXPLAIN's answer shows of its route, as conversations.
#include <gtest/gtest.h>

#include "protocol/message.hpp"
#include "tests/unit/proxy/session/conversation.hpp"

namespace pgweir::test {
namespace {

class ExplainConversationTest : public testing::TestWithParam<std::size_t> {
  protected:
    ExplainConversationTest() { talk.backend().set_name("r1"); }

    static session::ClientSetup setup() {
        session::ClientSetup setup;
        setup.retry_limit = 1000;
        return setup;
    }
    void turn(std::string_view value) {
        talk.take_client();
        talk.client(query("SET pgweir.explain = " + std::string(value)));
        EXPECT_EQ(tags(talk.take_client()).substr(0, 1), "C") << value;
    }
    // The answer to a Query that has this plan.
    std::string ask(std::string_view sql, char status = 'I', std::string_view tag = "EXPLAIN") {
        EXPECT_EQ(talk.client(query(sql)), query(sql));
        return talk.server(described() + row("Plan") + complete(tag) + ready(status));
    }
    static std::string described() { return message('T', std::string(2, '\0')); }
    static std::string plain(char status = 'I') { return described() + row("Plan") + complete("EXPLAIN") + ready(status); }
    static std::string with(std::string_view line, char status = 'I') {
        return described() + row("Plan") + row(line) + complete("EXPLAIN") + ready(status);
    }

    static constexpr std::string_view kRead = "pgweir: replica \"r1\" (reason: read)";
    Conversation talk{GetParam(), 100, setup()};
};

INSTANTIATE_TEST_SUITE_P(Chunks, ExplainConversationTest, testing::Values(1, 7, 1 << 20));

TEST_P(ExplainConversationTest, OnlyWhenItIsOn) {
    EXPECT_EQ(ask("EXPLAIN SELECT 1"), plain());
    turn("on");
    EXPECT_EQ(ask("EXPLAIN SELECT 1"), with(kRead));
    turn("off");
    EXPECT_EQ(ask("EXPLAIN SELECT 1"), plain());
}

TEST_P(ExplainConversationTest, OnlyOfAnExplain) {
    turn("true");
    EXPECT_EQ(talk.client(query("SELECT 1")), query("SELECT 1"));
    const std::string answer = described() + row("1") + complete("SELECT 1") + ready();
    EXPECT_EQ(talk.server(answer), answer);
    EXPECT_EQ(ask("EXPLAIN SELECT 1", 'I', "SELECT 1"), described() + row("Plan") + complete("SELECT 1") + ready()) << "the tag decides";
    const std::string two = "EXPLAIN SELECT 1; SELECT 2";
    talk.client(query(two));
    EXPECT_EQ(talk.server(plain()), plain()) << "of several statements it is not known which one ends";
}

// What it explains would go elsewhere, or for another reason.
TEST_P(ExplainConversationTest, WhereTheStatementItselfWouldGo) {
    turn("on");
    EXPECT_EQ(ask("EXPLAIN DELETE FROM t"),
              with("pgweir: primary \"r1\" (reason: explain_other); the statement itself: primary (reason: write)"));
    EXPECT_EQ(ask("EXPLAIN ANALYZE DELETE FROM t"),
              with("pgweir: primary \"r1\" (reason: explain_analyze); the statement itself: primary (reason: write)"));
    EXPECT_EQ(ask("EXPLAIN SELECT f()"), with("pgweir: primary \"r1\" (reason: function_not_allowed)"));
    EXPECT_EQ(ask("/* pgweir: primary */ EXPLAIN SELECT 1"), with("pgweir: primary \"r1\" (reason: hint_primary)"));
    EXPECT_EQ(ask("EXPLAIN /* pgweir: primary */ SELECT 1"),
              with(std::string(kRead) + "; the statement itself: primary (reason: hint_primary)"));
}

TEST_P(ExplainConversationTest, ADocumentGetsANoticeInstead) {
    turn("on");
    std::string notice;
    protocol::append_notice(notice, "NOTICE", "00000", kRead);
    EXPECT_EQ(ask("EXPLAIN (FORMAT JSON) SELECT 1"), described() + row("Plan") + notice + complete("EXPLAIN") + ready());
}

TEST_P(ExplainConversationTest, InATransactionAllGoesWhereItIs) {
    turn("on");
    talk.client(query("BEGIN"));
    talk.server(complete("BEGIN") + ready('T'));
    EXPECT_EQ(ask("EXPLAIN SELECT 1", 'T'), with("pgweir: primary \"r1\" (reason: transaction)", 'T'));
    EXPECT_EQ(ask("EXPLAIN DELETE FROM t", 'T'), with("pgweir: primary \"r1\" (reason: transaction)", 'T'));
    talk.client(query("COMMIT"));
    talk.server(complete("COMMIT") + ready());
    talk.client(query("BEGIN READ ONLY"));
    talk.server(complete("BEGIN") + ready('T'));
    EXPECT_EQ(ask("EXPLAIN SELECT 1", 'T'), with("pgweir: replica \"r1\" (reason: read_only_transaction)", 'T'));
}

TEST_P(ExplainConversationTest, SetLocalEndsWithItsTransaction) {
    talk.client(query("SET LOCAL pgweir.explain = on"));
    EXPECT_EQ(tags(talk.take_client()), "NCZ");
    EXPECT_EQ(ask("EXPLAIN SELECT 1"), plain()) << "outside of one it does nothing";
    talk.client(query("BEGIN"));
    talk.server(complete("BEGIN") + ready('T'));
    talk.take_client();
    talk.client(query("SET LOCAL pgweir.explain = on"));
    EXPECT_EQ(talk.take_client(), complete("SET") + ready('T'));
    EXPECT_EQ(ask("EXPLAIN SELECT 1", 'T'), with("pgweir: primary \"r1\" (reason: transaction)", 'T'));
    talk.client(query("ROLLBACK"));
    talk.server(complete("ROLLBACK") + ready());
    EXPECT_EQ(ask("EXPLAIN SELECT 1"), plain());
}

// It does not matter to where a transaction runs, which may move for other settings as long as it has done nothing.
TEST_P(ExplainConversationTest, ATransactionStaysForIt) {
    talk.client(query("BEGIN READ ONLY"));
    talk.server(complete("BEGIN") + ready('T'));
    talk.client(query("SET LOCAL pgweir.explain = on"));
    talk.take_client();
    EXPECT_FALSE(talk.machine().wants_move(talk.backend()));
    EXPECT_EQ(ask("EXPLAIN SELECT 1", 'T'), with("pgweir: replica \"r1\" (reason: read_only_transaction)", 'T'));
}

TEST_P(ExplainConversationTest, TheExtendedProtocol) {
    turn("on");
    talk.client(parse("", "EXPLAIN SELECT 1") + bind("", "") + describe('P', "") + execute() + sync());
    EXPECT_EQ(talk.server(parsed() + bound() + described() + row("Plan") + complete("EXPLAIN") + ready()),
              parsed() + bound() + described() + row("Plan") + row(kRead) + complete("EXPLAIN") + ready());
    talk.client(parse("e", "EXPLAIN SELECT 1") + describe('S', "e") + sync());
    EXPECT_EQ(tags(talk.server(parsed() + message('t', std::string(2, '\0')) + described() + ready())), "1tTZ") << "nothing is executed";
    for (int i = 0; i < 2; ++i) {  // on the same server connection, and again
        talk.client(bind("", "e") + execute() + sync());
        EXPECT_EQ(talk.server(bound() + row("Plan") + complete("EXPLAIN") + ready()),
                  bound() + row("Plan") + row(kRead) + complete("EXPLAIN") + ready());
    }
    // The portal's name is another statement's now.
    talk.client(parse("", "SELECT 1") + bind("", "") + execute() + sync());
    const std::string answer = parsed() + bound() + row("1") + complete("SELECT 1") + ready();
    EXPECT_EQ(talk.server(answer), answer);
}

TEST_P(ExplainConversationTest, ASuspendedPortalShowsItAtItsEnd) {
    turn("on");
    talk.client(query("BEGIN"));
    talk.server(complete("BEGIN") + ready('T'));
    const std::string first = message('E', text("c") + std::string("\0\0\0\1", 4));
    talk.client(parse("", "EXPLAIN SELECT 1") + bind("c", "") + first + sync());
    const std::string suspended = parsed() + bound() + row("Plan") + message('s', "") + ready('T');
    EXPECT_EQ(talk.server(suspended), suspended);
    talk.client(first + sync());
    EXPECT_EQ(talk.server(complete("EXPLAIN") + ready('T')),
              row("pgweir: primary \"r1\" (reason: transaction)") + complete("EXPLAIN") + ready('T'));
}

// Each in its place of a pipeline.
TEST_P(ExplainConversationTest, APipeline) {
    turn("on");
    const std::string one = parse("", "EXPLAIN SELECT 1") + bind("", "") + execute();
    const std::string other = parse("", "SELECT 1") + bind("", "") + execute();
    talk.client(other + one + other + sync());
    const std::string opened = parsed() + bound();
    EXPECT_EQ(talk.server(opened + row("1") + complete("SELECT 1") + opened + row("Plan") + complete("EXPLAIN") + opened + row("1") +
                          complete("SELECT 1") + ready()),
              opened + row("1") + complete("SELECT 1") + opened + row("Plan") + row(kRead) + complete("EXPLAIN") + opened + row("1") +
                  complete("SELECT 1") + ready());
}

TEST_P(ExplainConversationTest, WhatRunsAgainShowsWhereItHasRun) {
    turn("on");
    talk.client(query("EXPLAIN ANALYZE SELECT * FROM v"));
    EXPECT_EQ(talk.server(error("25006") + ready()), "");
    EXPECT_EQ(talk.runs_again, 1U);
    const std::string answer = talk.server(plain());
    EXPECT_NE(answer.find("pgweir: primary \"r1\" (reason: replica_refused)"), std::string::npos);
}

TEST_P(ExplainConversationTest, AnErrorShowsNothing) {
    turn("on");
    talk.client(query("EXPLAIN SELECT x"));
    const std::string answer = error("42601") + ready();
    EXPECT_EQ(talk.server(answer), answer);
}

TEST_P(ExplainConversationTest, TheSetting) {
    const auto shown = [&] {
        talk.client(query("SHOW pgweir.explain"));
        const std::string answer = talk.take_client();
        return answer.find(row("on") + complete("SHOW")) != std::string::npos    ? "on"
               : answer.find(row("off") + complete("SHOW")) != std::string::npos ? "off"
                                                                                 : "?";
    };
    EXPECT_STREQ(shown(), "off");
    for (const auto& [value, expected] : {std::pair{"ON", "on"}, {"0", "off"}, {"'yes'", "on"}, {"false", "off"}, {"true", "on"}, {"DEFAULT", "off"}}) {
        turn(value);
        EXPECT_STREQ(shown(), expected) << value;
    }
    talk.client(query("SET pgweir.explain = maybe"));
    EXPECT_NE(talk.take_client().find("C22023"), std::string::npos);
    turn("on");
    talk.client(query("RESET pgweir.explain"));
    EXPECT_EQ(talk.take_client(), complete("RESET") + ready());
    EXPECT_STREQ(shown(), "off");
    for (const auto& [sql, tag] : {std::pair{"DISCARD ALL", "DISCARD ALL"}, {"RESET ALL", "RESET"}}) {
        turn("on");
        talk.client(query(sql));
        talk.server(complete(tag) + ready());
        talk.take_client();
        EXPECT_STREQ(shown(), "off") << sql;
    }
}

}  // namespace
}  // namespace pgweir::test
