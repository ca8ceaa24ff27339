// The pure helpers: UTF-8, words, averages, health.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/admin/health.hpp"
#include "proxy/admin/stats_period.hpp"
#include "proxy/admin/utf8.hpp"
#include "proxy/admin/words.hpp"
#include "tests/unit/proxy/admin/world.hpp"

namespace pgweir::admin {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Utf8, ReplacesWhatIsNotWellFormed) {
    const std::vector<std::pair<std::string_view, std::string_view>> cases = {
        {"", ""},
        {"plain", "plain"},
        {"größe €😀", "größe €😀"},
        {"\xff", "?"},
        {"a\xc3", "a?"},               // cut short
        {"\xc0\xaf", "??"},            // overlong
        {"\xe0\x80\xaf", "???"},       // overlong
        {"\xed\xa0\x80", "???"},       // surrogate
        {"\xf4\x90\x80\x80", "????"},  // above U+10FFFF
        {"\xf0\x9f\x98", "???"},       // cut short
        {std::string_view("a\0b", 3), "a?b"},
        {"\x80\x80", "??"},
    };
    for (const auto& [in, out] : cases) EXPECT_EQ(as_utf8(in), out) << in;
}

TEST(Words, AreUpperCaseWithoutCommentsAndTrailingSemicolons) {
    EXPECT_THAT(split_words("show  Pools ;;"), ElementsAre("SHOW", "POOLS"));
    EXPECT_THAT(split_words("SET a=1"), ElementsAre("SET", "A", "=", "1"));
    EXPECT_THAT(split_words("a; b;"), ElementsAre("A", ";", "B"));
    EXPECT_THAT(split_words("a/* /* */ b */c--d\re"), ElementsAre("A", "C", "E"));
    EXPECT_THAT(split_words("/*"), IsEmpty());
    EXPECT_THAT(split_words("--"), IsEmpty());
    EXPECT_THAT(split_words("/"), ElementsAre("/"));
    EXPECT_THAT(split_words("- -"), ElementsAre("-", "-"));
    EXPECT_THAT(split_words("*/"), ElementsAre("*", "/"));
}

TEST(StatsPeriod, AveragesAreOverTheLastFullMinute) {
    const StatsPeriod::TimePoint start{};
    StatsPeriod period(start);
    Totals totals;
    totals.queries = 100;
    totals.query_us = 1'000;
    totals.received = 2'000;
    const Averages young = period.averages(start + seconds(10), totals);
    EXPECT_EQ(young.queries, 10u);
    EXPECT_EQ(young.query_us, 10u);
    EXPECT_EQ(young.received, 200u);
    period.sample(start + seconds(60), totals);
    Totals later = totals;
    later.queries = 6'100;
    later.query_us = 61'000'000;
    later.transactions = 1;
    period.sample(start + seconds(120), later);
    Totals now = later;
    now.queries = 1'000'000;
    const Averages averages = period.averages(start + seconds(150), now);
    EXPECT_EQ(averages.queries, 100u);
    EXPECT_EQ(averages.query_us, 60'999'000u / 6'000u);
    EXPECT_EQ(averages.received, 0u);
    EXPECT_EQ(averages.wait_us, 0u);
}

TEST(StatsPeriod, NoTimeIsNoAverage) {
    Totals totals;
    totals.queries = 5;
    EXPECT_EQ(averages_between({}, totals, std::chrono::microseconds(0)).queries, 0u);
}

class HealthTest : public testing::Test {
  protected:
    test::World world;
};

TEST_F(HealthTest, AReplicaAloneIsHealthyButNotReady) {
    world.snapshot->primary.reset();
    world.snapshot->servers[0].reachable = false;
    EXPECT_EQ(why_unhealthy(world.sources), std::nullopt);
    EXPECT_THAT(why_not_ready(world.sources).value_or(""), HasSubstr("primary of cluster 'main'"));
}

TEST_F(HealthTest, NobodyReachableIsUnhealthy) {
    for (auto& server : world.snapshot->servers) server.reachable = false;
    EXPECT_THAT(why_unhealthy(world.sources).value_or(""), HasSubstr("cluster 'main'"));
}

// semantics.md F 7: a server with another system identifier is out for good.
TEST_F(HealthTest, AStrangerDoesNotServe) {
    for (auto& server : world.snapshot->servers) server.rotation = cluster::Rotation::wrong_system;
    EXPECT_NE(why_unhealthy(world.sources), std::nullopt);
}

TEST_F(HealthTest, OneClusterOfTwoWithoutAServerIsUnhealthy) {
    auto other = std::make_shared<cluster::Snapshot>();
    other->cluster = "other";
    world.sources.snapshots = [this, other] {
        return std::vector<std::shared_ptr<const cluster::Snapshot>>{world.snapshot, other};
    };
    EXPECT_THAT(why_unhealthy(world.sources).value_or(""), HasSubstr("'other'"));
    EXPECT_THAT(why_not_ready(world.sources).value_or(""), HasSubstr("'other'"));
}

TEST_F(HealthTest, BeforeTheFirstProbeNeitherHolds) {
    world.sources.snapshots = nullptr;
    EXPECT_NE(why_unhealthy(world.sources), std::nullopt);
    EXPECT_NE(why_not_ready(world.sources), std::nullopt);
}

TEST_F(HealthTest, TheApplicationHasTheFirstWord) {
    world.unhealthy = "worker 1 died";
    world.not_ready = "stopping";
    EXPECT_EQ(why_unhealthy(world.sources), "worker 1 died");
    EXPECT_EQ(why_not_ready(world.sources), "stopping");
}

}  // namespace
}  // namespace pgweir::admin
