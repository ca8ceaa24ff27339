// Annotations in comments before the first keyword (issue 2, "Routing").
#include <gtest/gtest.h>

#include "judge.hpp"
#include "proxy/sql/hint.hpp"

namespace pgweir::sql::test {
namespace {

TEST(Hint, Forms) {
    using Kind = Hint::Kind;
    const struct {
        const char* sql;
        Hint::Kind hint;
    } rows[] = {
        {"/* pgweir: primary */ SELECT 1", Kind::primary},
        {"/*pgweir:primary*/SELECT 1", Kind::primary},
        {"/*  PGWEIR :\n Replica  */ SELECT 1", Kind::replica},
        {"-- x\n/* other */ /* pgweir: replica */ /* more */ (SELECT 1)", Kind::replica},
        {"( /* pgweir: replica */ SELECT 1)", Kind::replica},
        {"; /* pgweir: replica */ SELECT 1", Kind::replica},
        {"/* pgweir: replica */ /* pgweir: replica */ SELECT 1", Kind::replica},
        {"/* pgweir: replica */ /* pgweir: primary */ SELECT 1", Kind::invalid},
        {"/* pgweir: replicas */ SELECT 1", Kind::invalid},
        {"/* pgweir: */ SELECT 1", Kind::invalid},
        {"/* pgweir: primary /* x */ */ SELECT 1", Kind::invalid},
        {"/* pgweir: replica */ /* pgweir: x */ SELECT 1", Kind::invalid},
        {"/* pgweir primary */ SELECT 1", Kind::none},
        {"/* pgweirs: primary */ SELECT 1", Kind::none},
        {"/* not pgweir: primary */ SELECT 1", Kind::none},
        {"/*+ pgweir: primary */ SELECT 1", Kind::none},
        {"-- pgweir: primary\nSELECT 1", Kind::none},
        {"-- /* pgweir: primary */\nSELECT 1", Kind::none},
        {"/* a */ -- /* pgweir: primary */\n/* b */ SELECT 1", Kind::none},
        {"/* /* pgweir: primary */ */ SELECT 1", Kind::none},
        {"SELECT /* pgweir: primary */ 1", Kind::none},
        {"SELECT 1 /* pgweir: primary */", Kind::none},
        {"EXPLAIN /* pgweir: primary */ SELECT 1", Kind::none},
        {"SELECT 1; /* pgweir: primary */ SELECT 2", Kind::none},
        {"SELECT '/* pgweir: primary */'", Kind::none},
        {"/**/ SELECT 1", Kind::none},
    };
    for (const auto& row : rows) EXPECT_EQ(judge(row.sql).hint.kind, row.hint) << row.sql;
}

TEST(Hint, Options) {
    using Kind = Hint::Kind;
    using config::ReadPreference;
    const struct {
        const char* sql;
        Hint hint;
    } rows[] = {
        {"/* pgweir: read_preference=nearest, max_lag=500ms */ SELECT 1", {Kind::options, ReadPreference::nearest, 500}},
        {"/* pgweir: max_lag = 2s , READ_PREFERENCE=Replica */ SELECT 1", {Kind::options, ReadPreference::replica, 2000}},
        {"/* pgweir: max_lag=0 */ SELECT 1", {Kind::options, std::nullopt, 0}},
        {"/* pgweir: max_lag=1 min */ SELECT 1", {Kind::options, std::nullopt, 60'000}},
        {"/* pgweir: replica, max_lag=1s */ SELECT 1", {Kind::replica, std::nullopt, 1000}},
        {"/* pgweir: max_lag=1s */ /* pgweir: replica */ SELECT 1", {Kind::replica, std::nullopt, 1000}},
        {"/* pgweir: read_preference=primary */ SELECT 1", {Kind::primary, std::nullopt, std::nullopt}},
        {"/* pgweir: max_lag=1s */ /* pgweir: max_lag=1s */ SELECT 1", {Kind::options, std::nullopt, 1000}},
        {"/* pgweir: max_lag=1s */ /* pgweir: max_lag=2s */ SELECT 1", {.kind = Kind::invalid}},
        {"/* pgweir: replica, read_preference=nearest */ SELECT 1", {.kind = Kind::invalid}},
        {"/* pgweir: read_preference=nearest, replica */ SELECT 1", {.kind = Kind::invalid}},
        {"/* pgweir: read_preference=nearest, primary */ SELECT 1", {.kind = Kind::invalid}},
        {"/* pgweir: read_preference=nearest, read_preference=replica */ SELECT 1", {.kind = Kind::invalid}},
        {"/* pgweir: read_preference=near */ SELECT 1", {.kind = Kind::invalid}},
        {"/* pgweir: read_preference= */ SELECT 1", {.kind = Kind::invalid}},
        {"/* pgweir: max_lag=500 */ SELECT 1", {.kind = Kind::invalid}},
        {"/* pgweir: max_lag=-1s */ SELECT 1", {.kind = Kind::invalid}},
        {"/* pgweir: max_lag=99999999999h */ SELECT 1", {.kind = Kind::invalid}},
        {"/* pgweir: max_lag=1s, */ SELECT 1", {.kind = Kind::invalid}},
        {"/* pgweir: maxlag=1s */ SELECT 1", {.kind = Kind::invalid}},
        {"/* pgweir: nearest */ SELECT 1", {.kind = Kind::invalid}},
    };
    for (const auto& row : rows) EXPECT_EQ(judge(row.sql).hint, row.hint) << row.sql;
}

TEST(Hint, AsItIsWritten) {
    EXPECT_EQ(written_hint("-- a\n/* b */ /* pgweir: x */ /* c */ SELECT 1"), "/* pgweir: x */");
    EXPECT_EQ(written_hint("(/* pgweir: x */ /* d */ /* PgWeir:y */ SELECT /* pgweir: z */ 1)"),
              "/* pgweir: x */ /* d */ /* PgWeir:y */");
    for (const char* none : {"", "SELECT /* pgweir: x */ 1", "/* x", "/* pgweirs: x */ SELECT 1"}) EXPECT_EQ(written_hint(none), "") << none;
}

TEST(Hint, OnlyTheWordReplicaVouches) {
    EXPECT_TRUE(judge("/* pgweir: replica */ SELECT my_function(1)").reads_only);
    EXPECT_FALSE(judge("/* pgweir: read_preference=replica */ SELECT my_function(1)").reads_only);
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
