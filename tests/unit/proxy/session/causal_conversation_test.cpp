// What a segment may have done to data, the settings about it, and SHOW pgweir.lsn (semantics.md E).
#include <gtest/gtest.h>

#include "tests/unit/proxy/session/conversation.hpp"

namespace pgweir::test {
namespace {

using session::Touch;

class CausalConversationTest : public testing::TestWithParam<std::size_t> {
  protected:
    // A Query with this answer's tag, through its ReadyForQuery.
    void ask(std::string_view sql, std::string_view tag, char status = 'I') {
        talk.client(query(sql));
        talk.server(complete(tag) + ready(status));
        talk.take_client();
    }
    Touch touch() { return talk.machine().take_touch(); }

    Conversation talk{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Chunks, CausalConversationTest, testing::Values(1, 7, 1 << 20));

TEST_P(CausalConversationTest, WhateverDoesNotProvablyOnlyReadMayHaveWritten) {
    EXPECT_EQ(touch(), Touch::nothing);
    ask("select 1", "SELECT 1");
    EXPECT_EQ(touch(), Touch::read);
    EXPECT_EQ(touch(), Touch::nothing);
    for (const std::string_view sql : {"insert into t values (1)", "select f()", "select 1; select 2", "call p()", "copy t from stdin",
                                       "with x as (delete from t returning 1) select 1", "commit prepared 'x'", "nonsense",
                                       "/* pgweir: replica */ select f()", "create table t ()", "discard all"}) {
        ask(sql, "OK");
        EXPECT_EQ(touch(), Touch::wrote) << sql;
    }
    for (const std::string_view sql : {"set work_mem = '1MB'", "show all", "", "reset all", "listen x", "begin; commit"}) {
        if (sql == "begin; commit") continue;
        ask(sql, "OK");
        EXPECT_EQ(touch(), Touch::nothing) << sql;
    }
}

TEST_P(CausalConversationTest, AStatementThatFailsMayHaveWrittenToo) {
    talk.client(query("insert into t values (1)"));
    talk.server(error("23505") + ready());
    EXPECT_EQ(touch(), Touch::wrote);
}

TEST_P(CausalConversationTest, ATransactionCountsAsItsStatements) {
    for (const auto& [sql, expected] : {std::pair{"select 1", Touch::read}, {"update t set a = 1", Touch::wrote}, {"savepoint a", Touch::nothing}}) {
        ask("begin", "BEGIN", 'T');
        ask(sql, "OK", 'T');
        ask("commit", "COMMIT");
        EXPECT_FALSE(talk.linked());
        EXPECT_EQ(touch(), expected) << sql;
    }
}

TEST_P(CausalConversationTest, ExtendedStatementsCountWhenTheyAreBound) {
    talk.client(parse("w", "insert into t values (1)") + sync());
    talk.server(parsed() + ready());
    EXPECT_EQ(touch(), Touch::nothing);
    talk.client(bind("", "w") + execute() + sync());
    talk.server(bound() + complete("INSERT 0 1") + ready());
    EXPECT_EQ(touch(), Touch::wrote);
    talk.client(parse("", "select 1") + bind("", "") + execute() + sync());
    talk.server(parsed() + bound() + complete("SELECT 1") + ready());
    EXPECT_EQ(touch(), Touch::read);
    talk.client(bind("", "unknown") + execute() + sync());  // made by SQL's PREPARE, perhaps
    talk.server(error("26000") + ready());
    EXPECT_EQ(touch(), Touch::wrote);
}

TEST_P(CausalConversationTest, AFunctionCallMayHaveWritten) {
    talk.client(message('F', std::string(14, '\0')));
    talk.server(message('V', std::string(4, '\xff')) + ready());
    EXPECT_EQ(touch(), Touch::wrote);
}

TEST_P(CausalConversationTest, TheSettingsAreTheSessionsOwn) {
    using config::Consistency;
    EXPECT_EQ(talk.machine().settings().consistency, Consistency::eventual);
    talk.client(query("SET pgweir.consistency = 'Global'"));
    EXPECT_EQ(talk.take_client(), complete("SET") + ready());
    EXPECT_EQ(talk.machine().settings().consistency, Consistency::global);
    talk.client(query("set local pgweir.consistency = session"));  // no transaction is open
    EXPECT_EQ(tags(talk.take_client()), "NCZ");
    EXPECT_EQ(talk.machine().settings().consistency, Consistency::global);
    talk.client(query("SHOW pgweir.consistency"));
    EXPECT_NE(talk.take_client().find(row("global") + complete("SHOW") + ready()), std::string::npos);
    talk.client(query("SET pgweir.read_after = '1/aF0'"));
    EXPECT_EQ(talk.machine().settings().read_after, Lsn{0x1'0000'0AF0});
    talk.take_client();
    talk.client(query("SHOW pgweir.read_after"));
    EXPECT_NE(talk.take_client().find(row("1/AF0") + complete("SHOW") + ready()), std::string::npos);
    for (const std::string_view bad : {"SET pgweir.read_after = 'x'", "SET pgweir.read_after = '1/'", "SET pgweir.consistency = 'strong'",
                                       "SET pgweir.consistency = ''"}) {
        talk.client(query(bad));
        const std::string answer = talk.take_client();
        EXPECT_NE(answer.find("C22023"), std::string::npos) << bad;
        EXPECT_EQ(tags(answer), "EZ");
    }
    EXPECT_EQ(talk.machine().settings().read_after, Lsn{0x1'0000'0AF0});
    talk.client(query("SET pgweir.read_after = ''"));
    EXPECT_EQ(talk.machine().settings().read_after, Lsn{});
    talk.client(query("SET pgweir.read_after = '1/2'") + query("RESET pgweir.read_after") + query("RESET pgweir.consistency"));
    EXPECT_EQ(talk.machine().settings().read_after, Lsn{});
    EXPECT_EQ(talk.machine().settings().consistency, Consistency::eventual);
    EXPECT_FALSE(talk.linked());
}

TEST_P(CausalConversationTest, DiscardAllAndResetAllGoBackToTheStart) {
    for (const auto& [sql, tag] : {std::pair{"discard all", "DISCARD ALL"}, {"reset all", "RESET"}}) {
        talk.client(query("SET pgweir.read_after = '1/2'") + query("SET pgweir.consistency = global"));
        talk.take_client();
        ask(sql, tag);
        EXPECT_EQ(talk.machine().settings().read_after, Lsn{}) << sql;
        EXPECT_EQ(talk.machine().settings().consistency, config::Consistency::eventual) << sql;
        EXPECT_FALSE(talk.linked()) << sql;
    }
}

TEST_P(CausalConversationTest, ThePositionIsAskedOfThePrimary) {
    EXPECT_EQ(talk.client(query("SHOW pgweir.lsn")), query(session::kPositionSql));
    EXPECT_EQ(talk.route, (routing::Route{routing::Target::primary, sql::Reason::show}));
    const std::string answer = message('T', std::string(2, '\0')) + row("0/1") + complete("SELECT 1") + ready();
    EXPECT_EQ(talk.server(answer), answer);
    EXPECT_FALSE(talk.linked());
    EXPECT_EQ(touch(), Touch::nothing);
    const std::string sent = talk.client(parse("", "SHOW pgweir.lsn") + bind("", "") + execute() + sync());
    EXPECT_EQ(sent, parse("", session::kPositionSql) + bind("", "") + execute() + sync());
    EXPECT_EQ(talk.route.target, routing::Target::primary);
    talk.server(parsed() + bound() + row("0/1") + complete("SELECT 1") + ready());
    EXPECT_FALSE(talk.linked());
    talk.take_client();
    const std::string named = talk.client(parse("p", "SHOW pgweir.lsn") + describe('S', "p") + sync());
    EXPECT_NE(named.find(session::kPositionSql), std::string::npos);
    EXPECT_EQ(named.find("SHOW"), std::string::npos);
    talk.server(parsed() + message('t', std::string(2, '\0')) + no_data() + ready());
    EXPECT_FALSE(talk.linked());
}

TEST_P(CausalConversationTest, InATransactionThePositionIsAskedWhereItIs) {
    ask("begin", "BEGIN", 'T');
    EXPECT_EQ(talk.client(query("show pgweir.lsn")), query(session::kPositionSql));
    talk.server(row("0/1") + complete("SELECT 1") + ready('T'));
    EXPECT_EQ(talk.client(query("rollback")), query("rollback"));
    talk.server(complete("ROLLBACK") + ready());
    EXPECT_EQ(touch(), Touch::nothing);
}

}  // namespace
}  // namespace pgweir::test
