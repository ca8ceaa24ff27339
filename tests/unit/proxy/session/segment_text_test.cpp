#include "proxy/session/segment_text.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/proxy/session/conversation.hpp"

namespace pgweir::session {
namespace {

SegmentText turned_on() {
    SegmentText text;
    text.turn_on();
    return text;
}

std::string shown(std::string_view query, sql::LexSettings lex = {}) {
    SegmentText text = turned_on();
    text.note(query, lex);
    return text.shown();
}

TEST(SegmentText, KeepsNothingWhenItIsOff) {
    SegmentText text;
    text.note("SELECT 1", {});
    text.completed("SELECT 1");
    text.failed("42601");
    EXPECT_EQ(text.shown(), "");
    EXPECT_EQ(text.count(), 0U);
    EXPECT_EQ(text.rows(), 0U);
    EXPECT_EQ(text.sqlstate(), "");
}

TEST(SegmentText, ShowsNoLiteral) {
    EXPECT_EQ(shown("select  *\nfrom t -- secret\nwhere a = 'secret' and b = 17"), "select * from t where a = ? and b = ?");
    EXPECT_EQ(shown("alter role x password 'secret'"), "alter role x password ?");
    EXPECT_EQ(shown(R"(select 'a\' , secret, ')", {.standard_conforming_strings = false}), "select ?");
    EXPECT_EQ(shown("select '\x83'", {.ascii_trail_bytes = true}), "...") << "it is not known where the string ends";
    EXPECT_EQ(shown("select 'x'", {.ascii_trail_bytes = true}), "select ?");
}

// Wherever the text is cut, in whatever kind of literal.
TEST(SegmentText, ShowsNoLiteralOfACutText) {
    for (const std::string open : {"'", "E'", "U&'", "$$", "$tag$", "x'", "/* ", "-- ", "\""}) {
        for (std::size_t before = SegmentText::kKept - 20; before < SegmentText::kKept; ++before) {
            const std::string text = "select a, " + std::string(before - 10, ' ') + open + "SECRETSECRETSECRETSECRET" + std::string(100, 'S');
            EXPECT_EQ(shown(text).find("SEC"), std::string::npos) << open << before;
        }
    }
}

TEST(SegmentText, IsCutBetweenCharacters) {
    std::string names;
    for (int i = 0; i < 1000; ++i) names += i == 0 ? "é" : ",é";
    for (const std::string& text : {"select " + names, "select  " + names}) {
        const std::string cut = shown(text);
        EXPECT_LE(cut.size(), SegmentText::kShown);
        EXPECT_GE(cut.size(), SegmentText::kShown - 3);
        EXPECT_NE(static_cast<unsigned char>(cut.back()), 0xC3) << "half a character";
    }
}

TEST(SegmentText, WhatBecameOfIt) {
    SegmentText text = turned_on();
    text.note("insert into t values (1)", {});
    text.completed("INSERT 0 3");
    text.completed("CREATE TABLE");
    text.completed("SELECT 39");
    EXPECT_EQ(text.rows(), 42U);
    text.failed("2300\n");
    EXPECT_EQ(text.sqlstate(), "") << "a server may say anything";
    text.failed("23505");
    EXPECT_EQ(text.sqlstate(), "23505");
    text.clear();
    EXPECT_EQ(text.rows(), 0U);
    EXPECT_EQ(text.sqlstate(), "");
    EXPECT_EQ(text.shown(), "");
}

// As the machines tell of it.
class SegmentTextConversationTest : public testing::TestWithParam<std::size_t> {
  protected:
    SegmentTextConversationTest() { said().turn_on(); }
    SegmentText& said() { return talk.backend().segment_text; }
    test::Conversation talk{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Chunks, SegmentTextConversationTest, testing::Values(1, 1 << 20));

TEST_P(SegmentTextConversationTest, AQuery) {
    talk.client(test::query("select 'x'"));
    EXPECT_EQ(said().shown(), "select ?");
    talk.server(test::row("x") + test::complete("SELECT 1") + test::ready());
    EXPECT_EQ(said().rows(), 1U);
}

TEST_P(SegmentTextConversationTest, APipeline) {
    using namespace test;
    talk.client(parse("", "begin") + bind("", "") + execute() + parse("", "update t set a = 'x'") + bind("", "") + execute() + sync());
    EXPECT_EQ(said().shown(), "begin; update t set a = ?");
    EXPECT_EQ(said().count(), 2U);
    talk.server(parsed() + bound() + complete("BEGIN") + parsed() + bound() + complete("UPDATE 7") + ready('T'));
    EXPECT_EQ(said().rows(), 7U);
}

TEST_P(SegmentTextConversationTest, APreparedStatementIsKnownByItsName) {
    using namespace test;
    talk.client(parse("s", "select 'x', $1") + sync());
    talk.server(parsed() + ready());
    said().clear();
    talk.client(bind("", "s") + execute() + sync());
    EXPECT_EQ(said().shown(), "select ?, $1");
    EXPECT_EQ(said().count(), 1U);
    talk.server(bound() + error("22012") + ready());
    EXPECT_EQ(said().sqlstate(), "22012");
}

TEST_P(SegmentTextConversationTest, ALongPipelineIsCounted) {
    using namespace test;
    std::string all;
    for (int i = 0; i < 100; ++i) all += parse("", "select " + std::string(i % 2 == 0 ? "a" : "b")) + bind("", "") + execute();
    talk.client(all + sync());
    EXPECT_EQ(said().count(), 100U);
    EXPECT_EQ(said().shown().substr(0, 20), "select a; select b; ");
}

}  // namespace
}  // namespace pgweir::session
