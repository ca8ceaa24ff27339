#include "proxy/sql/masked.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace pgweir::sql {
namespace {

TEST(Masked, KeepsEverythingButLiterals) {
    const std::pair<std::string, std::string> cases[] = {
        {"", ""},
        {"SELECT 1", "SELECT ?"},
        {"select  a.b ,\n'x''y' /* c */ from t -- end", "select a.b , ? from t"},
        {"SELECT f('a'), f($1, -2.5e3)", "SELECT f(?), f($1, -?)"},
        {"SELECT E'a\\'b', U&'x', b'01', x'ff', $q$ a $q$", "SELECT ?, ?, ?, ?, ?"},
        {"SELECT \"Quoted\"::text FROM t WHERE x >= 3", "SELECT \"Quoted\"::text FROM t WHERE x >= ?"},
        {"SELECT 'a'\n'b'", "SELECT ? ?"},
        {"SELECT 'secret", "SELECT ?"},
        {"SELECT $$secret", "SELECT ?"},
    };
    for (const auto& [text, expected] : cases) EXPECT_EQ(masked(text), expected) << text;
}

TEST(Masked, OldStringsAreReadAsTheServerDoes) {
    EXPECT_EQ(masked("SELECT 'a\\'b', c", false), "SELECT ?, c");
}

}  // namespace
}  // namespace pgweir::sql
