#include "proxy/net/client_names.hpp"

#include <gtest/gtest.h>

namespace pgweir::net {
namespace {

TEST(ClientNames, AreOneObjectForTheSame) {
    ClientNamesTable table;
    const auto first = table.share("app", "shop");
    EXPECT_EQ(first->user, "app");
    EXPECT_EQ(first->database, "shop");
    EXPECT_EQ(table.share("app", "shop"), first);
    EXPECT_EQ(table.size(), 1u);
}

TEST(ClientNames, DifferByEither) {
    ClientNamesTable table;
    const auto names = table.share("ab", "c");
    EXPECT_NE(table.share("a", "bc"), names);
    const auto user = table.share("other", "c"), database = table.share("ab", "other");
    EXPECT_NE(user, names);
    EXPECT_NE(database, names);
    EXPECT_EQ(table.size(), 3u);  // the one that nobody kept is gone
}

TEST(ClientNames, GoWithTheirLastClient) {
    ClientNamesTable table;
    auto names = table.share("app", "shop");
    auto again = table.share("app", "shop");
    names.reset();
    EXPECT_EQ(table.size(), 1u);
    again.reset();
    EXPECT_EQ(table.size(), 0u);
    EXPECT_EQ(table.share("app", "shop")->user, "app");
}

}  // namespace
}  // namespace pgweir::net
