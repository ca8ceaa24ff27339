// A session of a read_only database: where it runs, and what it may not do (docs/routing.md).
#include "proxy/session/read_only.hpp"

#include <gtest/gtest.h>

#include "proxy/sql/classify.hpp"
#include "tests/unit/proxy/session/conversation.hpp"

namespace pgweir::test {
namespace {

bool refused(std::string_view sql, bool on_primary) {
    static const sql::Allowlist kFunctions;
    return !session::read_only_refusal(sql::classify(sql, {}, kFunctions), sql, on_primary).empty();
}

TEST(ReadOnlyDatabase, WhatAsksForWritesIsRefusedEverywhere) {
    for (const std::string_view sql :
         {"begin read write", "start transaction isolation level repeatable read, read write",
          "set default_transaction_read_only = off", "SET Default_Transaction_Read_Only TO 'false'",
          "set session default_transaction_read_only to default", "set local transaction_read_only = off",
          "set transaction_read_only = 0", "listen a", "set session characteristics as transaction read write",
          "set transaction read write", "begin; set transaction read\n write; insert into t values (1)",
          "select set_config('default_transaction_read_only', 'off', false)", "reset transaction_read_only",
          "do $$ begin set transaction read write; end $$"}) {
        EXPECT_TRUE(refused(sql, false)) << sql;
        EXPECT_TRUE(refused(sql, true)) << sql;
    }
}

TEST(ReadOnlyDatabase, WhatKeepsItReadOnlyIsNot) {
    for (const std::string_view sql : {"set default_transaction_read_only = on", "begin read only", "begin", "commit", "savepoint a",
                                       "set timezone = 'UTC'", "show transaction_read_only", "select 1", ""}) {
        EXPECT_FALSE(refused(sql, false)) << sql;
        EXPECT_FALSE(refused(sql, true)) << sql;
    }
}

// A replica refuses these by itself; the primary would run them, some in spite of a read-only transaction.
TEST(ReadOnlyDatabase, OnThePrimaryOnlyTheHarmlessPasses) {
    for (const std::string_view sql :
         {"insert into t values (1)", "reset all", "reset timezone", "set standard_conforming_strings = off",
          "/* pgweir: replica */ select unknown_function()", "do $$ begin end $$", "call p()", "create temp table t (n int)", "begin isolation level serializable", "prepare transaction 'a'", "commit prepared 'a'",
          "set role a", "select 1; insert into t values (1)", "begin; select 1", "select unknown_function()", "vacuum", "notify a",
          "select pg_advisory_lock(1)", "select 1 for update"}) {
        EXPECT_TRUE(refused(sql, true)) << sql;
        EXPECT_FALSE(refused(sql, false)) << sql;
    }
}

class ReadOnlySessionTest : public testing::TestWithParam<std::size_t> {
  protected:
    Conversation talk{GetParam(), 100, {.read_only = true}};
    const routing::Route replica{routing::Target::replica, sql::Reason::read_only_database};
};

INSTANTIATE_TEST_SUITE_P(Chunks, ReadOnlySessionTest, testing::Values(1, 7, 1 << 20));

TEST_P(ReadOnlySessionTest, WhateverItIsAReplicaGetsIt) {
    for (const std::string_view sql : {"select 1", "insert into t values (1)", "/* pgweir: primary */ select 1", "begin",
                                       "create table t ()", "select 1; select 2", "show timezone"}) {
        EXPECT_EQ(talk.client(query(sql)), query(sql));
        EXPECT_EQ(talk.route, replica) << sql;
        talk.server(complete("DONE") + ready());
        EXPECT_FALSE(talk.linked()) << sql;
    }
    const std::string segment = parse("", "delete from t") + bind("", "") + execute() + sync();
    EXPECT_EQ(talk.client(segment), segment);
    EXPECT_EQ(talk.route, replica);
}

TEST_P(ReadOnlySessionTest, ARefusalIsAnErrorOfTheServers) {
    EXPECT_NE(talk.client(query("begin read write")).find("25006"), std::string::npos);
    EXPECT_EQ(talk.server(error("25006") + ready()), error("25006") + ready());
    const std::string sent = talk.client(parse("", "set default_transaction_read_only = off") + bind("", "") + execute() + sync());
    EXPECT_NE(sent.find("25006"), std::string::npos);
}

// By a way that no text shows, as set_config in a function: the next segment begins with it on again.
TEST_P(ReadOnlySessionTest, TurnedOffByStealthItIsNotKept) {
    const auto settings = talk.machine().desired();
    talk.client(query("select 1"));
    const std::string report = message('S', std::string("default_transaction_read_only\0off\0", 34));
    EXPECT_EQ(talk.server(row("1") + complete("SELECT 1") + report + ready()), row("1") + complete("SELECT 1") + ready());
    EXPECT_EQ(talk.machine().desired(), settings);
}

}  // namespace
}  // namespace pgweir::test
