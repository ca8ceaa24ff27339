// What is known to answer otherwise each time.
#include "proxy/sql/varying.hpp"

#include <gtest/gtest.h>

namespace pgweir::sql {
namespace {

TEST(Varies, ByItsWords) {
    for (const std::string_view text :
         {"SELECT now()", "select NOW ()", "SELECT n FROM t WHERE at > current_timestamp", "SELECT CURRENT_DATE", "SELECT localtime",
          "SELECT pg_catalog.random()", "SELECT \"random\"()", "SELECT gen_random_uuid() FROM t", "SELECT * FROM t TABLESAMPLE system (1)",
          "EXPLAIN ANALYZE SELECT 1", "SELECT 'now'::timestamp", "SELECT date 'today'", "SELECT age(born) FROM t",
          "SELECT pg_relation_size('t')"}) {
        EXPECT_TRUE(varies(text, true)) << text;
    }
    for (const std::string_view text :
         {"SELECT 1", "SELECT age FROM people", "SELECT now FROM t", "SELECT 'now()'", "SELECT 1 -- now()", "SELECT knows(1)",
          "SELECT $$now()$$", "SELECT \"current_date\" FROM t", "SELECT 'nowhere'", ""}) {
        EXPECT_FALSE(varies(text, true)) << text;
    }
}

}  // namespace
}  // namespace pgweir::sql
