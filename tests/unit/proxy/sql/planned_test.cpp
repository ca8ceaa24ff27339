#include "proxy/sql/planned.hpp"

#include <gtest/gtest.h>

namespace pgweir::sql {
namespace {

TEST(Planned, QueriesAndChangesOfRows) {
    for (const auto* text : {"select 1", " /* a */ -- b\n SELECT 1", "((select 1) union select 2)", "With x as (select 1) table x",
                             "values (1)", "TABLE t", "insert into t values (1)", "update t set a = 1", "delete from t",
                             "merge into t using u on true when matched then do nothing"}) {
        EXPECT_TRUE(is_planned(text, true)) << text;
    }
}

TEST(Planned, NothingElse) {
    for (const auto* text : {"", ";", "begin", "commit", "set a = 1", "show a", "create table t ()", "vacuum", "explain select 1",
                             "declare c cursor for select 1", "execute p", "call p()", "\"select\" 1", "selected", "copy t to stdout"}) {
        EXPECT_FALSE(is_planned(text, true)) << text;
    }
}

}  // namespace
}  // namespace pgweir::sql
