// Reads that are run once more elsewhere, as conversations (semantics.md B, "Transparent re-run").
#include <gtest/gtest.h>

#include "proxy/session/attempt.hpp"
#include "tests/unit/proxy/session/conversation.hpp"

namespace pgweir::test {
namespace {

using routing::Target;
using session::Refusal;
using sql::Reason;

class RunAgainTest : public testing::TestWithParam<std::size_t> {
  protected:
    static session::ClientSetup setup(std::uint64_t limit = 1000) {
        session::ClientSetup setup;
        setup.retry_limit = limit;
        return setup;
    }
    Conversation talk{GetParam(), 100, setup()};

    void expect_route(Target target, Reason reason) {
        EXPECT_EQ(talk.route.target, target);
        EXPECT_EQ(talk.route.reason, reason) << name(talk.route.reason);
    }
    static std::string described() { return message('T', std::string(2, '\0')); }
};

INSTANTIATE_TEST_SUITE_P(Chunks, RunAgainTest, testing::Values(1, 2, 7, 1 << 20));

TEST_P(RunAgainTest, AQueryThatAReplicaRefuses) {
    talk.client(query("select * from v"));
    expect_route(Target::replica, Reason::read);
    EXPECT_EQ(talk.server(described()), "") << "a volatile function fails behind this";
    EXPECT_EQ(talk.server(error("25006")), "");
    EXPECT_EQ(talk.server(ready()), "");
    EXPECT_EQ(talk.take_server(), query("select * from v"));
    expect_route(Target::primary, Reason::replica_refused);
    const std::string answer = described() + row("1") + complete("SELECT 1") + ready();
    EXPECT_EQ(talk.server(answer), answer);
    EXPECT_FALSE(talk.linked());
    talk.client(query("select * from v -- again"));
    expect_route(Target::primary, Reason::learned);
}

// All in one piece, and nothing of it is the client's.
TEST_P(RunAgainTest, AtMostOnce) {
    talk.client(query("select * from v"));
    talk.server(error("25006") + ready());
    EXPECT_EQ(tags(talk.server(error("25006") + ready())), "EZ") << "a primary that was demoted";
    EXPECT_EQ(talk.runs_again, 1U);
}

TEST_P(RunAgainTest, WhereToGoDependsOnWhy) {
    const std::tuple<std::string_view, Target, Reason> cases[] = {{"42P01", Target::primary, Reason::replica_schema},
                                                                  {"42883", Target::primary, Reason::replica_schema},
                                                                  {"40001", Target::replica, Reason::replica_conflict}};
    for (const auto& [code, target, reason] : cases) {
        Conversation one{GetParam(), 100, setup()};
        one.client(query("select * from v"));
        EXPECT_EQ(one.server(error(code) + ready()), "") << code;
        EXPECT_EQ(one.runs_again, 1U) << code;
        EXPECT_EQ(one.route.target, target) << code;
        EXPECT_EQ(one.route.reason, reason) << code;
        one.server(complete("SELECT 0") + ready());
        one.client(query("select * from v"));
        EXPECT_EQ(one.route.reason, Reason::read) << "nothing is learned from " << code;
    }
    for (const std::string_view code : {"57014", "22012", "42601", "42501", "0A000", "55000", "XX000", "53300"}) {
        Conversation one{GetParam(), 100, setup()};
        one.client(query("select * from v"));
        EXPECT_EQ(tags(one.server(error(code) + ready())), "EZ") << code;
        EXPECT_EQ(one.runs_again, 0U) << code;
    }
}

TEST_P(RunAgainTest, APipelineIsUndoneAndComesAgainWhole) {
    const std::string segment = parse("s", "select * from v") + bind("", "s") + describe('P', "") + execute() + sync();
    const std::string first = talk.client(segment);
    EXPECT_EQ(tags(first), "PBDES");
    EXPECT_EQ(talk.server(parsed() + bound() + described()), "");
    EXPECT_EQ(tags(talk.server(error("25006") + ready())), "1") << "of the second run, which keeps nothing back";
    // The same machine stands for the primary, and it has prepared the statement.
    EXPECT_EQ(tags(talk.take_server()), "BDES") << "no 42P05 for a name that is taken: that Parse is undone";
    expect_route(Target::primary, Reason::replica_refused);
    EXPECT_EQ(tags(talk.server(bound() + described() + row("1") + complete("SELECT 1") + ready())), "2TDCZ");
    talk.client(bind("", "s") + execute() + sync());
    expect_route(Target::primary, Reason::learned);
    EXPECT_EQ(tags(talk.server(bound() + row("1") + complete("SELECT 1") + ready())), "2DCZ");
}

TEST_P(RunAgainTest, AFailedParseIsUndoneToo) {
    talk.client(parse("", "select 1") + sync());
    talk.server(parsed() + ready());
    talk.take_client();
    talk.client(parse("", "select new from t") + bind("", "") + execute() + sync());
    EXPECT_EQ(talk.server(error("42703") + ready()), "");
    EXPECT_EQ(tags(talk.take_server()), "PBES");
    EXPECT_EQ(tags(talk.server(error("42703") + ready())), "EZ") << "it is not there either";
    EXPECT_EQ(tags(talk.client(bind("", "") + sync())), "CBS") << "the unnamed statement is gone, as with PostgreSQL";
}

TEST_P(RunAgainTest, OnlyTheGuiltyOfAPipelineWouldBeLearned) {
    talk.client(parse("", "select 1") + bind("", "") + execute() + parse("", "select * from v") + bind("", "") + execute() + sync());
    EXPECT_EQ(tags(talk.server(parsed() + bound() + row("1"))), "12D") << "the point of no repeat";
    EXPECT_EQ(tags(talk.server(complete("SELECT 1") + parsed() + error("25006") + ready())), "C1EZ");
    EXPECT_EQ(talk.runs_again, 0U);
    talk.client(parse("", "select * from a") + parse("", "select * from v") + bind("", "") + execute() + sync());
    talk.server(parsed() + parsed() + error("25006") + ready());
    EXPECT_EQ(talk.runs_again, 1U);
    talk.server(parsed() + parsed() + bound() + complete("SELECT 0") + ready());
    talk.client(query("select * from a"));
    expect_route(Target::replica, Reason::read);
}

TEST_P(RunAgainTest, WhatHasBegunIsNotTakenBack) {
    const std::string begun[] = {described() + row("1"), complete("SELECT 0"), message('H', std::string(3, '\0')),
                                 message('I', ""), message('A', "1234a\0b\0")};
    for (const std::string& answer : begun) {
        Conversation one{GetParam(), 100, setup()};
        one.client(query("select * from v"));
        EXPECT_EQ(one.server(answer), answer);
        EXPECT_EQ(tags(one.server(error("25006") + ready())), "EZ");
        EXPECT_EQ(one.runs_again, 0U);
    }
}

TEST_P(RunAgainTest, AnswersAreWholeAndInOrder) {
    EXPECT_EQ(tags(talk.client(parse("s", "select 1") + sync())), "PS");
    EXPECT_EQ(tags(talk.server(parsed() + ready())), "1Z");
    // A Parse that is answered by us waits with the rest.
    talk.take_client();
    talk.client(parse("t", "select 1") + bind("", "t") + describe('P', "") + execute() + sync());
    EXPECT_EQ(talk.take_client(), "");
    EXPECT_EQ(talk.server(bound()), "");
    EXPECT_EQ(tags(talk.server(described() + row("1"))), "12TD");
    EXPECT_EQ(tags(talk.server(complete("SELECT 1") + ready())), "CZ");
}

TEST_P(RunAgainTest, ALostServer) {
    talk.client(parse("s", "select 1") + bind("", "s") + execute() + sync());
    EXPECT_EQ(talk.server(parsed() + error("57P01", "FATAL")), "") << "nobody is told";
    talk.lose_server();
    EXPECT_TRUE(talk.lost);
    expect_route(Target::replica, Reason::replica_lost);
    EXPECT_EQ(tags(talk.take_server()).back(), 'S');
    talk.server(bound() + row("1"));
    talk.lose_server();
    EXPECT_FALSE(talk.lost) << "it has begun, and was the second run";
}

TEST_P(RunAgainTest, NeverInATransactionOrOfAWriteOrVouchedFor) {
    for (const std::string_view text : {"insert into t values (1)", "/* pgweir: replica */ select f()"}) {
        Conversation one{GetParam(), 100, setup()};
        one.client(query(text));
        EXPECT_EQ(tags(one.server(error("25006") + ready())), "EZ") << text;
    }
    talk.client(query("begin read only"));
    expect_route(Target::replica, Reason::read_only_transaction);
    talk.server(complete("BEGIN") + ready('T'));
    talk.take_client();
    talk.client(query("select * from v"));
    EXPECT_EQ(tags(talk.server(error("25006") + ready('E'))), "EZ");
    talk.lose_server();
    EXPECT_FALSE(talk.lost);
}

TEST_P(RunAgainTest, NeverOfWhatIsTooLongToBeKept) {
    Conversation one{GetParam(), 100, setup(20)};
    one.client(query("select * from a_relation_with_a_long_name"));
    EXPECT_EQ(tags(one.server(described())), "T") << "not even kept back";
    EXPECT_EQ(tags(one.server(error("25006") + ready())), "EZ");
}

// One request at a time: what the client sends meanwhile waits.
TEST_P(RunAgainTest, TheNextSegmentWaits) {
    talk.client(query("select * from v") + query("select 2"));
    talk.server(error("25006") + ready());
    EXPECT_EQ(talk.take_server(), query("select * from v"));
    EXPECT_EQ(tags(talk.server(row("1") + complete("SELECT 1") + ready())), "DCZ");
    EXPECT_EQ(talk.take_server(), query("select 2"));
}

// Settings that are replayed ahead of the segment may fail for reasons of their own.
TEST_P(RunAgainTest, AnErrorOfOurOwnRequestIsNoRefusal) {
    talk.client(query("set timezone = 'Asia/Tokyo'"));
    talk.server(complete("SET") + status("TimeZone", "Asia/Tokyo") + ready());
    talk.backend().set_actual(talk.backend().login());
    talk.take_client();
    EXPECT_EQ(tags(talk.client(query("select 1"))).front(), 'Q');
    talk.server(error("42704") + ready());
    EXPECT_EQ(talk.runs_again, 0U);
}

TEST_P(RunAgainTest, WithoutAPrimaryTheErrorIsTheClients) {
    talk.client(query("select * from nothing"));
    talk.backend().attempt.without_primary();
    EXPECT_EQ(tags(talk.server(error("42P01") + ready())), "EZ");
    talk.client(query("select * from v"));
    talk.backend().attempt.without_primary();
    EXPECT_EQ(talk.server(error("40001") + ready()), "") << "another replica will do";
    EXPECT_EQ(talk.runs_again, 1U);
}

TEST_P(RunAgainTest, AReadOnlyDatabaseHasNoPrimary) {
    session::ClientSetup only = setup();
    only.read_only = true;
    Conversation one{GetParam(), 100, only};
    one.client(query("select * from v"));
    EXPECT_EQ(tags(one.server(error("25006") + ready())), "EZ");
    one.client(query("select * from v"));
    EXPECT_EQ(one.server(error("40001") + ready()), "");
    EXPECT_EQ(one.runs_again, 1U);
}

TEST(Refusal, IsToldByCodeAndRoutine) {
    const auto of = [](std::string_view code, std::string_view routine, std::string_view severity = "ERROR") {
        return session::refusal_of({.severity = severity, .code = code, .message = {}, .routine = routine});
    };
    EXPECT_EQ(of("25006", ""), Refusal::read_only);
    EXPECT_EQ(of("0A000", "get_relation_info"), Refusal::read_only);
    EXPECT_EQ(of("0A000", "transformFoo"), Refusal::none);
    EXPECT_EQ(of("55000", "pg_current_wal_lsn"), Refusal::read_only);
    EXPECT_EQ(of("55000", "currval_oid"), Refusal::none);
    EXPECT_EQ(of("XX000", "GetNewObjectId"), Refusal::read_only);
    EXPECT_EQ(of("XX000", "elog_finish"), Refusal::none);
    EXPECT_EQ(of("40001", "ProcessInterrupts"), Refusal::conflict);
    EXPECT_EQ(of("57014", "ProcessInterrupts"), Refusal::none);
    EXPECT_EQ(of("57P01", "ProcessInterrupts", "FATAL"), Refusal::lost);
    EXPECT_EQ(of("57P01", "ProcessInterrupts"), Refusal::none);
    EXPECT_EQ(of("08006", "", "FATAL"), Refusal::lost);
    EXPECT_EQ(of("3F000", ""), Refusal::schema);
}

}  // namespace
}  // namespace pgweir::test
