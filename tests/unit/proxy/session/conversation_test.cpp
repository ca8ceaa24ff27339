// Scripted conversations, replayed all at once and byte by byte: semantics.md C.
#include "tests/unit/proxy/session/conversation.hpp"

#include <gtest/gtest.h>

namespace pgweir::test {
namespace {

class ConversationTest : public testing::TestWithParam<std::size_t> {
  protected:
    Conversation talk{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Chunks, ConversationTest, testing::Values(1, 2, 7, 1 << 20));

TEST_P(ConversationTest, SimpleQueryPassesUntouchedAndReleases) {
    EXPECT_EQ(talk.client(query("select 1")), query("select 1"));
    EXPECT_TRUE(talk.linked());
    EXPECT_EQ(talk.route.target, routing::Target::replica);
    const std::string answer = message('T', std::string(2, '\0')) + row("1") + complete("SELECT 1") + ready();
    EXPECT_EQ(talk.server(answer), answer);
    EXPECT_FALSE(talk.linked());
}

TEST_P(ConversationTest, TransactionHoldsTheServer) {
    talk.client(query("begin"));
    talk.server(complete("BEGIN") + ready('T'));
    EXPECT_TRUE(talk.linked());
    talk.client(query("insert into t values (1)"));
    talk.server(error("23505") + ready('E'));
    EXPECT_TRUE(talk.linked());
    talk.client(query("rollback"));
    talk.server(complete("ROLLBACK") + ready('I'));
    EXPECT_FALSE(talk.linked());
}

TEST_P(ConversationTest, CommitAndChainDoesNotRelease) {  // semantics.md A
    talk.client(query("begin"));
    talk.server(complete("BEGIN") + ready('T'));
    talk.client(query("commit and chain"));
    talk.server(complete("COMMIT") + ready('T'));
    EXPECT_TRUE(talk.linked());
}

// "Parse(bad), Query, Sync": the Query is swallowed and has no Z of its own.
TEST_P(ConversationTest, QueryBehindFailedParseIsSkipped) {
    talk.client(parse("", "bad") + query("select 1") + sync());
    EXPECT_EQ(talk.server(error("42601")), error("42601"));
    EXPECT_EQ(tags(talk.take_server()), "S");
    EXPECT_EQ(talk.server(ready()), ready());
    EXPECT_FALSE(talk.linked());
}

// "P B E Query Sync": two Z.
TEST_P(ConversationTest, QueryInsideAnExtendedSegment) {
    talk.client(parse("", "select 1") + bind("", "") + execute() + query("select 2") + sync());
    talk.server(parsed() + bound() + row("1") + complete("SELECT 1") + row("2") + complete("SELECT 1") + ready());
    EXPECT_TRUE(talk.linked()) << "the Sync has not been answered";
    EXPECT_EQ(talk.server(ready()), ready());
    EXPECT_FALSE(talk.linked());
}

TEST_P(ConversationTest, ErrorSkipsToSync) {
    const std::string segment = parse("", "select 1/0") + bind("", "") + describe('P', "") + execute() + sync();
    EXPECT_EQ(talk.client(segment), segment);
    const std::string answer = parsed() + bound() + error("22012") + ready();
    EXPECT_EQ(talk.server(answer), answer);
    EXPECT_FALSE(talk.linked());
}

TEST_P(ConversationTest, NamedStatementIsVirtualised) {
    const std::string sent = talk.client(parse("s1", "select 1") + describe('S', "s1") + sync());
    EXPECT_EQ(tags(sent), "PDS");
    EXPECT_EQ(sent.find("s1"), std::string::npos);
    EXPECT_NE(sent.find("pgweir_"), std::string::npos);
    talk.server(parsed() + message('t', std::string(2, '\0')) + no_data() + ready());
    // The server has it: a Bind is all that is sent.
    EXPECT_EQ(tags(talk.client(bind("", "s1") + execute() + sync())), "BES");
    EXPECT_EQ(tags(talk.server(bound() + row("1") + complete("SELECT 1") + ready())), "2DCZ");
    // The same text under another name: answered here, in order.
    talk.take_client();
    EXPECT_EQ(tags(talk.client(parse("s2", "select 1") + bind("", "s2") + execute() + sync())), "BES");
    talk.server(bound() + row("1") + complete("SELECT 1") + ready());
    EXPECT_EQ(tags(talk.take_client()), "12DCZ");
}

TEST_P(ConversationTest, StatementIsPreparedAgainWhereItIsMissing) {
    talk.client(parse("s1", "select 1") + sync());
    talk.server(parsed() + ready());
    talk.backend().prepared().clear();  // as another server connection would be
    EXPECT_EQ(tags(talk.client(bind("", "s1") + execute() + sync())), "PBES");
    talk.take_client();
    talk.server(parsed() + bound() + complete("SELECT 0") + ready());
    EXPECT_EQ(tags(talk.take_client()), "2CZ") << "the injected Parse is not answered to the client";
}

TEST_P(ConversationTest, KnownStatementIsPreparedWithoutAServer) {
    talk.client(parse("s1", "select 1") + sync());
    talk.server(parsed() + ready());
    talk.take_client();
    EXPECT_EQ(talk.client(parse("s2", "select 1") + sync()), "");
    EXPECT_EQ(talk.take_client(), parsed() + ready());
    talk.client(query("create table t ()"));
    talk.server(complete("CREATE TABLE") + ready());
    EXPECT_EQ(tags(talk.client(parse("s3", "select 2") + sync())), "PS");
    talk.server(error("42P01") + ready());
}

TEST_P(ConversationTest, FailedParseLeavesNoStatement) {
    talk.client(parse("s1", "select nope") + sync());
    talk.server(error("42703") + ready());
    // Parsed again under the same name: no 42P05.
    EXPECT_EQ(tags(talk.client(parse("s1", "select nope") + sync())), "PS");
    talk.server(parsed() + ready());
    EXPECT_EQ(tags(talk.client(bind("", "s1") + sync())), "BS");
}

// "In a pipeline Parse(ok), Parse(bad): the first survives."
TEST_P(ConversationTest, FirstOfTwoParsesSurvives) {
    talk.client(parse("a", "select 1") + parse("b", "bad") + sync());
    talk.server(parsed() + error("42601") + ready());
    EXPECT_EQ(tags(talk.client(bind("", "a") + sync())), "BS");
    talk.server(bound() + ready());
    EXPECT_EQ(tags(talk.client(parse("b", "select 2") + sync())), "PS");
}

TEST_P(ConversationTest, DuplicateNameFailsOnTheServerToo) {
    talk.client(parse("s1", "select 1") + sync());
    talk.server(parsed() + ready());
    talk.take_client();
    EXPECT_EQ(tags(talk.client(parse("s1", "select 2") + bind("", "s1") + execute() + sync())), "Q")
        << "a raising Query; Bind and Execute are dropped, Sync follows its answer";
    talk.server(error("42P05") + ready());
    EXPECT_EQ(tags(talk.take_server()), "S");
    talk.server(ready());
    EXPECT_EQ(tags(talk.take_client()), "EZ");
    EXPECT_FALSE(talk.linked());
}

TEST_P(ConversationTest, UnknownNameNeverReachesAnothersStatement) {
    talk.client(parse("mine", "select 1") + sync());
    talk.server(parsed() + ready());
    const std::string sent = talk.client(bind("", "pgweir_1") + sync());
    EXPECT_EQ(tags(sent), "BS");
    EXPECT_NE(sent.find("unknown pgweir_1"), std::string::npos);
}

TEST_P(ConversationTest, OldestStatementIsClosedAtTheLimit) {
    Conversation small(GetParam(), 1);
    small.client(parse("a", "select 1") + sync());
    small.server(parsed() + ready());
    EXPECT_EQ(tags(small.client(parse("b", "select 2") + sync())), "CPS");
    small.take_client();
    small.server(closed() + parsed() + ready());
    EXPECT_EQ(tags(small.take_client()), "1Z");
}

TEST_P(ConversationTest, UnnamedStatementFollowsTheClient) {
    talk.client(parse("", "select 1") + sync());
    talk.server(parsed() + ready());
    talk.backend().unnamed = {};
    talk.backend().unnamed_unknown = true;  // somebody else's Parse came in between
    EXPECT_EQ(tags(talk.client(bind("", "") + execute() + sync())), "PBES");
    talk.take_client();
    talk.server(parsed() + bound() + complete("SELECT 0") + ready());
    EXPECT_EQ(tags(talk.take_client()), "2CZ");
}

TEST_P(ConversationTest, UnnamedStatementOfAnotherClientIsNotRun) {
    talk.backend().unnamed_unknown = true;
    EXPECT_EQ(tags(talk.client(bind("", "") + execute() + sync())), "CBES");
    talk.take_client();
    talk.server(closed() + error("26000") + ready());
    EXPECT_EQ(tags(talk.take_client()), "EZ");
}

TEST_P(ConversationTest, UnnamedStatementDiesOnQuery) {
    talk.client(parse("", "select 1") + sync());
    talk.server(parsed() + ready());
    talk.client(query("select 2"));
    talk.server(complete("SELECT 1") + ready());
    EXPECT_EQ(tags(talk.client(bind("", "") + sync())), "BS");
}

TEST_P(ConversationTest, NextSegmentWaitsForTheAnswer) {
    EXPECT_EQ(tags(talk.client(query("insert into t values (1)") + query("select 1"))), "Q");
    EXPECT_EQ(talk.route.target, routing::Target::primary);
    talk.server(complete("INSERT 0 1") + ready());
    EXPECT_EQ(tags(talk.take_server()), "Q");
    EXPECT_EQ(talk.route.target, routing::Target::replica);
}

TEST_P(ConversationTest, WorstOfASegmentDecides) {
    talk.client(parse("", "select 1") + bind("", "") + execute() + parse("", "delete from t") + bind("", "") + execute() +
                sync());
    EXPECT_EQ(talk.route.target, routing::Target::primary);
}

TEST_P(ConversationTest, LocalSettingNeedsNoServer) {
    EXPECT_EQ(talk.client(query("set pgweir.read_preference = 'primary'")), "");
    EXPECT_EQ(talk.take_client(), complete("SET") + ready());
    talk.client(query("select 1"));
    EXPECT_EQ(talk.route, (routing::Route{routing::Target::primary, sql::Reason::read_preference}));
    talk.server(complete("SELECT 1") + ready());
    talk.take_client();
    talk.client(query("show pgweir.read_preference"));
    EXPECT_EQ(tags(talk.take_client()), "TDCZ");
    talk.client(query("reset pgweir.read_preference"));
    EXPECT_EQ(talk.take_client(), complete("RESET") + ready());
    talk.client(query("set pgweir.read_preference = 'nowhere'"));
    EXPECT_EQ(tags(talk.take_client()), "EZ");
}

TEST_P(ConversationTest, LocalSettingExtended) {
    EXPECT_EQ(talk.client(parse("", "show pgweir.read_preference") + bind("", "") + describe('P', "") + execute() + sync()), "");
    EXPECT_EQ(tags(talk.take_client()), "12TDCZ");
    EXPECT_FALSE(talk.linked());
}

// What the proxy can answer by itself ends where its plan ended: nothing behind it is taken for more of the same.
TEST_P(ConversationTest, LocalSegmentsThatNeedAServerAfterAll) {
    const std::string show = "show pgweir.read_preference";
    const std::string local = parse("l", show) + sync();
    for (const std::string& bytes :
         {parse("", show) + execute() + sync(), parse("", show) + bind("", "") + execute("x") + sync(),
          parse("", show) + bind("", "") + describe('P', "x") + sync(), local + close('S', "l") + bind("", "l") + sync()}) {
        Conversation one(GetParam());
        one.client(bytes);
        EXPECT_TRUE(one.linked()) << tags(bytes);
        EXPECT_EQ(one.route, (routing::Route{routing::Target::primary, sql::Reason::no_statement}));
        EXPECT_FALSE(one.failed);
    }
}

TEST_P(ConversationTest, AFlushEndsALocalSegment) {
    EXPECT_EQ(tags(talk.client(close('S', "x") + flush() + query("select 1"))), "Q");
    EXPECT_EQ(talk.take_client(), closed());
    talk.server(complete("SELECT 1") + ready());
    talk.take_client();
    EXPECT_EQ(talk.client(close('S', "x") + flush() + query("show pgweir.read_preference")), "");
    EXPECT_EQ(tags(talk.take_client()), "3TDCZ");
}

TEST_P(ConversationTest, AKnownParseIsFlushedAndUsedInTheSameBreath) {
    talk.client(parse("s1", "select 1") + sync());
    talk.server(parsed() + ready());
    talk.take_client();
    EXPECT_EQ(tags(talk.client(parse("s2", "select 1") + flush() + bind("", "s2") + execute() + sync())), "BES");
    talk.server(bound() + complete("SELECT 1") + ready());
    EXPECT_EQ(tags(talk.take_client()), "12CZ");
}

TEST_P(ConversationTest, AStatementThatGoesInTheMiddleOfItsSegment) {
    talk.client(parse("s1", "select 1") + sync());
    talk.server(parsed() + ready());
    talk.take_client();
    const std::string twice = bind("", "") + execute() + bind("", "") + execute();
    talk.client(parse("", "deallocate s1") + twice + sync());
    EXPECT_EQ(tags(talk.take_client()), "12CEZ");
    EXPECT_FALSE(talk.failed);
}

TEST_P(ConversationTest, ASkippedQueryIsNotTheNextOnesJudgement) {
    talk.client(parse("s1", "select 1") + sync());
    talk.server(parsed() + ready());
    talk.client(parse("s1", "select 1") + flush());  // 42P05: everything up to Sync is dropped
    talk.client(query("select 1") + sync());
    talk.take_client();
    talk.client(query("lock table t"));
    EXPECT_EQ(talk.route.target, routing::Target::primary);
    EXPECT_FALSE(talk.machine().mid_message());
}

TEST_P(ConversationTest, WhatIsFlushedGoesToThePrimary) {  // what comes behind it may be anything
    talk.client(parse("", "select 1") + bind("", "") + execute() + flush());
    EXPECT_EQ(talk.route, (routing::Route{routing::Target::primary, sql::Reason::flushed_segment}));
}

TEST_P(ConversationTest, AStatementPreparedUnderOtherSettingsIsNotShared) {
    talk.client(parse("s1", "select '01/02/2020'::date") + sync());
    talk.server(parsed() + ready());
    const std::string first = talk.client(bind("", "s1") + sync());
    talk.server(bound() + ready());
    talk.client(query("set timezone = 'Asia/Tokyo'"));
    talk.server(complete("SET") + status("TimeZone", "Asia/Tokyo") + ready());
    EXPECT_EQ(talk.client(bind("", "s1") + sync()), first) << "where it is prepared it keeps its meaning";
    talk.server(bound() + ready());
    talk.backend().prepared().clear();
    const std::string sent = talk.client(bind("", "s1") + sync());
    EXPECT_EQ(tags(sent), "PBS");
    EXPECT_EQ(sent.find(first.substr(6, first.find('\0', 6) - 5)), std::string::npos) << "not under the name that others know";
}

TEST_P(ConversationTest, AParseBehindASetInTheSameSegmentIsNobodyElses) {
    const std::string set = parse("", "set timezone = 'Asia/Tokyo'") + bind("", "") + execute();
    talk.client(set + parse("s1", "select now()::text") + sync());
    talk.server(parsed() + bound() + complete("SET") + status("TimeZone", "Asia/Tokyo") + parsed() + ready());
    EXPECT_FALSE(talk.linked());
    EXPECT_EQ(tags(talk.client(parse("s2", "select now()::text") + sync())), "PS") << "another statement, though the same text";
}

TEST_P(ConversationTest, AServersStatementCannotBeDeallocated) {
    EXPECT_EQ(talk.client(query("deallocate pgweir_1")), "");
    EXPECT_EQ(tags(talk.take_client()), "EZ");
}

TEST_P(ConversationTest, AFailedResetResetsNothing) {
    talk.client(query("set timezone = 'Asia/Tokyo'"));
    talk.server(complete("SET") + status("TimeZone", "Asia/Tokyo") + ready());
    talk.client(query("select 1/0; reset all"));
    talk.server(error("22012") + ready());
    EXPECT_EQ(*talk.machine().desired()->find("TimeZone"), "Asia/Tokyo");
    EXPECT_TRUE(talk.linked()) << "what is in force is not known: nobody else gets it before it is reset";
    talk.client(query("reset all"));
    talk.server(complete("RESET") + status("TimeZone", "UTC") + ready());
    EXPECT_EQ(*talk.machine().desired()->find("TimeZone"), "UTC");
    talk.client(query("reset all; select 1/0"));
    talk.server(complete("RESET") + error("22012") + ready());
    EXPECT_TRUE(talk.linked()) << "what is in force is not known: nobody else gets it before it is reset";
}

TEST_P(ConversationTest, SkippedRequestsAreUndoneTheNewestFirst) {
    const std::string twice = parse("", "select 1") + parse("", "select 2");
    talk.client(parse("", "bad") + twice + sync());
    talk.server(error("42601") + ready());
    EXPECT_EQ(tags(talk.client(bind("", "") + sync())), "CBS") << "there is no unnamed statement";
}

TEST_P(ConversationTest, AnErrorOfOursLeavesTheUnnamedStatement) {
    talk.client(parse("a", "select 1") + sync());
    talk.server(parsed() + ready());
    talk.client(parse("", "select 2") + parse("a", "select 3") + sync());
    talk.server(parsed() + error("42P05") + ready());
    talk.server(ready());
    EXPECT_EQ(tags(talk.client(bind("", "") + sync())), "PBS") << "the raising Query has dropped it on the server";
}

TEST_P(ConversationTest, CancelOfAWaitingSegment) {
    const auto skip = [&](std::string_view bytes) {
        Conversation one(GetParam());
        const auto skipped = one.machine().skip_segment(as_bytes(bytes));
        return std::pair(skipped.bytes, skipped.ended);
    };
    const std::string one = query("select 1");
    EXPECT_EQ(skip(one + one), std::pair(one.size(), true));
    const std::string open = parse("", "select 1") + flush();
    EXPECT_EQ(skip(open), std::pair(open.size(), false)) << "its Sync is still to come, and has a ReadyForQuery of its own";
    EXPECT_EQ(skip(open + sync() + one), std::pair((open + sync()).size(), true));
    EXPECT_EQ(skip(one.substr(0, 8)), std::pair(std::size_t{8}, true)) << "the rest of a long Query is dropped";
}

TEST_P(ConversationTest, AFatalErrorBetweenTheWorkOfTwoClientsIsNobodys) {
    talk.client(query("select 1"));
    talk.server(complete("SELECT 1") + ready());
    talk.take_client();
    session::Gather out;
    const std::string fatal = error("57P01", "FATAL");
    const auto progress = talk.backend().on_bytes(as_bytes(fatal), &talk.machine(), out);
    EXPECT_TRUE(progress.fatal);
    EXPECT_FALSE(progress.told);
    EXPECT_TRUE(out.empty());
}

TEST_P(ConversationTest, SeveralStatementsAreRefusedInReadOnlyTransactionOnReplica) {
    talk.client(query("begin read only"));
    talk.server(complete("BEGIN") + ready('T'));
    const std::string sent = talk.client(query("select 1; lock t in access share mode"));
    EXPECT_NE(sent.find("RAISE EXCEPTION"), std::string::npos);
}

TEST_P(ConversationTest, AFunctionCallIsRefusedInReadOnlyTransactionOnReplica) {
    talk.client(query("begin read only"));
    talk.server(complete("BEGIN") + ready('T'));
    EXPECT_EQ(tags(talk.client(message('F', std::string(12, '\0')))), "Q");
}

TEST_P(ConversationTest, OffListFunctionIsRefusedInReadOnlyTransactionOnReplica) {
    talk.client(query("begin read only"));
    EXPECT_EQ(talk.route.target, routing::Target::replica);
    talk.server(complete("BEGIN") + ready('T'));
    const std::string sent = talk.client(query("select pg_advisory_lock(1)"));
    EXPECT_EQ(sent.find("pg_advisory_lock"), std::string::npos);
    EXPECT_NE(sent.find("RAISE EXCEPTION"), std::string::npos);
    EXPECT_EQ(tags(talk.server(error("25006") + ready('E'))), "EZ");
}

TEST_P(ConversationTest, SettingsThatAreNotTrackedPin) {
    talk.client(query("set work_mem = $$1MB$$"));
    talk.server(complete("SET") + ready());
    EXPECT_TRUE(talk.linked());
    EXPECT_EQ(talk.machine().pin(), session::Pin::setting);
}

TEST_P(ConversationTest, ReportedSettingIsTrackedAndReplayed) {
    talk.client(query("set timezone = 'Asia/Tokyo'"));
    talk.server(complete("SET") + status("TimeZone", "Asia/Tokyo") + ready());
    EXPECT_FALSE(talk.linked());
    talk.backend().set_actual({});  // another server connection, with nothing set
    const std::string sent = talk.client(query("select 1"));
    EXPECT_EQ(tags(sent), "QQ");
    EXPECT_NE(sent.find("Asia/Tokyo"), std::string::npos);
    talk.take_client();
    talk.server(complete("SET") + status("TimeZone", "Asia/Tokyo") + ready() + row("1") + complete("SELECT 1") + ready());
    EXPECT_EQ(tags(talk.take_client()).back(), 'Z');
}

// The Query is skipped, so the unnamed statement lives: it is its client's, and nobody else's.
TEST_P(ConversationTest, ASkippedQueryDropsNoUnnamedStatement) {
    talk.client(parse("", "select 'mine'") + bind("", "") + describe('P', "nope") + query("select 1") + sync());
    talk.server(parsed() + bound() + error("34000"));
    talk.server(ready());
    EXPECT_FALSE(talk.linked());
    EXPECT_TRUE(talk.backend().unnamed_unknown);
    EXPECT_EQ(tags(talk.client(bind("", "") + sync())), "PBS") << "still its client's";
}

TEST_P(ConversationTest, AFailedParseDropsTheUnnamedStatement) {
    talk.client(parse("", "select 1") + parse("", "bad") + sync());
    talk.server(parsed() + error("42601") + ready());
    EXPECT_EQ(tags(talk.client(bind("", "") + sync())), "CBS") << "there is none";
}

TEST_P(ConversationTest, AKnownStatementOfNothingInAFailedTransaction) {
    talk.client(parse("s1", "") + sync());
    talk.server(parsed() + ready());
    talk.client(close('S', "s1") + query("begin") + query("fail"));
    talk.server(complete("BEGIN") + ready('T'));
    talk.server(error("22012") + ready('E'));
    talk.take_client();
    EXPECT_EQ(tags(talk.client(parse("s1", "") + sync())), "S") << "42P05 if the server parsed it again";
    talk.server(ready('E'));
    EXPECT_EQ(tags(talk.take_client()), "1Z");
}

// By the time of the Parse the transaction is over; the server can take it only when it does not have it (42P05).
TEST_P(ConversationTest, AKnownStatementBehindTheEndOfAFailedTransaction) {
    talk.client(parse("s1", "select 1") + sync());
    talk.server(parsed() + ready());
    talk.client(close('S', "s1") + query("begin") + query("fail"));
    talk.server(complete("BEGIN") + ready('T'));
    talk.server(error("22012") + ready('E'));
    talk.take_client();
    EXPECT_EQ(tags(talk.client(parse("", "commit") + bind("", "") + execute() + parse("s1", "select 1") + bind("", "s1") + sync())), "PBECPBS");
    talk.server(parsed() + bound() + complete("ROLLBACK") + closed() + parsed() + bound() + ready());
    EXPECT_EQ(tags(talk.take_client()), "12C12Z");
    EXPECT_EQ(tags(talk.client(bind("", "s1") + sync())), "BS") << "it is there";
    talk.server(bound() + ready());
    talk.take_client();
    // Still failed: the server says so, and the statement is gone from there.
    talk.client(close('S', "s1") + query("begin") + query("fail"));
    talk.server(complete("BEGIN") + ready('T'));
    talk.server(error("22012") + ready('E'));
    EXPECT_EQ(tags(talk.client(parse("s1", "select 1") + sync())), "CPS");
    talk.server(closed() + error("25P02") + ready('E'));
    talk.client(query("rollback"));
    talk.server(complete("ROLLBACK") + ready());
    EXPECT_EQ(tags(talk.client(parse("s1", "select 1") + bind("", "s1") + sync())), "PBS");
}

TEST_P(ConversationTest, TheUnnamedStatementSurvivesDeallocateAll) {
    talk.client(parse("s1", "select 1") + parse("", "deallocate all") + bind("", "") + execute() + sync());
    talk.server(parsed() + parsed() + bound() + complete("DEALLOCATE ALL") + ready());
    EXPECT_EQ(tags(talk.client(bind("", "") + execute() + sync())), "BES") << "of itself";
    talk.server(bound() + complete("DEALLOCATE ALL") + ready());
    const std::string sent = talk.client(bind("", "s1") + sync());
    EXPECT_EQ(tags(sent), "BS");
    EXPECT_NE(sent.find("s1"), std::string::npos) << "the server says that it is unknown";
}

// A server that another client left with other settings reports the change back; this client never saw it.
TEST_P(ConversationTest, ReplayedSettingsAreNotReportedAgain) {
    talk.client(query("set timezone = 'Asia/Tokyo'"));
    EXPECT_EQ(tags(talk.server(complete("SET") + status("TimeZone", "Asia/Tokyo") + ready())), "CSZ");
    talk.take_client();
    talk.backend().set_actual({});
    talk.client(query("select 1"));
    talk.server(complete("SET") + status("TimeZone", "Asia/Tokyo") + ready() + complete("SELECT 1") + ready());
    EXPECT_EQ(tags(talk.take_client()), "CZ");
    talk.client(query("begin"));
    talk.server(complete("BEGIN") + status("TimeZone", "Etc/UTC") + ready('T'));
    EXPECT_EQ(tags(talk.take_client()), "CSZ") << "what is new to it is told";
    talk.client(query("rollback"));
    talk.server(complete("ROLLBACK") + status("TimeZone", "Asia/Tokyo") + ready());
    EXPECT_EQ(tags(talk.take_client()), "CSZ");
}

TEST_P(ConversationTest, DiscardAllForgetsStatements) {
    talk.client(parse("s1", "select 1") + sync());
    talk.server(parsed() + ready());
    talk.client(query("discard all"));
    talk.server(complete("DISCARD ALL") + ready());
    EXPECT_EQ(talk.backend().prepared().size(), 0U);
    EXPECT_EQ(tags(talk.client(parse("s1", "select 1") + bind("", "s1") + sync())), "PBS") << "no 42P05, and prepared anew";
}

TEST_P(ConversationTest, DeallocateOfAProtocolNameIsAnsweredHere) {
    talk.client(parse("s1", "select 1") + sync());
    talk.server(parsed() + ready());
    talk.take_client();
    EXPECT_EQ(talk.client(query("deallocate s1")), "");
    EXPECT_EQ(talk.take_client(), complete("DEALLOCATE") + ready());
}

TEST_P(ConversationTest, CurrvalOfAnotherClientIsNotAnswered) {
    const std::string sent = talk.client(query("select currval('s')"));
    EXPECT_EQ(sent.find("select currval"), std::string::npos);
    EXPECT_NE(sent.find("55000"), std::string::npos);
}

// PostgreSQL 18.6 says 'T' after the Query and would not commit at a Sync alone; older ones say 'I' and have committed.
TEST_P(ConversationTest, AQueryAmidExtendedRequestsIsCommitted) {
    talk.client(parse("", "insert into t values (1)") + bind("", "") + execute() + query("insert into t values (2)") + sync());
    talk.server(parsed() + bound() + complete("INSERT 0 1") + complete("INSERT 0 1") + ready('T'));
    EXPECT_EQ(talk.take_server(), parse("", "") + sync());
    EXPECT_EQ(talk.server(parsed() + ready()), ready());
    EXPECT_FALSE(talk.linked());
    // No unnamed statement is left that the client does not know of.
    EXPECT_EQ(tags(talk.client(bind("", "") + execute() + sync())), "CBES");
}

TEST_P(ConversationTest, ASyncInAnotherTransactionIsPassedAlone) {
    talk.client(query("begin"));
    talk.server(complete("BEGIN") + ready('T'));
    EXPECT_EQ(talk.client(sync()), sync());
    talk.server(ready('T'));
    talk.client(parse("", "select 1") + bind("", "") + execute() + sync());
    talk.server(parsed() + bound() + complete("SELECT 1") + ready('T'));
    EXPECT_EQ(talk.client(sync()), sync());
}

TEST_P(ConversationTest, BadMessagesAreViolations) {
    for (const std::string& bad : {std::string("Q\0\0\0\3", 5), std::string("Q\x7f\xff\xff\xff", 5), message('y', ""),
                                   message('P', text("name")), message('P', text("") + text("x") + std::string("\xff\xff", 2)),
                                   message('B', std::string(3, '\0')), message('C', text("Xa")), message('D', text("Xa")),
                                   message('E', text("")), message('S', "xx"), message('H', "x")}) {
        Conversation hostile(GetParam());
        hostile.client(bad);
        EXPECT_TRUE(hostile.failed) << tags(bad);
        EXPECT_TRUE(hostile.why.code == "08P01" || hostile.why.code == "54000") << hostile.why.code;
    }
}

TEST_P(ConversationTest, ServerThatAnswersUnaskedIsAViolation) {
    talk.server(parsed());
    EXPECT_TRUE(talk.violation);
}

// Every prefix of every conversation may be the last thing that comes: nothing is answered that the server did not say.
TEST_P(ConversationTest, CutAtEveryStep) {
    const std::string bytes = parse("s", "select 1") + bind("", "s") + describe('P', "") + execute() + sync();
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        Conversation one(GetParam());
        one.client(std::string_view(bytes).substr(0, cut));
        EXPECT_EQ(one.take_client(), "");
        EXPECT_FALSE(one.failed);
    }
}

}  // namespace
}  // namespace pgweir::test
