// Annotations in comments before the first keyword (issue 2, "Routing").
#include <gtest/gtest.h>

#include "judge.hpp"

namespace pgweir::sql::test {
namespace {

TEST(Hint, Forms) {
    const struct {
        const char* sql;
        Hint hint;
    } rows[] = {
        {"/* pgweir: primary */ SELECT 1", Hint::primary},
        {"/*pgweir:primary*/SELECT 1", Hint::primary},
        {"/*  PGWEIR :\n Replica  */ SELECT 1", Hint::replica},
        {"-- x\n/* other */ /* pgweir: replica */ /* more */ (SELECT 1)", Hint::replica},
        {"( /* pgweir: replica */ SELECT 1)", Hint::replica},
        {"; /* pgweir: replica */ SELECT 1", Hint::replica},
        {"/* pgweir: replica */ /* pgweir: replica */ SELECT 1", Hint::replica},
        {"/* pgweir: replica */ /* pgweir: primary */ SELECT 1", Hint::invalid},
        {"/* pgweir: replicas */ SELECT 1", Hint::invalid},
        {"/* pgweir: */ SELECT 1", Hint::invalid},
        {"/* pgweir: primary /* x */ */ SELECT 1", Hint::invalid},
        {"/* pgweir: replica */ /* pgweir: x */ SELECT 1", Hint::invalid},
        {"/* pgweir primary */ SELECT 1", Hint::none},
        {"/* pgweirs: primary */ SELECT 1", Hint::none},
        {"/* not pgweir: primary */ SELECT 1", Hint::none},
        {"/*+ pgweir: primary */ SELECT 1", Hint::none},
        {"-- pgweir: primary\nSELECT 1", Hint::none},
        {"-- /* pgweir: primary */\nSELECT 1", Hint::none},
        {"/* a */ -- /* pgweir: primary */\n/* b */ SELECT 1", Hint::none},
        {"/* /* pgweir: primary */ */ SELECT 1", Hint::none},
        {"SELECT /* pgweir: primary */ 1", Hint::none},
        {"SELECT 1 /* pgweir: primary */", Hint::none},
        {"EXPLAIN /* pgweir: primary */ SELECT 1", Hint::none},
        {"SELECT 1; /* pgweir: primary */ SELECT 2", Hint::none},
        {"SELECT '/* pgweir: primary */'", Hint::none},
        {"/**/ SELECT 1", Hint::none},
    };
    for (const auto& row : rows) EXPECT_EQ(judge(row.sql).hint, row.hint) << row.sql;
}

// It vouches for functions and for nothing else.
TEST(Hint, ReplicaLiftsOnlyTheDoubtAboutFunctions) {
    EXPECT_TRUE(judge("/* pgweir: replica */ SELECT my_function(1)").reads_only);
    EXPECT_TRUE(judge("/* pgweir: replica */ SELECT * FROM pg_stat_activity").reads_only);
    EXPECT_TRUE(judge("/* pgweir: replica */ COPY (SELECT f(1)) TO STDOUT").reads_only);
    for (const char* sql :
         {"SELECT f(1) FROM t FOR UPDATE", "SELECT f(1) INTO n", "DELETE FROM t", "CREATE TABLE t (a int)",
          "WITH x AS (DELETE FROM t RETURNING 1) SELECT f(1)", "SELECT f(1); SELECT 2", "SELECT f(1), 'x",
          "COPY (SELECT f(1)) TO '/x'", "DO $$ $$", "CALL f(1)", "SET x = 1", "SHOW x", "SELECT f(1) FROM pg_temp.t",
          "SELECT last_value FROM s", "SELECT nextval('s')", "SELECT set_config('a', 'b', false)",
          "SELECT pg_advisory_lock(1), f(1)", "EXPLAIN ANALYZE DELETE FROM t"}) {
        EXPECT_FALSE(judge(std::string("/* pgweir: replica */ ") + sql).reads_only) << sql;
    }
    EXPECT_FALSE(
        classify("/* pgweir: replica */ SELECT f(1)", {.standard_conforming_strings = false}, builtin()).reads_only);
    EXPECT_FALSE(classify("/* pgweir: replica */ SELECT '\xE9'", {.ascii_trail_bytes = true}, builtin()).reads_only);
    EXPECT_TRUE(has(judge("/* pgweir: replica */ SELECT my_function(1)").effects, Effect::taint));
}

}  // namespace
}  // namespace pgweir::sql::test
