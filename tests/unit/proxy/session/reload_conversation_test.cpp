// A session that is there when the configuration is reloaded.
#include <gtest/gtest.h>

#include <utility>

#include "tests/unit/proxy/session/conversation.hpp"

namespace pgweir::session {
namespace {

using namespace test;

class ReloadConversation : public ::testing::Test {
  protected:
    routing::Target where(std::string_view sql) {
        talk.client(query(sql));
        const routing::Target target = talk.route.target;
        talk.server(complete("SELECT 1") + ready());
        return target;
    }

    Conversation talk{1000};
};

TEST_F(ReloadConversation, WhetherReadsAreSplitCountsFromTheNextStatementOn) {
    EXPECT_EQ(where("select 1"), routing::Target::replica);
    talk.machine().reload({.split = config::Split::off});
    EXPECT_EQ(where("select 1"), routing::Target::primary);
    talk.machine().reload({.split = config::Split::on});
    EXPECT_EQ(where("select 1"), routing::Target::replica);
}

TEST_F(ReloadConversation, ASmallerMessageIsAskedFor) {
    EXPECT_EQ(where("select 'as long as it was allowed to be'"), routing::Target::replica);
    talk.machine().reload({.max_message = 16});
    talk.client(query("select 'as long as it was allowed to be'"));
    EXPECT_TRUE(talk.failed);
}

TEST_F(ReloadConversation, WhatTheSessionIsBuiltOnStays) {
    talk.machine().reload({.session_mode = true, .read_only = true});
    talk.client(query("insert into t values (1)"));
    EXPECT_TRUE(talk.linked()) << "it is not refused";
    talk.server(complete("INSERT 0 1") + ready());
    EXPECT_FALSE(talk.linked()) << "and not pinned";
}

}  // namespace
}  // namespace pgweir::session
