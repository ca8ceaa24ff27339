#include "proxy/sql/promotable.hpp"

#include <gtest/gtest.h>

namespace pgweir::sql {
namespace {

TEST(Promotable, QueriesAndChangesOfRows) {
    for (const auto* text : {"select 1", " /* a */ -- b\n SELECT 1", "((select 1) union select 2)", "With x as (select 1) table x",
                             "values (1)", "TABLE t", "insert into t values ($1, now())", "update t set a = 'x'", "delete from t",
                             "merge into t using u on true when matched then do nothing", "select 'no' || 'w'", "select 'no', timestamp '2020-01-01'",
                             "select current_date"}) {
        EXPECT_TRUE(is_promotable(text, true)) << text;
    }
}

TEST(Promotable, NothingElse) {
    for (const auto* text : {"", ";", "begin", "commit", "set a = 1", "show a", "create table t ()", "vacuum", "explain select 1",
                             "declare c cursor for select 1", "execute p", "call p()", "\"select\" 1", "selected", "copy t to stdout"}) {
        EXPECT_FALSE(is_promotable(text, true)) << text;
    }
}

// A fresh Parse makes another constant of them (tried on PostgreSQL 15.18).
TEST(Promotable, NoLiteralOfItsMoment) {
    for (const auto* text : {"insert into log values ($1, 'now')", "select ' Today'::date", "select 'YESTERDAY 12:00'::timestamp",
                             "select $$now$$::timestamptz", "select $a$ tomorrow $a$::date", "select e'n\\x6fw'::date",
                             "select u&'\\006eow'::date", "select 'no'\n'w'::date", "select timestamp 'now'", "select 't'::regclass",
                             "select '12:00'::timetz", "select time with time zone '12:00'", "select 'f'::\"regproc\""}) {
        EXPECT_FALSE(is_promotable(text, true)) << text;
    }
    EXPECT_FALSE(is_promotable("select 'n\\157w'::date", false));
}

}  // namespace
}  // namespace pgweir::sql
