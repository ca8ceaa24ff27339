#include "proxy/session/statement_cache.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pgweir::session {
namespace {

const std::string kTail("select 1\0\0\0", 11);

struct Cache : ::testing::Test {
    sql::Allowlist functions;
    ParameterTable parameters;
    StatementCache statements{functions, 1 << 20};
    ParameterRef settings = parameters.intern({{"TimeZone", "UTC"}});
    StatementRef intern(std::uint32_t scope, const std::string& tail = kTail) {
        return statements.intern(tail, StatementScope{scope}, settings, {});
    }
};

TEST_F(Cache, OneStatementForOneText) {
    const StatementRef first = intern(1);
    EXPECT_EQ(intern(1), first);
    EXPECT_EQ(statements.size(), 1U);
    EXPECT_EQ(first->text(), "select 1");
    EXPECT_TRUE(first->judged.reads_only) << "judged once, when it is made";
    EXPECT_EQ(statements.intern(kTail, StatementScope{1}, parameters.intern({{"TimeZone", "Asia/Tokyo"}}), {}) == first, false);
}

// semantics.md C: what one role may prepare another may not, and another database may not have.
TEST_F(Cache, ScopesShareNothing) {
    const StatementRef alices = intern(1);
    alices->accepted_in = statements.epoch();
    const StatementRef bobs = intern(2);
    EXPECT_TRUE(statements.accepted(*alices));
    EXPECT_FALSE(statements.accepted(*bobs)) << "no server has taken it of him";
    EXPECT_NE(alices->id, bobs->id) << "nor is it the same on a server connection that changes its worker";
}

TEST_F(Cache, DdlEndsWhatWasAccepted) {
    const StatementRef statement = intern(1);
    statement->accepted_in = statements.epoch();
    statements.ddl_passed();
    EXPECT_FALSE(statements.accepted(*statement));
}

TEST_F(Cache, KeepsTheNewestOfWhatNobodyUses) {
    StatementCache small(functions, 1000);
    const auto use = [&](int i) { return small.intern("select " + std::to_string(i) + kTail.substr(8), StatementScope{1}, settings, {})->id; };
    const std::uint64_t first = use(1);
    EXPECT_EQ(use(1), first);
    for (int i = 2; i < 20; ++i) (void)use(i);
    EXPECT_LE(small.bytes(), 1000U);
    const std::uint64_t newest = use(19);
    EXPECT_EQ(use(19), newest);
    EXPECT_NE(use(1), first) << "gone, and made anew";
    const StatementRef held = small.intern(kTail, StatementScope{1}, settings, {});
    EXPECT_EQ(small.held_bytes(), held->size());
}

TEST(DatabaseNames, AnotherListIsAnotherJudge) {
    const sql::Allowlist none, with({"spot"}, {});
    DatabaseNames names(none);
    EXPECT_FALSE(names.judge().allows("spot"));
    const std::uint64_t version = names.version();
    names.judge_by(none);
    EXPECT_EQ(names.version(), version) << "nothing is to be judged again";
    names.judge_by(with);
    EXPECT_GT(names.version(), version);
    EXPECT_TRUE(names.judge().allows("spot"));
}

}  // namespace
}  // namespace pgweir::session
