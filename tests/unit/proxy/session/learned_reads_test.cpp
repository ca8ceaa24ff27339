#include "proxy/session/learned_reads.hpp"

#include <gtest/gtest.h>

namespace pgweir::session {
namespace {

constexpr StatementScope kOne{1}, kTwo{2};

TEST(LearnedReads, KnowsStatementsThatDifferInLiterals) {
    LearnedReads learned(1 << 20);
    EXPECT_FALSE(learned.knows(kOne, "select f(1)", true));
    learned.learn(kOne, "select f(1)", true);
    EXPECT_TRUE(learned.knows(kOne, "select f(1)", true));
    EXPECT_TRUE(learned.knows(kOne, "select  f('two') -- again", true));
    EXPECT_FALSE(learned.knows(kOne, "select g(1)", true));
    EXPECT_FALSE(learned.knows(kTwo, "select f(1)", true)) << "another database";
    ASSERT_EQ(learned.entries().size(), 1U);
    EXPECT_EQ(learned.entries().front().text, "select f(?)") << "no literals are shown";
    EXPECT_EQ(learned.entries().front().uses, 2U);
    learned.learn(kOne, "select f(2)", true);
    EXPECT_EQ(learned.entries().size(), 1U);
    EXPECT_EQ(learned.entries().front().refusals, 2U);
}

TEST(LearnedReads, IsBoundedAndKeepsWhatIsOfUse) {
    LearnedReads learned(2000);
    learned.learn(kOne, "select first", true);
    for (char name = 'a'; name < 'z'; ++name) {
        learned.learn(kOne, std::string("select ") + name, true);
        EXPECT_TRUE(learned.knows(kOne, "select first", true));
    }
    EXPECT_LE(learned.bytes(), 2000U);
    EXPECT_TRUE(learned.knows(kOne, "select y", true));
    EXPECT_FALSE(learned.knows(kOne, "select a", true));
    learned.learn(kOne, "select " + std::string(3000, 'x'), true);
    EXPECT_TRUE(learned.knows(kOne, "select first", true)) << "what is too long for all of it drives nobody out";
}

TEST(LearnedReads, Forgets) {
    LearnedReads learned(2000);
    learned.learn(kOne, "select 1", true);
    learned.forget();
    EXPECT_TRUE(learned.empty());
    EXPECT_EQ(learned.bytes(), 0U);
    EXPECT_FALSE(learned.knows(kOne, "select 1", true));
}

TEST(LearnedReads, ASmallerLimitForgetsTheOldest) {
    LearnedReads reads(1U << 20);
    for (const char* text : {"SELECT a()", "SELECT b()", "SELECT c()"}) reads.learn(StatementScope{1}, text, true);
    reads.set_limit(reads.bytes() - 1);
    EXPECT_FALSE(reads.knows(StatementScope{1}, "SELECT a()", true));
    EXPECT_TRUE(reads.knows(StatementScope{1}, "SELECT c()", true));
    reads.set_limit(0);
    EXPECT_TRUE(reads.empty());
}

}  // namespace
}  // namespace pgweir::session
