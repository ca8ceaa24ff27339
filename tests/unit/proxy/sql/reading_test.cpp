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

TEST(Reading, TableB) {
    const Row rows[] = {
        // -- ends at \n or \r.
        {"SELECT 1 --\r, nextval('s')", Reason::function_not_allowed},
        {"SELECT 1 --\n, nextval('s')", Reason::function_not_allowed},
        {"SELECT 1 --, nextval('s')", Reason::read},
        // Comments nest.
        {"SELECT 1 /* a /* b */ nextval('s') */", Reason::read},
        {"SELECT 1 /* a /* b */ */ , nextval('s')", Reason::function_not_allowed},
        {"SELECT 1 /*/ */, nextval('s')", Reason::function_not_allowed},
        {"SELECT 1 /***/, nextval('s')", Reason::function_not_allowed},
        // They begin inside a run of operator characters.
        {"SELECT 1 +/* ' */ 2, nextval('s') --'", Reason::function_not_allowed},
        {"SELECT @-- '\n 3, nextval('s') --'", Reason::function_not_allowed},
        {"SELECT 1 +/* nextval('s') */ 2", Reason::read},
        // Bytes from 0x80 are identifiers, a no-break space too.
        {"SELECT 1\xC2\xA0", Reason::syntax},
        {"SELECT a\xC2\xA0nextval('s')", Reason::function_not_allowed},
        {"SELECT \xC3\xA9 FROM t", Reason::read},
        {"SELECT 1\v", Reason::syntax},
        // '…' knows only ''.
        {"SELECT 'a\\', nextval('s') --'", Reason::function_not_allowed},
        {"SELECT 'a'', nextval(''s'') --'", Reason::read},
        // E'…' has backslashes; the prefix is a whole token.
        {"SELECT E'a\\', nextval(''s'') --'", Reason::read},
        {"SELECT e'a\\\\', nextval('s') --'", Reason::function_not_allowed},
        {"SELECT ae'\\', nextval('s') --'", Reason::function_not_allowed},
        {"SELECT b'\\', nextval('s') --'", Reason::function_not_allowed},
        {"SELECT n'\\', nextval('s') --'", Reason::function_not_allowed},
        {"SELECT U&'\\', nextval('s') --'", Reason::function_not_allowed},
        // A continuation keeps the mode, and may hold -- comments but not /* */.
        {"SELECT E'a'\n'b\\', nextval(''s'') --'", Reason::read},
        {"SELECT E'a' -- c '\n 'b\\', nextval(''s'') --'", Reason::read},
        {"SELECT E'a'\r\n'\\'', nextval('s') --'", Reason::function_not_allowed},
        {"SELECT E'a' /* \n */ '\\', nextval('s') --'", Reason::function_not_allowed},
        {"SELECT E'a' '\\', nextval('s') --'", Reason::function_not_allowed},
        {"SELECT 'a'\n'\\', nextval('s') --'", Reason::function_not_allowed},
        // U&"…": the gap counts.
        {"SELECT U&\"n\\0065xtval\"('s')", Reason::function_not_allowed},
        {"SELECT u&\"n!0065xtval\" UESCAPE '!' ('s')", Reason::function_not_allowed},
        {"SELECT U&\"lower\"('s')", Reason::function_not_allowed},
        {"SELECT u & \"lower\"('s') FROM t", Reason::read},
        {"SELECT * FROM U&\"pg_stat\\005factivity\"", Reason::function_not_allowed},
        // $tag$.
        {"SELECT $$'$$, nextval('s') --'", Reason::function_not_allowed},
        {"SELECT $a$ $$ $A$ , nextval('s') $a$", Reason::read},
        {"SELECT $a$ $b$a$ , nextval('s')", Reason::function_not_allowed},
        {"SELECT a$$b, nextval('s') --$$", Reason::function_not_allowed},
        {"SELECT a$b$ FROM t", Reason::read},
        {"SELECT $1, nextval('s') --$1", Reason::function_not_allowed},
        {"SELECT $a", Reason::syntax},
        {"SELECT $\xC3\xA9$ nextval('s') $\xC3\xA9$", Reason::read},
        // Quoted, qualified and spaced calls.
        {"SELECT \"nextval\"('s')", Reason::function_not_allowed},
        {"SELECT pg_catalog . /* */ nextval\n('s')", Reason::function_not_allowed},
        {"SELECT \"pg_catalog\".\"nextval\" ('s')", Reason::function_not_allowed},
        {"SELECT NextVal -- x\n ('s')", Reason::function_not_allowed},
        {"SELECT \"a\"\"b\"(1)", Reason::function_not_allowed},
        {"SELECT \"LOWER\"('x')", Reason::function_not_allowed},
        // A NUL.
        {std::string("SELECT 1\0", 9), Reason::nul_byte},
        {std::string("SELECT '\0'", 10), Reason::nul_byte},
        // A digit that meets a letter.
        {"SELECT 1into t", Reason::select_into},
        {"SELECT 1e", Reason::syntax},
        {"SELECT 1.e5x", Reason::syntax},
        {"SELECT 1nextval('s')", Reason::function_not_allowed},
        // PostgreSQL 16's numbers, and what only looks like them.
        {"SELECT 0x10, 0X_1f, 0o17, 0b101, 1_000, 1_0.0_1e1_0", Reason::read},
        {"SELECT 0x1fnextval('s')", Reason::function_not_allowed},
        {"SELECT 0x, nextval('s')", Reason::function_not_allowed},
        {"SELECT 0xnextval('s')", Reason::function_not_allowed},
        {"SELECT 1_nextval('s')", Reason::function_not_allowed},
        {"SELECT 0x", Reason::syntax},
        {"SELECT 0x1g", Reason::syntax},
        {"SELECT 0o19a", Reason::syntax},
        {"SELECT 1_", Reason::syntax},
        {"SELECT 1__0", Reason::syntax},
        {"SELECT 1_.5", Reason::syntax},
        {"SELECT 1..2", Reason::syntax},
        {"SELECT 1.5e10, 1e+5, .5", Reason::read},
        // Without an end.
        {"SELECT 'a", Reason::syntax},
        {"SELECT E'a\\'", Reason::syntax},
        {"SELECT \"a", Reason::syntax},
        {"SELECT $$a", Reason::syntax},
        {"SELECT 1 /* a /* */", Reason::syntax},
        {"SELECT (1", Reason::syntax},
        {"SELECT 1)", Reason::syntax},
    };
    for (const Row& row : rows) EXPECT_EQ(name(judge(row.sql).reason), name(row.reason)) << row.sql;
}

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
