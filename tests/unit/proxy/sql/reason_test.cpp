// docs/routing.md lists every reason, and no other.
#include "proxy/sql/reason.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>

namespace pgweir::sql {
namespace {

TEST(Reason, NamesAreDistinctLabels) {
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < kReasonCount; ++i) {
        const std::string_view label = name(static_cast<Reason>(i));
        EXPECT_TRUE(seen.insert(label).second) << label;
        EXPECT_EQ(label.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos) << label;
    }
    EXPECT_EQ(name(Reason::read), "read");
    EXPECT_EQ(name(Reason::row_lock), "row_lock");
    EXPECT_EQ(name(Reason::local), "local");
    EXPECT_EQ(name(Reason::read_only_transaction), "read_only_transaction");
    EXPECT_EQ(name(Reason::replication), "replication");
    EXPECT_EQ(name(static_cast<Reason>(kReasonCount)), "unknown");
}

TEST(Reason, AreDocumented) {
    std::ifstream in(PGWEIR_SOURCE_DIR "/docs/routing.md");
    ASSERT_TRUE(in);
    std::set<std::string> documented;
    bool table = false;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("| code |")) table = true;
        if (line.empty()) table = false;
        if (table && line.starts_with("| `")) documented.insert(line.substr(3, line.find('`', 3) - 3));
    }
    std::set<std::string> known;
    for (std::size_t i = 0; i < kReasonCount; ++i) known.emplace(name(static_cast<Reason>(i)));
    EXPECT_EQ(documented, known);
}

}  // namespace
}  // namespace pgweir::sql
