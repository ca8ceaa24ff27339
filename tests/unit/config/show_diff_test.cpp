#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "config/diff.hpp"
#include "config/options.hpp"
#include "config/show.hpp"

namespace pgweir::config {
namespace {

Config sample() {
    Config config;
    config.proxy.ignore_startup_parameters = {"a", "b"};
    config.pool.pool_mode = PoolMode::session;
    config.monitor.password = "hush";
    config.servers.push_back({.name = "one", .host = "h"});
    config.servers.push_back({.name = "two", .host = "h", .weight = 3});
    config.databases.emplace_back().name = "app";
    config.users.push_back({.name = "u", .password = "hush"});
    config.users.push_back({.name = "v", .password = ""});
    return config;
}

struct Expected {
    std::string key, value, default_value;
    bool changeable;
};

TEST(Show, RowsAndTheirTexts) {
    const std::vector<ShowRow> rows = show(sample());
    const Expected expected[] = {
        {"proxy.listen_port", "6432", "6432", false},
        {"proxy.auth_type", "scram-sha-256", "scram-sha-256", true},
        {"proxy.ignore_startup_parameters", "a, b", "", true},
        {"proxy.max_packet_size", "1GB", "1GB", true},
        {"pool.pool_mode", "session", "transaction", true},
        {"pool.server_idle_timeout", "10min", "10min", true},
        {"monitor.password", "<hidden>", "", true},
        {"log.connections", "true", "true", true},
        {"server.two.weight", "3", "1", true},
        {"database.app.pool_size", "", "", true},
        {"user.u.password", "<hidden>", "", true},
        {"user.v.password", "", "", true},
    };
    for (const Expected& e : expected) {
        const auto row = std::ranges::find(rows, e.key, &ShowRow::key);
        ASSERT_NE(row, rows.end()) << e.key;
        EXPECT_EQ(row->value, e.value) << e.key;
        EXPECT_EQ(row->default_value, e.default_value) << e.key;
        EXPECT_EQ(row->changeable, e.changeable) << e.key;
    }
    // One row for each option of each block: two servers and two users, no rule of access, no discovery, one of the rest.
    EXPECT_EQ(rows.size(), options().size() + options_of("server").size() + options_of("user").size() -
                               options_of("access").size() - options_of("discovery").size());
}

TEST(Show, NeverAPassword) {
    for (const ShowRow& row : show(sample())) {
        EXPECT_EQ(row.value.find("hush"), std::string::npos) << row.key;
        EXPECT_EQ(row.default_value.find("hush"), std::string::npos) << row.key;
    }
}

std::vector<std::string> shown(const std::vector<Change>& changes) {
    static constexpr std::string_view kKinds[] = {"changed ", "added ", "removed "};
    std::vector<std::string> out;
    for (const Change& change : changes) {
        out.push_back(std::string(kKinds[static_cast<std::size_t>(change.kind)]) + change.key + ": " + change.before +
                      " -> " + change.after + (change.reloadable ? " reload" : " restart"));
    }
    return out;
}

TEST(Diff, NothingChanged) { EXPECT_TRUE(diff(sample(), sample()).empty()); }

TEST(Diff, NamesEveryChange) {
    Config after = sample();
    after.proxy.listen_port = 7000;
    after.pool.pool_mode = PoolMode::transaction;
    after.monitor.password = "other";
    after.routing.max_lag = Duration{500};
    after.servers[1].weight = 1;
    after.servers.erase(after.servers.begin());
    after.servers.push_back({.name = "three", .host = "h"});
    after.databases[0].pool_size = 5;
    after.users[1].admin = true;
    const std::vector<std::string> expected = {
        "changed proxy.listen_port: 6432 -> 7000 restart",
        "changed pool.pool_mode: session -> transaction reload",
        "changed routing.max_lag: 10s -> 500ms reload",
        "changed monitor.password: <hidden> -> <hidden> reload",
        "removed server.one:  ->  reload",
        "changed server.two.weight: 3 -> 1 reload",
        "added server.three:  ->  reload",
        "changed database.app.pool_size:  -> 5 reload",
        "changed user.v.admin: false -> true reload",
    };
    EXPECT_EQ(shown(diff(sample(), after)), expected);
}

TEST(Diff, TheOrderOfServersIsNoChange) {
    Config after = sample();
    std::ranges::reverse(after.servers);
    std::ranges::reverse(after.users);
    EXPECT_TRUE(diff(sample(), after).empty());
}

TEST(Diff, TheOrderOfRulesIsAChange) {
    Config before = sample();
    before.access = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
    Config after = before;
    std::swap(after.access[0], after.access[1]);
    EXPECT_EQ(shown(diff(before, after)), (std::vector<std::string>{"changed access: a, b, c -> b, a, c reload"}));
    after = before;
    after.access.erase(after.access.begin());
    EXPECT_EQ(shown(diff(before, after)), (std::vector<std::string>{"removed access.a:  ->  reload"}));
}

TEST(Diff, UsersOfTheFile) {
    Config before = sample(), after = sample();
    before.file_users = {{.name = "gone", .password = "p"}, {.name = "kept", .password = "p"}, {.name = "changed", .password = "p"}};
    after.file_users = {{.name = "changed", .password = "q"}, {.name = "kept", .password = "p"}, {.name = "new", .password = "p"}};
    EXPECT_EQ(shown(diff(before, after)),
              (std::vector<std::string>{"changed auth_file.changed.password: <hidden> -> <hidden> reload",
                                        "removed auth_file.gone:  ->  reload", "added auth_file.new:  ->  reload"}));
}

}  // namespace
}  // namespace pgweir::config
