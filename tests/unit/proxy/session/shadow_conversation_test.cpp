// split = "shadow": where segments go, where they would have gone, and what of them is run a second time.
#include <gtest/gtest.h>

#include "proxy/session/second_run.hpp"
#include "tests/unit/proxy/session/conversation.hpp"

namespace pgweir::test {
namespace {

using routing::Route;
using routing::Target;
using sql::Reason;

class ShadowTest : public testing::Test {
  protected:
    static session::ClientSetup setup() {
        session::ClientSetup setup;
        setup.split = config::Split::shadow;
        return setup;
    }
    std::optional<std::string> standalone(std::string_view bytes) { return talk.machine().standalone(as_bytes(bytes)); }
    // Prepares it on the server, as a client does ahead of its use.
    void prepare(std::string_view name, std::string_view sql) {
        talk.client(parse(name, sql) + sync());
        talk.server(parsed() + ready());
    }

    Conversation talk{1 << 20, 100, setup()};
};

TEST_F(ShadowTest, AllGoesToThePrimary) {
    const std::pair<std::string, Route> cases[] = {
        {query("select 1"), {Target::replica, Reason::read}},
        {query("delete from t"), {Target::primary, Reason::write}},
        {query("begin read only"), {Target::replica, Reason::read_only_transaction}},
        {query("/* pgweir: replica */ select f()"), {.target = Target::replica, .reason = Reason::hint_replica, .vouched = true}},
        {parse("", "select 1") + bind("", "") + execute() + sync(), {Target::replica, Reason::read}},
        {parse("", "select f()") + bind("", "") + execute() + sync(), {Target::primary, Reason::function_not_allowed}},
    };
    for (const auto& [bytes, judged] : cases) {
        Conversation fresh{1 << 20, 100, setup()};
        const session::Plan made = fresh.machine().plan(as_bytes(bytes));
        EXPECT_EQ(made.kind, session::Plan::Kind::server);
        EXPECT_EQ(made.route, (Route{Target::primary, Reason::shadow}));
        EXPECT_EQ(made.judged, judged) << name(made.judged.reason);
        EXPECT_EQ(made.covered, bytes.size());
    }
}

TEST_F(ShadowTest, AQueryStandsAlone) {
    EXPECT_EQ(standalone(query("select 1")), query("select 1"));
    EXPECT_EQ(session::statement_of(query("select 1")), "select 1");
}

TEST_F(ShadowTest, StatementsLoseTheirNames) {
    const std::string alone = parse("", "select 1") + bind("", "") + describe('P', "") + execute() + sync();
    EXPECT_EQ(standalone(parse("s", "select 1") + bind("p", "s") + describe('P', "p") + execute("p") + close('P', "p") + sync()), alone);
    EXPECT_EQ(session::statement_of(alone), "select 1");
    prepare("s", "select 1");
    EXPECT_EQ(standalone(bind("p", "s") + describe('P', "p") + execute("p") + sync()), alone);
    EXPECT_EQ(standalone(describe('S', "s") + bind("", "s") + execute() + sync()),
              parse("", "select 1") + describe('S', "") + bind("", "") + execute() + sync());
}

TEST_F(ShadowTest, WhatOnlyPreparesRunsNothing) {
    EXPECT_EQ(standalone(parse("s", "select 1") + sync()), std::nullopt);
    EXPECT_EQ(standalone(parse("s", "select 1") + describe('S', "s") + sync()), std::nullopt);
}

TEST_F(ShadowTest, MoreThanOneStatement) {
    prepare("s", "select 1");
    prepare("z", "select 2");
    const std::string some_rows = message('E', text("") + std::string("\0\0\0\5", 4));
    for (const std::string& bytes : {bind("", "s") + execute() + bind("", "s") + execute() + sync(),
                                     bind("", "s") + execute() + execute() + sync(),
                                     parse("later", "select 3") + bind("", "s") + execute() + sync(),
                                     describe('S', "z") + bind("", "s") + execute() + sync(),
                                     bind("", "s") + some_rows + sync(),
                                     bind("", "s") + sync(),
                                     bind("", "unknown") + execute() + sync(),
                                     bind("", "s") + execute("other") + sync(),
                                     bind("", "s") + flush() + execute() + sync(),
                                     bind("", "s") + execute()}) {
        EXPECT_EQ(standalone(bytes), "") << tags(bytes);
    }
}

TEST_F(ShadowTest, ASecondRunCanOnlyRead) {
    session::ParameterTable table;
    const auto here = table.intern({{"TimeZone", "UTC"}});
    const auto there = table.intern({{"TimeZone", "CET"}});
    std::string out;
    EXPECT_EQ(session::append_second_run(out, *here, *here, query("select 1")), 1U);
    EXPECT_EQ(out, query(session::kSecondRunBegin) + query("select 1") + query("ROLLBACK"));
    out.clear();
    EXPECT_EQ(session::append_second_run(out, *here, *there, query("select 1")), 2U);
    EXPECT_EQ(tags(out), "QQQQ");
    session::AnswerDigest digest(2);
    digest.add(as_bytes(complete("SET") + ready() + complete("BEGIN") + complete("SET") + ready('T') + row("1") + complete("SELECT 1") + ready('T')));
    EXPECT_TRUE(digest.finished());
    EXPECT_FALSE(session::second_run_is_over(digest, 2)) << "its transaction is still open";
    digest.add(as_bytes(complete("ROLLBACK") + ready()));
    EXPECT_TRUE(session::second_run_is_over(digest, 2));
}

}  // namespace
}  // namespace pgweir::test
