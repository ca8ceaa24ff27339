// promote_unnamed = "auto" as conversations: a statement that comes without a name again becomes the server's prepared one, and
// the client cannot tell (semantics.md C, "Statement virtualisation").
#include <gtest/gtest.h>

#include "tests/unit/proxy/session/conversation.hpp"

namespace pgweir::test {
namespace {

class PromotionTest : public testing::TestWithParam<std::size_t> {
  protected:
    Conversation talk{GetParam(), 100, {.promote_unnamed = true}};

    static std::string segment(std::string_view sql) {
        return parse("", sql) + bind("", "") + describe('P', "") + execute() + sync();
    }
    static std::string answer(char status = 'I') { return bound() + no_data() + complete("SELECT 0") + ready(status); }

    // The server answers what it is sent; the client's messages come back.
    std::string run(std::string_view bytes) {
        talk.take_client();
        std::string sent = talk.client(bytes);
        while (!sent.empty()) {
            std::string back;
            for (const char tag : tags(sent)) {
                if (tag == 'P') back += parsed();
                if (tag == 'B') back += bound();
                if (tag == 'D') back += no_data();
                if (tag == 'C') back += closed();
                if (tag == 'E' || tag == 'Q') back += complete("SELECT 0");
                if (tag == 'S' || tag == 'Q') back += ready();
            }
            talk.server(back);
            sent = talk.take_server();
        }
        return tags(talk.take_client());
    }
    // Seen once, and prepared: the third time needs no Parse.
    void promote(std::string_view sql) {
        run(segment(sql));
        run(segment(sql));
    }
};

INSTANTIATE_TEST_SUITE_P(Chunks, PromotionTest, testing::Values(1, 7, 1 << 20));

TEST_P(PromotionTest, ParsedOnceAndThenBoundByItsName) {
    const std::string first = talk.client(segment("select 1"));
    EXPECT_EQ(first, segment("select 1")) << "the first time as it came";
    talk.server(parsed() + answer());
    talk.take_client();
    const std::string second = talk.client(segment("select 1"));
    EXPECT_EQ(tags(second), "PBDES");
    EXPECT_NE(second.find("pgweir_"), second.npos);
    EXPECT_EQ(tags(talk.server(parsed() + answer())), "12nCZ");
    talk.take_client();
    const std::string third = talk.client(segment("select 1"));
    EXPECT_EQ(tags(third), "BDES");
    EXPECT_NE(third.find("pgweir_"), third.npos);
    talk.server(answer());
    EXPECT_EQ(tags(talk.take_client()), "12nCZ");
    EXPECT_FALSE(talk.linked());
}

TEST_P(PromotionTest, OffItIsNever) {
    session::ClientSetup off;
    talk.machine().reload(off);
    promote("select 1");
    EXPECT_EQ(talk.client(segment("select 1")), segment("select 1"));
}

TEST_P(PromotionTest, ASampleIsRunAsItComes) {
    promote("select 1");
    unsigned parses = 0;
    for (int i = 0; i < 100; ++i) {
        const std::string sent = talk.client(segment("select 1"));
        parses += sent == segment("select 1") ? 1U : 0U;
        talk.server(tags(sent) == "PBDES" ? parsed() + answer() : answer());
    }
    EXPECT_GE(parses, 11U);
    EXPECT_LE(parses, 14U);
}

TEST_P(PromotionTest, OnlyWhatIsPlanned) {
    for (const auto* sql : {"show server_version", "vacuum", "explain select 1", ""}) {
        promote(sql);
        EXPECT_EQ(talk.client(segment(sql)), segment(sql));
        talk.server(parsed() + answer());
    }
}

TEST_P(PromotionTest, OnlyAUsualSegment) {
    promote("select 1");
    const std::string_view sql = "select 1";
    const std::string two = parse("", sql) + bind("", "") + execute() + parse("", sql) + bind("", "") + execute() + sync();
    const std::string described = parse("", sql) + describe('S', "") + bind("", "") + execute() + sync();
    const std::string alone = parse("", sql) + sync();
    const std::string flushed = parse("", sql) + bind("", "") + execute() + flush();
    for (const std::string& bytes : {two, described, alone}) {
        EXPECT_EQ(talk.client(bytes), bytes);
        std::string back;
        for (const char tag : tags(bytes)) {
            back += tag == 'P' ? parsed() : tag == 'B' ? bound() : tag == 'D' ? no_data() : tag == 'E' ? complete("SELECT 0") : ready();
        }
        talk.server(back);
    }
    EXPECT_EQ(talk.client(flushed), flushed);
}

TEST_P(PromotionTest, NotInATransaction) {
    promote("select 1");
    talk.client(query("begin"));
    talk.server(complete("BEGIN") + ready('T'));
    EXPECT_EQ(talk.client(segment("select 1")), segment("select 1"));
    talk.server(parsed() + answer('T'));
    talk.client(query("commit"));
    talk.server(complete("COMMIT") + ready());
    EXPECT_EQ(tags(talk.client(segment("select 1"))), "BDES");
}

TEST_P(PromotionTest, NotInASessionOfItsOwnState) {
    promote("select * from work");
    talk.client(query("create temp table work ()"));
    talk.server(complete("CREATE TABLE") + ready());
    ASSERT_TRUE(talk.linked()) << "pinned";
    EXPECT_EQ(talk.client(segment("select * from work")), segment("select * from work"));
}

TEST_P(PromotionTest, OtherSettingsAreAnotherStatement) {
    promote("select '01/02/2020'::date");
    talk.client(query("set datestyle = 'ISO, DMY'"));
    talk.server(complete("SET") + status("DateStyle", "ISO, DMY") + ready());
    EXPECT_EQ(talk.client(segment("select '01/02/2020'::date")), segment("select '01/02/2020'::date"));
}

TEST_P(PromotionTest, DdlAmongOtherStatementsMakesItNew) {
    promote("select * from t");
    talk.client(query("begin; create table s.t (); commit"));
    talk.server(complete("BEGIN") + complete("CREATE TABLE") + complete("COMMIT") + ready());
    EXPECT_EQ(tags(talk.client(segment("select * from t"))), "CPBDES");
}

TEST_P(PromotionTest, NotOnAReplicaThatMayHaveTheSchemaOfBefore) {
    promote("select 1");
    talk.backend().schema_settled = false;
    EXPECT_EQ(talk.client(segment("select 1")), segment("select 1"));
    talk.server(parsed() + answer());
    talk.backend().schema_settled = true;
    EXPECT_EQ(tags(talk.client(segment("select 1"))), "BDES");
}

// Settings that are replayed ahead of it end with a ReadyForQuery of their own.
TEST_P(PromotionTest, TheEpochIsRaisedAtTheEndOfTheDdl) {
    talk.client(query("set timezone = 'Asia/Tokyo'"));
    talk.server(complete("SET") + status("TimeZone", "Asia/Tokyo") + ready());
    talk.backend().set_actual(talk.backend().login());  // another server connection
    const std::uint64_t before = session::StatementCache::schema_epoch();
    const std::string sent = talk.client(query("create table t ()"));
    ASSERT_EQ(tags(sent), "QQ");
    talk.server(complete("SET") + status("TimeZone", "Asia/Tokyo") + ready());
    EXPECT_EQ(session::StatementCache::schema_epoch(), before);
    talk.server(complete("CREATE TABLE") + ready());
    EXPECT_EQ(session::StatementCache::schema_epoch(), before + 1);
}

TEST_P(PromotionTest, WhatAReplicaPreparesBeforeItHasTheDdlIsPreparedAnew) {
    promote("select 1");
    talk.backend().schema_settled = false;
    talk.client(parse("s", "select 1") + bind("", "s") + execute() + sync());
    talk.server(closed() + parsed() + bound() + complete("SELECT 1") + ready());
    talk.backend().schema_settled = true;
    EXPECT_EQ(tags(talk.client(segment("select 1"))), "CPBDES");
}

TEST_P(PromotionTest, NoLiteralOfItsMoment) {
    promote("insert into log values ('now')");
    EXPECT_EQ(talk.client(segment("insert into log values ('now')")), segment("insert into log values ('now')"));
}

// The types of its parameters may be those of a column that is another one now.
TEST_P(PromotionTest, AnErrorOfTheBindIsTheOneOfAFreshParse) {
    promote("select * from t where a = $1");
    talk.take_client();
    talk.client(segment("select * from t where a = $1"));
    EXPECT_EQ(talk.server(error("42883")), "");
    EXPECT_EQ(tags(talk.backend().take_output()), "CPBDES");
    EXPECT_EQ(tags(talk.server(ready() + closed() + parsed() + answer())), "2nCZ");
    talk.take_client();
    talk.client(segment("select * from t where a = $1"));
    EXPECT_EQ(talk.server(error("22P02")), "");
    EXPECT_EQ(tags(talk.backend().take_output()), "CPBDES");
    EXPECT_EQ(tags(talk.server(ready() + closed() + parsed() + error("22P02") + ready())), "EZ") << "once";
}

TEST_P(PromotionTest, BehindDeallocateAllItIsThere) {
    promote("select 1");
    talk.client(segment("select 1"));
    talk.server(answer());
    talk.take_client();
    EXPECT_EQ(tags(talk.client(parse("d", "deallocate all") + bind("", "d") + execute() + bind("", "") + execute() + sync())), "PBEPBES");
}

TEST_P(PromotionTest, DdlMakesItNew) {
    promote("select * from t");
    talk.client(query("alter table t add b int"));
    talk.server(complete("ALTER TABLE") + ready());
    EXPECT_EQ(tags(talk.client(segment("select * from t"))), "CPBDES");
}

TEST_P(PromotionTest, OutdatedByWhatWasNotSeenItIsHealed) {
    using namespace std::string_literals;
    promote("select * from t");
    talk.take_client();
    EXPECT_EQ(tags(talk.client(segment("select * from t"))), "BDES");
    EXPECT_EQ(talk.take_client(), parsed()) << "of the Parse that was answered here";
    EXPECT_EQ(talk.server(message('E', "SERROR\0VERROR\0C0A000\0Mx\0RRevalidateCachedQuery\0\0"s)), "");
    EXPECT_EQ(tags(talk.backend().take_output()), "CPBDES");
    EXPECT_EQ(tags(talk.server(ready() + closed() + parsed() + answer())), "2nCZ");
}

TEST_P(PromotionTest, WhatFailsToParseIsNotPrepared) {
    run(segment("select nothing"));
    talk.take_client();
    const std::string sent = talk.client(segment("select nothing"));
    EXPECT_EQ(tags(sent), "PBDES");
    EXPECT_EQ(tags(talk.server(error("42703") + ready())), "EZ");
    EXPECT_EQ(tags(talk.client(segment("select nothing"))), "PBDES");
    talk.server(error("42703") + ready());
    talk.take_client();
    talk.client(bind("", "") + sync());
    EXPECT_EQ(talk.backend().unnamed, session::StatementRef{}) << "a Parse that fails leaves no statement";
}

TEST_P(PromotionTest, BoundLaterItIsWhatWasParsed) {
    promote("select 1");
    talk.client(segment("select 1"));
    talk.server(answer());
    talk.take_client();
    const std::string sent = talk.client(bind("", "") + execute() + sync());
    EXPECT_EQ(tags(sent), "BES");
    EXPECT_NE(sent.find("pgweir_"), sent.npos);
    talk.server(bound() + complete("SELECT 0") + ready());
    talk.take_client();
    EXPECT_EQ(tags(talk.client(describe('S', "") + sync())), "DS");
}

TEST_P(PromotionTest, AnotherStatementTakesItsPlace) {
    promote("select 1");
    talk.client(segment("select 1"));
    talk.server(answer());
    const std::string other = talk.client(segment("select 2"));
    EXPECT_EQ(other, segment("select 2"));
    talk.server(parsed() + answer());
    EXPECT_EQ(tags(talk.client(bind("", "") + execute() + sync())), "BES") << "the server has it without a name";
    EXPECT_EQ(talk.take_server().find("pgweir_"), std::string::npos);
}

TEST_P(PromotionTest, AQueryForgetsIt) {
    promote("select 1");
    talk.client(segment("select 1"));
    talk.server(answer());
    talk.client(query("select 3"));
    talk.server(complete("SELECT 1") + ready());
    const std::string sent = talk.client(bind("", "") + execute() + sync());
    EXPECT_EQ(sent.find("pgweir_"), std::string::npos);
    EXPECT_EQ(tags(sent), "BES");
}

TEST_P(PromotionTest, RunElsewhereItIsPreparedThere) {
    session::ClientSetup setup{.promote_unnamed = true, .retry_limit = 4096};
    Conversation other(GetParam(), 100, setup);
    other.client(segment("select 1"));
    other.server(parsed() + answer());
    other.client(segment("select 1"));
    other.server(parsed() + answer());
    other.take_client();
    EXPECT_EQ(tags(other.client(segment("select 1"))), "BDES");
    other.take_server();
    other.backend().prepared().clear();  // the one that stands in has prepared nothing
    other.lose_server();
    EXPECT_TRUE(other.lost);
    EXPECT_EQ(tags(other.take_server()), "PBDES");
    other.server(parsed() + answer());
    EXPECT_EQ(tags(other.take_client()), "12nCZ");
}

}  // namespace
}  // namespace pgweir::test
