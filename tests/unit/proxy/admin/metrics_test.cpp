#include "proxy/admin/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "tests/unit/proxy/admin/world.hpp"

namespace pgweir::admin {
namespace {

using std::chrono::microseconds;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::Not;

const std::string kSource = PGWEIR_SOURCE_DIR;

std::string slurp(const std::string& path) {
    std::ifstream in(path);
    EXPECT_TRUE(in) << path;
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

// "name type" of every family of the exposition.
std::vector<std::string> names_of(const std::string& text) {
    std::vector<std::string> names;
    for (const std::string& line : lines_of(text)) {
        if (line.starts_with("# TYPE ")) names.push_back(line.substr(7));
    }
    std::ranges::sort(names);
    return names;
}

class MetricsTest : public testing::Test {
  protected:
    std::string scrape() { return metrics.text(world.rows); }
    // The value of the sample with exactly this name and labels; "absent" if there is none.
    std::string sample(const std::string& series) {
        for (const std::string& line : lines_of(scrape())) {
            if (line.starts_with(series + " ")) return line.substr(series.size() + 1);
        }
        return "absent";
    }

    test::World world;
    Metrics metrics{world.sources};
};

// The names are an interface: dashboards are built on them. A change here is a change of docs/metrics.md.
TEST_F(MetricsTest, NamesAreTheGoldenOnes) {
    const auto golden = lines_of(slurp(kSource + "/tests/unit/proxy/admin/metrics.golden"));
    EXPECT_THAT(names_of(scrape()), ElementsAreArray(golden)) << "the whole exposition:\n" << scrape();
}

TEST_F(MetricsTest, NamesDoNotDependOnWhatThereIs) {
    const auto full = names_of(scrape());
    world.sources.stats = nullptr;
    world.sources.snapshots = nullptr;
    EXPECT_EQ(names_of(metrics.text(std::nullopt)), full);
}

TEST_F(MetricsTest, TheDocumentNamesEveryMetricAndNoOther) {
    const std::string document = slurp(kSource + "/docs/metrics.md");
    std::set<std::string> documented;
    const std::regex name("^\\| `(pgweir_[a-z0-9_]+)` \\| ([a-z]+) \\|");
    for (const std::string& line : lines_of(document)) {
        std::smatch match;
        if (std::regex_search(line, match, name)) documented.insert(match.str(1) + " " + match.str(2));
    }
    const auto names = names_of(scrape());
    EXPECT_EQ(documented, std::set<std::string>(names.begin(), names.end()));
}

TEST_F(MetricsTest, EveryFamilyHasHelpAndIsWellFormed) {
    const std::regex sample_line(R"(^[a-z_]+(\{([a-z]+="([^"\\]|\\.)*",?)*\})? [-+0-9.eInfNa]+$)");
    for (const std::string& line : lines_of(scrape())) {
        if (line.starts_with("# HELP ")) {
            EXPECT_GT(line.size(), line.find(' ', 7) + 4) << line;
        }
        if (!line.starts_with("#")) {
            EXPECT_TRUE(std::regex_match(line, sample_line)) << line;
        }
    }
}

TEST_F(MetricsTest, CountersAreSummedOverWorkersInBaseUnits) {
    world.workers[0].queries.add(3);
    world.workers[1].queries.add(4);
    world.workers[0].wait_us.add(1'500'000);
    world.workers[1].client_bytes_received.add(5'000'000'000);
    world.workers[0].clients.set(5);
    world.workers[1].clients.set(6);
    EXPECT_EQ(sample("pgweir_stats_queries_pooled_total"), "7");
    EXPECT_EQ(sample("pgweir_stats_client_wait_seconds_total"), "1.5");
    EXPECT_EQ(sample("pgweir_stats_received_bytes_total"), "5000000000");
    EXPECT_EQ(sample("pgweir_used_clients"), "11");
    EXPECT_EQ(sample("pgweir_workers"), "2");
    EXPECT_EQ(sample("pgweir_version_info{version=\"9.8.7\"}"), "1");
    EXPECT_EQ(sample("pgweir_config_max_client_connections"), "1000");
}

TEST_F(MetricsTest, EveryTargetAndReasonIsThere) {
    const auto write = static_cast<std::size_t>(sql::Reason::write);
    world.workers[0].routed[0][write].add(2);
    world.workers[1].routed[0][write].add(3);
    world.workers[1].routed[1][static_cast<std::size_t>(sql::Reason::read)].add(9);
    EXPECT_EQ(sample("pgweir_queries_routed_total{target=\"primary\",reason=\"write\"}"), "5");
    EXPECT_EQ(sample("pgweir_queries_routed_total{target=\"replica\",reason=\"read\"}"), "9");
    const auto lines = lines_of(scrape());
    EXPECT_EQ(
        std::ranges::count_if(lines, [](const auto& line) { return line.starts_with("pgweir_queries_routed_total{"); }),
        static_cast<std::ptrdiff_t>(2 * sql::kReasonCount));
}

TEST_F(MetricsTest, HistogramBucketsAreCumulativeSeconds) {
    world.workers[0].query[1].record(microseconds(10));           // under 16 µs
    world.workers[1].query[1].record(microseconds(100));          // under 128 µs
    world.workers[1].query[1].record(microseconds(100'000'000));  // the last
    world.workers[0].query[0].record(microseconds(1));            // the other target
    const std::string name = "pgweir_query_duration_seconds";
    EXPECT_EQ(sample(name + "_bucket{target=\"replica\",le=\"1.6e-05\"}"), "1");
    EXPECT_EQ(sample(name + "_bucket{target=\"replica\",le=\"6.4e-05\"}"), "1");
    EXPECT_EQ(sample(name + "_bucket{target=\"replica\",le=\"0.000128\"}"), "2");
    EXPECT_EQ(sample(name + "_bucket{target=\"replica\",le=\"16.777216\"}"), "2");
    EXPECT_EQ(sample(name + "_bucket{target=\"replica\",le=\"+Inf\"}"), "3");
    EXPECT_EQ(sample(name + "_count{target=\"replica\"}"), "3");
    EXPECT_EQ(sample(name + "_sum{target=\"replica\"}"), "100.00011");
    EXPECT_EQ(sample(name + "_count{target=\"primary\"}"), "1");
    EXPECT_EQ(sample("pgweir_client_wait_duration_seconds_count"), "0");
}

TEST_F(MetricsTest, PoolsAreMergedAndLabelled) {
    world.rows.pools = {
        {"app", "u", "pg2", 1, 2, 0, 0, 5, 0, 7, 8, microseconds(2'500'000), config::PoolMode::session, 20},
        {"app", "u", "pg2", 1, 2, 0, 0, 5, 0, 7, 8, microseconds(7), config::PoolMode::session, 20}};
    const std::string labels = "{database=\"app\",user=\"u\",server=\"pg2\"}";
    EXPECT_EQ(sample("pgweir_pools_client_active_connections" + labels), "2");
    EXPECT_EQ(sample("pgweir_pools_client_waiting_connections" + labels), "4");
    EXPECT_EQ(sample("pgweir_pools_server_active_connections" + labels), "10");
    EXPECT_EQ(sample("pgweir_pools_server_idle_connections" + labels), "14");
    EXPECT_EQ(sample("pgweir_pools_server_login_connections" + labels), "16");
    EXPECT_EQ(sample("pgweir_pools_client_maxwait_seconds" + labels), "2.5");
    EXPECT_EQ(sample("pgweir_pools_size" + labels), "20");
}

// semantics.md F: unknown is never 0.
TEST_F(MetricsTest, ServersShowRotationAndOnlyKnownLag) {
    EXPECT_EQ(sample("pgweir_server_up{cluster=\"main\",server=\"pg2\"}"), "1");
    EXPECT_EQ(sample("pgweir_server_up{cluster=\"main\",server=\"pg3\"}"), "0");
    EXPECT_EQ(sample("pgweir_server_in_rotation{cluster=\"main\",server=\"pg2\",role=\"replica\",state=\"in\"}"), "1");
    EXPECT_EQ(sample("pgweir_server_effective_weight{cluster=\"main\",server=\"pg2\"}"), "0.55");
    EXPECT_EQ(sample("pgweir_server_breaker{cluster=\"main\",server=\"pg2\",state=\"half_open\"}"), "1");
    EXPECT_EQ(sample("pgweir_server_breaker{cluster=\"main\",server=\"pg2\",state=\"closed\"}"), "0");
    EXPECT_EQ(sample("pgweir_server_transitions_total{cluster=\"main\",server=\"pg2\",event=\"breaker_opened\"}"), "3");
    EXPECT_EQ(
        sample("pgweir_server_in_rotation{cluster=\"main\",server=\"pg3\",role=\"unknown\",state=\"unreachable\"}"),
        "0");
    EXPECT_EQ(sample("pgweir_server_is_primary{cluster=\"main\",server=\"pg1\"}"), "1");
    EXPECT_EQ(sample("pgweir_server_lag_seconds{cluster=\"main\",server=\"pg2\"}"), "1.5");
    EXPECT_EQ(sample("pgweir_server_lag_bytes{cluster=\"main\",server=\"pg2\"}"), "4096");
    EXPECT_EQ(sample("pgweir_server_lag_seconds{cluster=\"main\",server=\"pg3\"}"), "absent");
    EXPECT_EQ(sample("pgweir_server_lag_bytes{cluster=\"main\",server=\"pg3\"}"), "absent");
}

// A client's bytes in a label must not break the exposition: one bad line and Prometheus refuses the whole scrape.
TEST_F(MetricsTest, HostileNamesStayInTheirLabel) {
    world.rows.pools = {
        {"a\"b\\c\nd\xff", "u", "pg1", 1, 0, 0, 0, 0, 0, 0, 0, microseconds(0), config::PoolMode::session, 1}};
    const std::string text = scrape();
    EXPECT_THAT(text, HasSubstr(R"({database="a\"b\\c\nd?",user="u",server="pg1"} 1)"));
    EXPECT_THAT(text, Not(HasSubstr("\xff")));
}

TEST_F(MetricsTest, OurOwnAnswersAreCounted) {
    metrics.count_http("/health", 503);
    metrics.count_http("/health", 503);
    const std::string text = scrape();
    EXPECT_TRUE(std::regex_search(text, std::regex("pgweir_http_requests_total\\{[^}]*503[^}]*\\} 2"))) << text;
}

}  // namespace
}  // namespace pgweir::admin
