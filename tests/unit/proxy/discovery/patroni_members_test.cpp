#include "proxy/discovery/patroni_members.hpp"

#include <gtest/gtest.h>

namespace pgweir::discovery {
namespace {

TEST(PatroniMembers, AsDocumented) {
    const PatroniAnswer answer = read_patroni_members(
        R"({"members": [{"name": "patroni1", "role": "leader", "state": "running", "api_url": "https://10.89.0.4:8008/patroni",)"
        R"( "host": "10.89.0.4", "port": 5432, "timeline": 5, "tags": {"clonefrom": true}},)"
        R"( {"name": "patroni2", "role": "replica", "state": "streaming", "host": "db2.example", "port": 5433, "lag": 0,)"
        R"( "tags": {"noloadbalance": true, "nofailover": true}}], "scope": "demo"})");
    EXPECT_EQ(answer.error, "");
    const std::vector<PatroniMember> expected = {{"patroni1", "10.89.0.4", 5432, true}, {"patroni2", "db2.example", 5433, false}};
    EXPECT_EQ(answer.members, expected);
}

TEST(PatroniMembers, WithoutAnAddressItIsNoServer) {
    const PatroniAnswer answer = read_patroni_members(
        R"({"members": [{"name": "a", "state": "starting"}, {"name": "b", "host": "h", "port": 0}, {"name": "c", "host": "h"},)"
        R"( {"name": "d e", "host": "h", "port": 1}, {"name": "e", "host": "h,i", "port": 1}, {"name": "f", "host": "/tmp", "port": 1},)"
        R"( 7, {"name": "g", "host": "h", "port": 5432}, {"name": "g", "host": "twice", "port": 5432}]})");
    ASSERT_EQ(answer.members.size(), 1U);
    EXPECT_EQ(answer.members[0], (PatroniMember{"g", "h", 5432, true}));
}

TEST(PatroniMembers, NothingElseIsAnAnswer) {
    for (const char* body : {"", "{", "[]", "7", "{}", R"({"members": {}})", R"({"members": []})", R"({"members": [{}]})"}) {
        const PatroniAnswer answer = read_patroni_members(body);
        EXPECT_TRUE(answer.members.empty()) << body;
        EXPECT_NE(answer.error, "") << body;
    }
    EXPECT_NE(read_patroni_members(std::string(kMaxClusterAnswer + 1, ' ')).error, "");
}

}  // namespace
}  // namespace pgweir::discovery
