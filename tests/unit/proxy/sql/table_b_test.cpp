// What a naive scanner gets wrong: each row of the table in semantics.md B is a test by its name.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "judge.hpp"

namespace pgweir::sql::test {
namespace {

struct Text {
    std::string sql;
    Reason reason;
};

struct Row {
    const char* name;
    const char* rule;
    std::vector<Text> texts;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.rule; }

const Row kRows[] = {
    {"LineComments",
     "-- ends at \\n or \\r.",
     {
         {"SELECT 1 --\r, nextval('s')", Reason::function_not_allowed},
         {"SELECT 1 --\n, nextval('s')", Reason::function_not_allowed},
         {"SELECT 1 --, nextval('s')", Reason::read},
     }},
    {"NestedComments",
     "Comments nest.",
     {
         {"SELECT 1 /* a /* b */ nextval('s') */", Reason::read},
         {"SELECT 1 /* a /* b */ */ , nextval('s')", Reason::function_not_allowed},
         {"SELECT 1 /*/ */, nextval('s')", Reason::function_not_allowed},
         {"SELECT 1 /***/, nextval('s')", Reason::function_not_allowed},
     }},
    {"CommentsInOperators",
     "They begin inside a run of operator characters.",
     {
         {"SELECT 1 +/* ' */ 2, nextval('s') --'", Reason::function_not_allowed},
         {"SELECT @-- '\n 3, nextval('s') --'", Reason::function_not_allowed},
         {"SELECT 1 +/* nextval('s') */ 2", Reason::read},
     }},
    {"HighBytesAndWhiteSpace",
     "Bytes from 0x80 are identifiers, a no-break space too.",
     {
         {"SELECT 1\xC2\xA0", Reason::syntax},
         {"SELECT a\xC2\xA0nextval('s')", Reason::function_not_allowed},
         {"SELECT \xC3\xA9 FROM t", Reason::read},
         {"SELECT 1\v", Reason::syntax},
     }},
    {"PlainStrings",
     "'…' knows only ''.",
     {
         {"SELECT 'a\\', nextval('s') --'", Reason::function_not_allowed},
         {"SELECT 'a'', nextval(''s'') --'", Reason::read},
     }},
    {"EscapeStrings",
     "E'…' has backslashes; the prefix is a whole token.",
     {
         {"SELECT E'a\\', nextval(''s'') --'", Reason::read},
         {"SELECT e'a\\\\', nextval('s') --'", Reason::function_not_allowed},
         {"SELECT ae'\\', nextval('s') --'", Reason::function_not_allowed},
         {"SELECT b'\\', nextval('s') --'", Reason::function_not_allowed},
         {"SELECT n'\\', nextval('s') --'", Reason::function_not_allowed},
         {"SELECT U&'\\', nextval('s') --'", Reason::function_not_allowed},
     }},
    {"Continuations",
     "A continuation keeps the mode, and may hold -- comments but not /* */.",
     {
         {"SELECT E'a'\n'b\\', nextval(''s'') --'", Reason::read},
         {"SELECT E'a' -- c '\n 'b\\', nextval(''s'') --'", Reason::read},
         {"SELECT E'a'\r\n'\\'', nextval('s') --'", Reason::function_not_allowed},
         {"SELECT E'a' /* \n */ '\\', nextval('s') --'", Reason::function_not_allowed},
         {"SELECT E'a' '\\', nextval('s') --'", Reason::function_not_allowed},
         {"SELECT 'a'\n'\\', nextval('s') --'", Reason::function_not_allowed},
     }},
    {"UnicodeNames",
     "U&\"…\": the gap counts.",
     {
         {"SELECT U&\"n\\0065xtval\"('s')", Reason::function_not_allowed},
         {"SELECT u&\"n!0065xtval\" UESCAPE '!' ('s')", Reason::function_not_allowed},
         {"SELECT U&\"lower\"('s')", Reason::function_not_allowed},
         {"SELECT u & \"lower\"('s') FROM t", Reason::read},
         {"SELECT * FROM U&\"pg_stat\\005factivity\"", Reason::function_not_allowed},
     }},
    {"DollarQuotes",
     "$tag$.",
     {
         {"SELECT $$'$$, nextval('s') --'", Reason::function_not_allowed},
         {"SELECT $a$ $$ $A$ , nextval('s') $a$", Reason::read},
         {"SELECT $a$ $b$a$ , nextval('s')", Reason::function_not_allowed},
         {"SELECT a$$b, nextval('s') --$$", Reason::function_not_allowed},
         {"SELECT a$b$ FROM t", Reason::read},
         {"SELECT $1, nextval('s') --$1", Reason::function_not_allowed},
         {"SELECT $a", Reason::syntax},
         {"SELECT $\xC3\xA9$ nextval('s') $\xC3\xA9$", Reason::read},
     }},
    {"SpelledCalls",
     "Quoted, qualified and spaced calls.",
     {
         {"SELECT \"nextval\"('s')", Reason::function_not_allowed},
         {"SELECT pg_catalog . /* */ nextval\n('s')", Reason::function_not_allowed},
         {"SELECT \"pg_catalog\".\"nextval\" ('s')", Reason::function_not_allowed},
         {"SELECT NextVal -- x\n ('s')", Reason::function_not_allowed},
         {"SELECT \"a\"\"b\"(1)", Reason::function_not_allowed},
         {"SELECT \"LOWER\"('x')", Reason::function_not_allowed},
     }},
    {"Nul",
     "A NUL.",
     {
         {std::string("SELECT 1\0", 9), Reason::nul_byte},
         {std::string("SELECT '\0'", 10), Reason::nul_byte},
     }},
    {"DigitsMeetLetters",
     "A digit that meets a letter.",
     {
         {"SELECT 1into t", Reason::select_into},
         {"SELECT 1e", Reason::syntax},
         {"SELECT 1.e5x", Reason::syntax},
         {"SELECT 1nextval('s')", Reason::function_not_allowed},
     }},
    {"NumbersOf16",
     "PostgreSQL 16's numbers, and what only looks like them.",
     {
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
     }},
    {"WithoutAnEnd",
     "Without an end.",
     {
         {"SELECT 'a", Reason::syntax},
         {"SELECT E'a\\'", Reason::syntax},
         {"SELECT \"a", Reason::syntax},
         {"SELECT $$a", Reason::syntax},
         {"SELECT 1 /* a /* */", Reason::syntax},
         {"SELECT (1", Reason::syntax},
         {"SELECT 1)", Reason::syntax},
     }},
};

class TableB : public testing::TestWithParam<Row> {};

INSTANTIATE_TEST_SUITE_P(Rows, TableB, testing::ValuesIn(kRows), [](const auto& row) { return std::string(row.param.name); });

TEST_P(TableB, IsReadAsTheServerDoes) {
    for (const Text& text : GetParam().texts) {
        const Statement statement = judge(text.sql);
        EXPECT_EQ(name(statement.reason), name(text.reason)) << text.sql;
        EXPECT_EQ(statement.reads_only, text.reason == Reason::read) << text.sql;
    }
}

// `;` counts outside parentheses and strings; any that is followed by another token makes the text one for the primary.
TEST(TableBSemicolons, Count) {
    for (const char* sql : {"SELECT 1;", "SELECT 1 ; ", ";SELECT 1;;", "SELECT ';'", "SELECT 1 -- ;\n", "SELECT $$;$$ /* ; */", "SELECT \";\" FROM t"}) {
        EXPECT_TRUE(judge(sql).reads_only) << sql;
    }
    for (const char* sql : {"SELECT 1;SELECT 2", "SELECT 1;/* */VALUES (1)", "SELECT ';';TABLE t", "SELECT 1;--\rSELECT 2",
                            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END"}) {
        EXPECT_FALSE(judge(sql).reads_only) << sql;
    }
}

}  // namespace
}  // namespace pgweir::sql::test
