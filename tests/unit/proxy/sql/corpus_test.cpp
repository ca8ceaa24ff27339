// Plain reads go to replicas (issue 4: at least 99 % of them), everything else never does.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "corpus.hpp"
#include "judge.hpp"

namespace pgweir::sql::test {
namespace {

TEST(Corpus, PlainReadsGoToReplicas) {
    const auto statements = read_corpus("plain_reads.sql");
    ASSERT_GE(statements.size(), 150U);
    std::size_t primary = 0;
    for (const std::string& sql : statements) {
        const Statement statement = judge(sql);
        if (statement.reads_only) {
            EXPECT_EQ(statement.reason, Reason::read) << sql;
            EXPECT_EQ(statement.effects, Effect::none) << sql;
            continue;
        }
        ++primary;
        std::cout << name(statement.reason) << ": " << sql << '\n';
    }
    EXPECT_LE(primary * 100, statements.size());
}

TEST(Corpus, EverythingElseIsForThePrimary) {
    const auto statements = read_corpus("non_reads.sql");
    ASSERT_GE(statements.size(), 150U);
    for (const std::string& sql : statements) {
        const Statement statement = judge(sql);
        EXPECT_FALSE(statement.reads_only) << sql;
        EXPECT_NE(statement.reason, Reason::read) << sql;
    }
}

TEST(Corpus, CaseAndSpaceChangeNothing) {
    for (const char* file : {"plain_reads.sql", "non_reads.sql"}) {
        for (const std::string& sql : read_corpus(file)) {
            const bool reads = judge(sql).reads_only;
            EXPECT_EQ(judge(" \t\r\n\f(" + sql + ")").reads_only && !reads, false) << sql;
            EXPECT_EQ(judge("/* a */ -- b\n" + sql).reads_only, reads) << sql;
            EXPECT_EQ(judge(sql + "\n;").reads_only, reads) << sql;
        }
    }
}

// Whatever is put behind a read, a call in it is found (when it does not land in a string or comment).
TEST(Corpus, AppendedCallsAreFound) {
    for (const std::string& sql : read_corpus("plain_reads.sql")) {
        EXPECT_FALSE(judge(sql + " , nextval('s')").reads_only) << sql;
        EXPECT_FALSE(judge(sql + " nextval ('s')").reads_only && sql.find(')') == std::string::npos) << sql;
        EXPECT_FALSE(judge(sql + "; DELETE FROM t").reads_only) << sql;
        EXPECT_FALSE(judge(sql + " FOR UPDATE").reads_only) << sql;
    }
}

}  // namespace
}  // namespace pgweir::sql::test
