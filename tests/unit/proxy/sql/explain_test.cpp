#include "proxy/sql/explain.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pgweir::sql {
namespace {

std::string inner(std::string_view text) {
    const auto found = read_explain(text, true);
    return found ? std::string(found->statement) : "none";
}
bool is_text(std::string_view text) { return read_explain(text, true)->is_text; }

TEST(Explain, TheExplainedStatement) {
    EXPECT_EQ(inner("EXPLAIN SELECT 1"), "SELECT 1");
    EXPECT_EQ(inner("/* c */ explain analyze verbose select 1"), "select 1");
    EXPECT_EQ(inner("EXPLAIN ANALYSE DELETE FROM t;"), "DELETE FROM t;");
    EXPECT_EQ(inner("EXPLAIN (ANALYZE, BUFFERS off) UPDATE t SET a = 1"), "UPDATE t SET a = 1");
    EXPECT_EQ(inner("EXPLAIN (SELECT 1)"), "(SELECT 1)");
    EXPECT_EQ(inner("EXPLAIN ((SELECT 1) UNION (SELECT 2))"), "((SELECT 1) UNION (SELECT 2))");
    EXPECT_EQ(inner("EXPLAIN (COSTS) (VALUES (1))"), "(VALUES (1))");
    EXPECT_EQ(inner("EXPLAIN VERBOSE (WITH x AS (SELECT 1) TABLE x)"), "(WITH x AS (SELECT 1) TABLE x)");
    EXPECT_EQ(inner("EXPLAIN /* pgweir: primary */ SELECT 1"), "/* pgweir: primary */ SELECT 1") << "an annotation of its own";
    EXPECT_EQ(inner("EXPLAIN (COSTS off) /* pgweir: primary */ SELECT 1"), "/* pgweir: primary */ SELECT 1");
}

TEST(Explain, AnythingElseIsNone) {
    for (const std::string_view text : {"", "SELECT 1", "\"explain\" SELECT 1", "explained select 1", "(EXPLAIN SELECT 1)", "ANALYZE t"}) {
        EXPECT_EQ(inner(text), "none") << text;
    }
}

TEST(Explain, CutTextsEndQuietly) {
    for (const std::string_view text : {"EXPLAIN", "EXPLAIN (", "EXPLAIN (FORMAT", "EXPLAIN (FORMAT json", "EXPLAIN ANALYZE", "EXPLAIN ()"}) {
        EXPECT_EQ(inner(text), "") << text;
    }
}

// A row in a document would spoil it.
TEST(Explain, Formats) {
    for (const std::string_view text : {"EXPLAIN SELECT 1", "EXPLAIN (COSTS off) SELECT 1", "EXPLAIN (FORMAT TEXT) SELECT 1",
                                        "explain (analyze, format 'text', costs off) select 1", "EXPLAIN (FORMAT \"text\") SELECT 1",
                                        "EXPLAIN (\"format\" text) SELECT 1", "EXPLAIN (FORMAT json, FORMAT text) SELECT 1",
                                        "EXPLAIN SELECT 'format json'", "EXPLAIN (SELECT format, json FROM t)"}) {
        EXPECT_TRUE(is_text(text)) << text;
    }
    for (const std::string_view text : {"EXPLAIN (FORMAT JSON) SELECT 1", "explain (analyze,format xml)select 1", "EXPLAIN (FORMAT 'yaml') SELECT 1",
                                        "EXPLAIN (\"format\" json) SELECT 1", "EXPLAIN (COSTS off, /* c */ FORMAT /* d */ JSON) SELECT 1",
                                        "EXPLAIN (FORMAT) SELECT 1", "EXPLAIN (FORMAT E'text') SELECT 1", "EXPLAIN (FORMAT what) SELECT 1"}) {
        EXPECT_FALSE(is_text(text)) << text;
    }
}

}  // namespace
}  // namespace pgweir::sql
