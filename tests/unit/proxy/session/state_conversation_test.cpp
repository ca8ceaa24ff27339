// What a client's statements do to its session, as conversations: settings, channels, limits, outdated statements
// (semantics.md C and D).
#include "tests/unit/proxy/session/conversation.hpp"

#include <gtest/gtest.h>

namespace pgweir::test {
namespace {

class StateTest : public testing::TestWithParam<std::size_t> {
  protected:
    Conversation talk{GetParam()};

    void run(std::string_view sql, std::string_view tag, char status = 'I') {
        talk.client(query(sql));
        talk.server(complete(tag) + ready(status));
    }
    std::string desired(std::string_view name) {
        const std::string* value = talk.machine().desired()->find(name);
        return value == nullptr ? "-" : *value;
    }
    std::string actual(std::string_view name) {
        const std::string* value = talk.backend().actual()->find(name);
        return value == nullptr ? "-" : *value;
    }
};

INSTANTIATE_TEST_SUITE_P(Chunks, StateTest, testing::Values(1, 7, 1 << 20));

// "SET known = literal outside a transaction joins D"
TEST_P(StateTest, ASettingJoinsTheSession) {
    run("set statement_timeout = '5s'", "SET");
    EXPECT_FALSE(talk.linked()) << "no pin";
    EXPECT_EQ(desired("statement_timeout"), "5s");
    EXPECT_EQ(actual("statement_timeout"), "5s");
    talk.backend().set_actual(talk.backend().login());  // another server connection
    const std::string sent = talk.client(query("select 1"));
    EXPECT_NE(sent.find("SET \"statement_timeout\" TO E'5s'"), sent.npos);
}

TEST_P(StateTest, AFailedSetChangesNothing) {
    talk.client(query("set statement_timeout = 'soon'"));
    talk.server(error("22023") + ready());
    EXPECT_EQ(desired("statement_timeout"), "-");
    EXPECT_FALSE(talk.linked());
}

// "inside it is staged, and committed or dropped with the transaction (ROLLBACK TO too); SET LOCAL leaves nothing"
TEST_P(StateTest, SettingsAreStagedInATransaction) {
    run("begin", "BEGIN", 'T');
    run("set a.b = '1'", "SET", 'T');
    EXPECT_EQ(desired("a.b"), "-");
    run("savepoint s", "SAVEPOINT", 'T');
    run("set a.b = '2'", "SET", 'T');
    run("set local a.c = '3'", "SET", 'T');
    run("rollback to s", "ROLLBACK", 'T');
    run("commit", "COMMIT");
    EXPECT_EQ(desired("a.b"), "1");
    EXPECT_EQ(desired("a.c"), "-");
    EXPECT_FALSE(talk.linked());
    run("begin", "BEGIN", 'T');
    run("set a.b = '9'", "SET", 'T');
    run("rollback", "ROLLBACK");
    EXPECT_EQ(desired("a.b"), "1");
    EXPECT_FALSE(talk.linked());
}

TEST_P(StateTest, ACommitOfAFailedTransactionDropsWhatWasSet) {
    run("begin", "BEGIN", 'T');
    run("set a.b = '1'", "SET", 'T');
    talk.client(query("select 1/0"));
    talk.server(error("22012") + ready('E'));
    run("commit", "ROLLBACK");
    EXPECT_EQ(desired("a.b"), "-");
}

TEST_P(StateTest, SeveralSetsInOneQueryAreAllOrNothing) {
    talk.client(query("set a.b = 1; set a.c = 2"));
    talk.server(complete("SET") + complete("SET") + ready());
    EXPECT_EQ(desired("a.b") + desired("a.c"), "12");
    talk.client(query("set a.b = 3; set a.c = 4"));
    talk.server(complete("SET") + error("42704") + ready());
    EXPECT_EQ(desired("a.b") + desired("a.c"), "12");
    EXPECT_FALSE(talk.linked());
}

TEST_P(StateTest, SetConfigThroughBind) {
    talk.client(parse("", "select set_config($1, $2, false)") + message('B', std::string("\0\0", 2) + std::string("\0\0\0\2\0\0\0\3a.b\0\0\0\1" "7\0\0", 18)) +
                execute() + sync());
    talk.server(parsed() + bound() + row("7") + complete("SELECT 1") + ready());
    EXPECT_EQ(desired("a.b"), "7");
    EXPECT_FALSE(talk.linked());
}

TEST_P(StateTest, AnErrorInTheSegmentTakesItsSettingsBack) {
    talk.client(parse("", "set a.b = 1") + bind("", "") + execute() + parse("", "select 1/0") + bind("", "") + execute() + sync());
    talk.server(parsed() + bound() + complete("SET") + parsed() + error("22012") + ready());
    EXPECT_EQ(desired("a.b"), "-");
    EXPECT_FALSE(talk.linked());
}

TEST_P(StateTest, ResetGoesBackToTheStart) {
    run("set a.b = '1'", "SET");
    run("set a.c = '2'", "SET");
    run("reset a.b", "RESET");
    EXPECT_EQ(desired("a.b") + actual("a.b"), "--");
    EXPECT_EQ(desired("a.c"), "2");
    run("begin", "BEGIN", 'T');
    run("reset all", "RESET", 'T');
    run("rollback", "ROLLBACK");
    EXPECT_EQ(desired("a.c"), "2");
    run("discard all", "DISCARD ALL");
    EXPECT_EQ(desired("a.c") + actual("a.c"), "--");
    EXPECT_FALSE(talk.linked());
}

// What is not understood to the last token pins.
TEST_P(StateTest, AnUnknownSettingStatementPins) {
    run("set a.b = e'\\x41'", "SET");
    EXPECT_EQ(talk.machine().pin(), session::Pin::setting);
}

TEST_P(StateTest, APinMadeInATransactionIsLookedAtWhenItEnds) {
    run("begin", "BEGIN", 'T');
    run("create temp table t () on commit drop", "CREATE TABLE", 'T');
    EXPECT_EQ(talk.machine().pin(), session::Pin::temporary);
    EXPECT_TRUE(talk.machine().tainted());
}

TEST_P(StateTest, WhatMayEndAPinIsLookedAt) {
    run("select pg_advisory_lock(1)", "SELECT 1");
    EXPECT_EQ(talk.machine().pin(), session::Pin::advisory_lock);
    EXPECT_FALSE(talk.machine().tainted());
    run("select pg_advisory_unlock(1)", "SELECT 1");
    EXPECT_TRUE(talk.machine().tainted());
}

TEST_P(StateTest, DiscardAllEndsAPin) {
    run("set a.b = e'x'", "SET");
    EXPECT_EQ(talk.machine().pin(), session::Pin::setting);
    EXPECT_FALSE(talk.machine().tainted()) << "no look at the session would find a.b";
    run("discard all", "DISCARD ALL");
    EXPECT_FALSE(talk.linked());
}

// Integers in binary are not the text that the server makes of them.
TEST_P(StateTest, AParameterThatIsNotTextPins) {
    using namespace std::string_literals;
    talk.client(message('P', text("") + text("select set_config('a.b', $1::text, false)") + "\0\1\0\0\0\27"s) +
                message('B', "\0\0\0\1\0\1\0\1\0\0\0\4\0\0\0\5\0\0"s) + execute() + sync());
    talk.server(parsed() + bound() + row("5") + complete("SELECT 1") + ready());
    EXPECT_EQ(desired("a.b"), "-");
    EXPECT_EQ(talk.machine().pin(), session::Pin::setting);
}

TEST_P(StateTest, ANameThatCannotBeSetAgainPins) {
    run("select set_config('a.\xc3\xa9', 'x', false)", "SELECT 1");
    EXPECT_EQ(talk.machine().pin(), session::Pin::setting);
    run("discard all", "DISCARD ALL");
    run("set a.long = '" + std::string(20'000, 'x') + "'", "SET");
    EXPECT_EQ(talk.machine().pin(), session::Pin::setting) << "one client cannot have all the memory";
}

TEST_P(StateTest, APortalOfAnEarlierSegmentStillSets) {
    run("begin", "BEGIN", 'T');
    talk.client(parse("", "select set_config('a.b', '5', false)") + bind("p", "") + sync());
    talk.server(parsed() + bound() + ready('T'));
    talk.client(message('E', text("p") + std::string("\0\0\0\1", 4)) + sync());
    talk.server(row("5") + message('s', "") + ready('T'));
    run("commit", "COMMIT");
    EXPECT_EQ(desired("a.b"), "5");
}

TEST_P(StateTest, AReadyForQueryInTheMiddleCommits) {
    talk.client(parse("", "set a.b = 1") + bind("", "") + execute() + query("select 1") + parse("", "bad") + sync());
    talk.server(parsed() + bound() + complete("SET") + complete("SELECT 1") + ready());
    talk.server(error("42601") + ready());
    EXPECT_EQ(desired("a.b"), "1");
}

TEST_P(StateTest, ARollbackToAnUnknownNameKeepsTheServer) {
    run("begin", "BEGIN", 'T');
    run("set a.b = '1'", "SET", 'T');
    run("savepoint \xc3\xa9", "SAVEPOINT", 'T');
    run("rollback to \xc3\xa9", "ROLLBACK", 'T');
    run("commit", "COMMIT");
    EXPECT_TRUE(talk.linked());
}

// on_session_state = "reject"
TEST_P(StateTest, SessionStateIsRefusedWhereThePolicySaysSo) {
    Conversation strict(GetParam(), 100, {.reject_state = true});
    for (const char* sql : {"create temp table t ()", "select pg_advisory_lock(1)", "set role r", "listen a; listen b", "prepare p as select 1",
                            "declare c cursor with hold for select 1", "load 'x'", "set a.b = e'x'"}) {
        const std::string sent = strict.client(query(sql));
        EXPECT_NE(sent.find("ERRCODE = '0A000'"), sent.npos) << sql;
        strict.server(error("0A000") + ready());
        EXPECT_FALSE(strict.linked()) << sql;
    }
    strict.client(query("set a.b = '1'"));
    strict.server(complete("SET") + ready());
    EXPECT_FALSE(strict.linked()) << "what is carried along is allowed";
}

// A pool's good-bye is no reason for a pin, and ends what is listened to.
TEST_P(StateTest, AResetByADriversPool) {
    run("set a.b = '1'", "SET");
    talk.client(query("SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;"));
    talk.server(row("") + complete("SELECT 1") + complete("CLOSE CURSOR ALL") + complete("UNLISTEN") + complete("RESET") + ready());
    EXPECT_FALSE(talk.linked());
    EXPECT_EQ(desired("a.b") + actual("a.b"), "--");
}

// A notification that comes amid an answer to the proxy's own question is the client's all the same.
TEST_P(StateTest, ANotificationDuringAProbe) {
    run("listen a; listen b", "LISTEN");
    session::Gather out;
    std::string sent;
    talk.backend().inject_query("SELECT 1", session::Purpose::probe, sent, out);
    const std::string notification = message('A', std::string(4, '\1') + text("a") + text("x"));
    EXPECT_EQ(talk.server(message('T', std::string(2, '\0')) + notification + row("") + complete("SELECT 1") + ready()), notification);
}

// --- LISTEN

class ListenTest : public testing::TestWithParam<std::size_t> {
  protected:
    Conversation talk{GetParam(), 100, {.shared_listen = true}};
};

INSTANTIATE_TEST_SUITE_P(Chunks, ListenTest, testing::Values(1, 7, 1 << 20));

TEST_P(ListenTest, IsAnsweredWhenTheSharedConnectionListens) {
    EXPECT_EQ(talk.client(query("LISTEN Jobs")), "");
    EXPECT_EQ(talk.take_client(), "");
    ASSERT_EQ(talk.wanted(), "jobs");
    talk.channel_ready();
    EXPECT_EQ(talk.take_client(), complete("LISTEN") + ready());
    EXPECT_TRUE(talk.machine().listens_to("jobs"));
    EXPECT_FALSE(talk.linked());
    talk.client(query("unlisten jobs"));
    EXPECT_EQ(talk.take_client(), complete("UNLISTEN") + ready());
    EXPECT_FALSE(talk.machine().listens_to("jobs"));
    EXPECT_EQ(talk.machine().take_dropped_channels(), std::vector<std::string>{"jobs"});
}

TEST_P(ListenTest, InAnExtendedSegment) {
    talk.client(parse("", "listen jobs") + bind("", "") + describe('P', "") + execute() + sync());
    ASSERT_EQ(talk.wanted(), "jobs");
    talk.channel_ready();
    EXPECT_EQ(talk.take_client(), parsed() + bound() + no_data() + complete("LISTEN") + ready());
    EXPECT_TRUE(talk.machine().listens_to("jobs"));
}

// "a rolled-back LISTEN does not stick"
TEST_P(ListenTest, CountsWhenItsTransactionCommits) {
    for (const bool commits : {true, false}) {
        talk.client(query("begin"));
        talk.server(complete("BEGIN") + ready('T'));
        talk.take_client();
        EXPECT_EQ(talk.client(query("listen jobs")), "");
        ASSERT_EQ(talk.wanted(), "jobs");
        talk.channel_ready();
        EXPECT_EQ(talk.take_client(), complete("LISTEN") + ready('T'));
        EXPECT_FALSE(talk.machine().listens_to("jobs"));
        EXPECT_TRUE(talk.machine().take_dropped_channels().empty());
        talk.client(query(commits ? "commit" : "rollback"));
        talk.server(complete(commits ? "COMMIT" : "ROLLBACK") + ready());
        EXPECT_EQ(talk.machine().listens_to("jobs"), commits);
        EXPECT_FALSE(talk.linked());
        talk.client(query("unlisten *"));
        talk.take_client();
        EXPECT_EQ(talk.machine().take_dropped_channels().size(), 1U);
    }
}

TEST_P(ListenTest, OutlivesARollbackToASavepointBehindIt) {
    talk.client(query("begin"));
    talk.server(complete("BEGIN") + ready('T'));
    talk.client(query("listen jobs"));
    talk.channel_ready();
    for (const auto& [sql, tag] : {std::pair{"savepoint s", "SAVEPOINT"}, {"rollback to s", "ROLLBACK"}}) {
        talk.client(query(sql));
        talk.server(complete(tag) + ready('T'));
    }
    talk.client(query("commit"));
    talk.server(complete("COMMIT") + ready());
    EXPECT_TRUE(talk.machine().listens_to("jobs"));
}

TEST_P(ListenTest, ThePortalWaitsForItsExecute) {
    talk.client(parse("", "listen jobs") + bind("", "") + message('H', ""));
    talk.channel_ready();
    EXPECT_TRUE(talk.machine().take_dropped_channels().empty());
    EXPECT_EQ(tags(talk.client(execute() + sync())), "S") << "a portal of before needs a server";
    talk.server(ready());
    EXPECT_EQ(tags(talk.take_client()), "12CZ");
    EXPECT_TRUE(talk.machine().listens_to("jobs"));
}

TEST_P(ListenTest, AFailureIsTheClientsError) {
    talk.client(query("listen jobs"));
    talk.channel_failed("08006", "gone");
    EXPECT_EQ(tags(talk.take_client()), "EZ");
    talk.client(query("listen jobs"));
    EXPECT_EQ(talk.wanted(), "jobs") << "the next one tries again";
    talk.channel_ready();
    EXPECT_EQ(tags(talk.take_client()), "CZ");
}

TEST_P(ListenTest, AFailureFailsTheTransaction) {
    talk.client(query("begin"));
    talk.server(complete("BEGIN") + ready('T'));
    talk.client(query("listen jobs"));
    talk.channel_failed("08006", "gone");
    EXPECT_EQ(tags(talk.take_server()), "Q");
    talk.server(error("08006") + ready('E'));
    EXPECT_EQ(talk.backend().status(), session::TransactionStatus::failed);
}

TEST_P(ListenTest, AmongOtherStatementsItIsTheServers) {
    const std::string both = query("listen a; listen b");
    EXPECT_EQ(talk.client(both), both);
    talk.server(complete("LISTEN") + complete("LISTEN") + ready());
    EXPECT_EQ(talk.machine().pin(), session::Pin::listen);
}

TEST_P(ListenTest, DiscardAllUnlistens) {
    talk.client(query("listen jobs"));
    talk.channel_ready();
    talk.client(query("discard all"));
    talk.server(complete("DISCARD ALL") + ready());
    EXPECT_FALSE(talk.machine().listens_to("jobs"));
}

// --- limits

TEST_P(StateTest, ATextThatIsTooLongIsAnErrorOfItsOwn) {
    Conversation small(GetParam(), 100, {.max_statement = 1000});
    const std::string text(2000, ' ');
    EXPECT_EQ(small.client(query("select 1" + text)), "");
    EXPECT_EQ(tags(small.take_client()), "EZ");
    EXPECT_EQ(small.client(parse("", "select 1" + text) + bind("", "") + execute() + sync()), "");
    EXPECT_EQ(tags(small.take_client()), "EZ");
    EXPECT_FALSE(small.failed);
    small.client(query("begin"));
    small.server(complete("BEGIN") + ready('T'));
    EXPECT_EQ(tags(small.client(query("select 1" + text))), "Q") << "the transaction has to fail";
    small.server(error("54000") + ready('E'));
    small.client(query("rollback"));
    small.server(complete("ROLLBACK") + ready());
    EXPECT_EQ(small.client(query("select 1")), query("select 1"));
}

TEST_P(StateTest, StatementsOfOneClientAreBounded) {
    Conversation small(GetParam(), 100, {.max_client_statements = 2000});
    int prepared = 0;
    for (int i = 0; i < 20; ++i) {
        const std::string n = std::to_string(i);
        const std::string sent = small.client(parse("s" + n, "select " + n) + sync());
        const bool refused = tags(sent) == "Q";
        small.server(refused ? error("54000") + ready() : parsed() + ready());
        if (refused) small.server(ready());
        prepared += refused ? 0 : 1;
    }
    EXPECT_GT(prepared, 1);
    EXPECT_LT(prepared, 10);
    small.take_client();
    for (int i = 0; i < 20; ++i) small.client(message('C', "Ss" + std::to_string(i) + std::string(1, '\0')) + sync());
    EXPECT_EQ(tags(small.client(parse("again", "select 100") + sync())), "PS") << "closed statements count no more";
}

TEST_P(StateTest, ARowThatIsTooLong) {
    talk.backend().set_max_row(100);
    talk.client(query("select repeat('x', 1000)"));
    session::Gather out;
    const std::string answer = row(std::string(1000, 'x'));
    const auto progress = talk.backend().on_bytes(as_bytes(std::string_view(answer).substr(0, 50)), &talk.machine(), out);
    EXPECT_TRUE(progress.row_too_long);
    EXPECT_TRUE(out.empty());
}

// --- "cached plan must not change result type": evict and Parse again; with nothing forwarded at Z('I'), play once more.

std::string outdated() {
    using namespace std::string_literals;
    return message('E', "SERROR\0VERROR\0C0A000\0Mcached plan must not change result type\0RRevalidateCachedQuery\0\0"s);
}

TEST_P(StateTest, AnOutdatedStatementIsHealed) {
    talk.client(parse("s1", "select * from t") + sync());
    talk.server(parsed() + ready());
    talk.take_client();
    const std::string segment = talk.client(bind("", "s1") + describe('P', "") + execute() + sync());
    EXPECT_EQ(tags(segment), "BDES");
    EXPECT_EQ(talk.server(outdated()), "");
    const std::string again = talk.backend().take_output();
    EXPECT_EQ(tags(again), "CPBDES");
    EXPECT_EQ(again.substr(again.size() - segment.size()), segment);
    EXPECT_EQ(talk.server(ready()), "") << "of the segment that failed";
    EXPECT_TRUE(talk.linked());
    EXPECT_EQ(talk.server(closed() + parsed() + bound() + no_data() + complete("SELECT 0") + ready()),
              bound() + no_data() + complete("SELECT 0") + ready());
    EXPECT_FALSE(talk.linked());
    EXPECT_EQ(tags(talk.client(bind("", "s1") + execute() + sync())), "BES");
}

TEST_P(StateTest, AnOutdatedStatementIsDescribedAnew) {
    talk.client(parse("s1", "select * from t") + sync());
    talk.server(parsed() + ready());
    talk.take_client();
    talk.client(describe('S', "s1") + sync());
    // The server finds out between the two parts of its answer (tried).
    const std::string parameters = message('t', std::string(2, '\0'));
    EXPECT_EQ(talk.server(parameters + outdated()), parameters);
    EXPECT_EQ(tags(talk.backend().take_output()), "CPDS");
    EXPECT_EQ(tags(talk.server(ready() + closed() + parsed() + parameters + no_data() + ready())), "nZ");
}

TEST_P(StateTest, InATransactionItIsTheClientsErrorAndHealedForTheNextOne) {
    talk.client(parse("s1", "select * from t") + sync());
    talk.server(parsed() + ready());
    talk.client(query("begin"));
    talk.server(complete("BEGIN") + ready('T'));
    talk.take_client();
    talk.client(bind("", "s1") + execute() + sync());
    talk.server(outdated() + ready('E'));
    EXPECT_EQ(tags(talk.take_client()), "EZ");
    EXPECT_EQ(talk.backend().take_output(), "");
    talk.client(query("rollback"));
    talk.server(complete("ROLLBACK") + ready());
    EXPECT_EQ(tags(talk.client(bind("", "s1") + execute() + sync())), "CPBES");
}

TEST_P(StateTest, WhatWasAnsweredIsNotSentAgain) {
    talk.client(parse("s1", "select * from t") + sync());
    talk.server(parsed() + ready());
    talk.client(bind("", "s1") + execute() + bind("", "s1") + execute() + sync());
    talk.take_client();
    talk.server(bound() + complete("SELECT 0") + outdated() + ready());
    EXPECT_EQ(tags(talk.take_client()), "2CEZ");
    EXPECT_EQ(talk.backend().take_output(), "");
}

// What was pushed behind it without being kept makes it another segment: nothing may be sent twice.
TEST_P(StateTest, OnlyAnUntouchedSegmentIsSentAgain) {
    talk.client(parse("s1", "call p()") + sync());
    talk.server(parsed() + ready());
    talk.client(bind("", "s1") + execute() + message('C', text("Snope")) + sync());
    talk.take_client();
    talk.server(bound() + outdated() + ready());
    EXPECT_EQ(talk.backend().take_output(), "");
    EXPECT_EQ(tags(talk.take_client()).substr(0, 2), "2E");
}

TEST_P(StateTest, AStatementOfOtherSettingsIsNotMadeNewForEverybody) {
    talk.client(parse("s1", "select '01/02/2020'::date") + sync());
    talk.server(parsed() + ready());
    talk.client(query("set datestyle = 'ISO, DMY'"));
    talk.server(complete("SET") + status("DateStyle", "ISO, DMY") + ready());
    talk.client(query("create table x ()"));
    talk.server(complete("CREATE TABLE") + ready());
    EXPECT_EQ(tags(talk.client(bind("", "s1") + execute() + sync())), "PBES") << "under another name";
}

// "On a DDL tag raise the database's epoch, and evict lazily everywhere."
TEST_P(StateTest, DdlMakesStatementsNewWhenTheyAreUsedNext) {
    talk.client(parse("s1", "select * from t") + sync());
    talk.server(parsed() + ready());
    talk.client(query("alter table t add b int"));
    talk.server(complete("ALTER TABLE") + ready());
    EXPECT_EQ(tags(talk.client(bind("", "s1") + execute() + sync())), "CPBES");
    talk.take_client();
    talk.server(closed() + parsed() + bound() + complete("SELECT 0") + ready());
    EXPECT_EQ(tags(talk.take_client()), "2CZ");
    EXPECT_EQ(tags(talk.client(bind("", "s1") + execute() + sync())), "BES");
}

}  // namespace
}  // namespace pgweir::test
