// Reading SQL without a parser: what a naive scanner gets wrong (semantics.md B).
#include <gtest/gtest.h>

#include <string>

#include "judge.hpp"

namespace pgweir::sql::test {
namespace {

struct Row {
    std::string sql;
    Reason reason;
};

TEST(Reading, KeywordsOnlyWhereTheyAre) {
    const Row rows[] = {
        {"SELECT \"into\", \"update\" FROM \"delete\"", Reason::read},
        {"SELECT t.update, t . /* */ into FROM t", Reason::read},
        {"SELECT a AS insert, b AS into FROM t", Reason::read},
        {"SELECT 1 AS as into t", Reason::select_into},
        {"SELECT 1 AS \"as\" into t", Reason::select_into},
        {"SELECT t.as into t", Reason::select_into},
        {"SELECT 'update' FROM t -- delete", Reason::read},
        {"SELECT 1 update", Reason::write},  // legal, a false alarm by design
        {"SELECT substring(a FROM 1 FOR 2)", Reason::read},
        {"SELECT \xE2\x84\xAAinto FROM t", Reason::read},
        {"SELECT 1 FROM t FOR/**/UPDATE", Reason::row_lock},
        {"SELECT 1.into t", Reason::select_into},
        {"SELECT $1.into FROM t", Reason::read},
    };
    for (const Row& row : rows) EXPECT_EQ(name(judge(row.sql).reason), name(row.reason)) << row.sql;
}

// While standard_conforming_strings is off, '…' reads as E'…' and nothing goes to a replica.
TEST(Reading, NonstandardStrings) {
    const LexSettings off{.standard_conforming_strings = false};
    EXPECT_EQ(classify("SELECT 1", off, builtin()).reason, Reason::nonstandard_strings);
    EXPECT_FALSE(classify("SELECT 1", off, builtin()).reads_only);
    EXPECT_FALSE(classify("SELECT 'a\\'; SET x = 1 --'", off, builtin()).multiple);
    EXPECT_TRUE(classify("SELECT 'a\\\\'; SET x = 1 --'", off, builtin()).multiple);
    EXPECT_TRUE(has(classify("COPY t FROM STDIN", off, builtin()).effects, Effect::copy_from_stdin));
}

// SJIS and its like hide ASCII bytes in characters.
TEST(Reading, Encodings) {
    const LexSettings sjis{.ascii_trail_bytes = true};
    const Statement doubtful = classify("SELECT E'\x83\x5C', 1 AS x --'", sjis, builtin());
    EXPECT_EQ(doubtful.reason, Reason::unsafe_encoding);
    EXPECT_FALSE(doubtful.reads_only);
    EXPECT_TRUE(has(doubtful.effects, Effect::taint));
    EXPECT_TRUE(classify("SELECT 'ascii'", sjis, builtin()).reads_only);
}

TEST(Reading, TooLong) {
    std::string sql = "SELECT 1";
    sql.append(kLongestJudged, ' ');
    const Statement statement = judge(sql);
    EXPECT_EQ(statement.reason, Reason::too_long);
    EXPECT_TRUE(has(statement.effects, Effect::taint));
    EXPECT_TRUE(judge(std::string_view(sql).substr(0, kLongestJudged)).reads_only);
}

// Nesting beyond what is tracked costs exceptions, not soundness.
TEST(Reading, DeepNesting) {
    const std::string open(5000, '(');
    const std::string close(5000, ')');
    EXPECT_TRUE(judge(open + "SELECT 1" + close).reads_only);
    EXPECT_FALSE(judge(open + "SELECT nextval('s')" + close).reads_only);
    EXPECT_FALSE(judge("SELECT DISTINCT ON " + open + "a" + close + " nextval('s')").reads_only);
    EXPECT_FALSE(judge(open + "WITH x(a) AS (SELECT 1), nextval('s') AS (SELECT 2) SELECT 1, setval('s', 1)" + close)
                     .reads_only);
}

}  // namespace
}  // namespace pgweir::sql::test
