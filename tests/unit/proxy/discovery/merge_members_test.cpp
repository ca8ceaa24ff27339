#include "proxy/discovery/merge_members.hpp"

#include <gtest/gtest.h>

#include <map>

namespace pgweir::discovery {
namespace {

cluster::Member member(std::string name, std::string host, std::uint16_t port = 5432, std::vector<std::string> addresses = {}) {
    return cluster::Member(config::Server{.name = std::move(name), .host = std::move(host), .port = port}, std::move(addresses));
}

std::vector<std::string> names(const std::vector<cluster::Member>& members) {
    std::vector<std::string> out;
    for (const cluster::Member& one : members) out.push_back(one.name);
    return out;
}

std::vector<std::string> addresses_of(const std::string& name) {
    static const std::map<std::string, std::vector<std::string>> kNames = {{"db1", {"10.0.0.1", "10.0.0.9"}}};
    const auto found = kNames.find(name);
    return found == kNames.end() ? std::vector<std::string>{} : found->second;
}

using Names = std::vector<std::string>;

TEST(MergeMembers, NamesAreLookedUp) {
    const auto members = merge_members({{.name = "a", .host = "db1"}, {.name = "b", .host = "unknown"}, {.name = "c", .host = "10.0.0.3"},
                                        {.name = "d", .host = "/run/postgresql"}}, {}, addresses_of);
    EXPECT_EQ(names(members), (Names{"a", "b", "c", "d"}));
    EXPECT_EQ(members[0].addresses, (Names{"10.0.0.1", "10.0.0.9"}));
    for (std::size_t i = 1; i < 4; ++i) EXPECT_TRUE(members[i].addresses.empty()) << i;
}

TEST(MergeMembers, AServerCountsOnce) {
    const std::vector<config::Server> configured = {{.name = "mine", .host = "db1", .weight = 7}};
    const auto members = merge_members(configured, {member("x", "10.0.0.1"), member("y", "10.0.0.1", 5433), member("y2", "10.0.0.1", 5433),
                                                    member("z", "db.example", 5432, {"10.0.0.9"})}, addresses_of);
    EXPECT_EQ(names(members), (Names{"mine", "y"}));
    EXPECT_EQ(members[0].weight, 7U);
}

TEST(MergeMembers, ANameThatIsTaken) {
    const std::vector<config::Server> configured = {{.name = "a", .host = "10.0.0.1"}};
    const auto members = merge_members(configured, {member("a", "10.0.0.2"), member("a", "10.0.0.3"), member("a", "10.0.0.3", 6000)},
                                       addresses_of);
    EXPECT_EQ(names(members), (Names{"a", "a:5432", "a:6000"}));
    EXPECT_EQ(members[1].host, "10.0.0.2");
}

}  // namespace
}  // namespace pgweir::discovery
