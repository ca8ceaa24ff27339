#include "config/load.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "config/diff.hpp"
#include "support.hpp"

namespace pgweir::config {
namespace {

using std::chrono::milliseconds;
using Strings = std::vector<std::string>;

TEST(Load, TheLeastHasTheDefaults) {
    const Config config = load_text(kLeast, "t.toml");
    Config expected;
    expected.servers.push_back({.name = "a", .host = "127.0.0.1"});
    expected.databases.emplace_back().name = "app";
    EXPECT_TRUE(diff(expected, config).empty());
    EXPECT_EQ(config.proxy.listen_port, 6432);
    EXPECT_EQ(config.routing.max_lag, milliseconds(10'000));
    EXPECT_EQ(config.databases.at(0).pool_mode, std::nullopt);
}

TEST(Load, EveryTypeReachesItsMember) {
    const Config config = load_with(
        "pool_mode = \"session\"\npool_size = 7\nsplit = \"off\"\n"
        "[proxy]\nlisten_port = 0x1A0A\nauth_type = \"scram-sha-256\"\nmax_packet_size = \"16MB\"\n"
        "ignore_startup_parameters = [\"extra_float_digits\", \"x y\"]\n"
        "[pool]\nserver_lifetime = \"1d\"\nserver_idle_timeout = 15\nquery_wait_timeout = 0.25\n"
        "statement_cache_size = 1_048_576\n"
        "[routing]\nload_balance = \"least_connections\"\nmax_lag = 0\nmax_lag_bytes = 0\n"
        "[log]\nlevel = \"debug\"\nconnections = false\n"
        "[[user]]\nname = \"root\"\nadmin = true\npassword = \"p\\\"\u00e4\"\n"
        "[[server]]\nname = \"b\"\nhost = \"/run/postgresql\"\nport = 5433\nweight = 0\n");
    EXPECT_EQ(config.databases.at(0).pool_mode, PoolMode::session);
    EXPECT_EQ(config.databases.at(0).pool_size, 7U);
    EXPECT_EQ(config.databases.at(0).split, Split::off);
    EXPECT_EQ(config.databases.at(0).min_pool_size, std::nullopt);
    EXPECT_EQ(config.proxy.listen_port, 6666);
    EXPECT_EQ(config.proxy.auth_type, AuthType::scram_sha_256);
    EXPECT_EQ(config.proxy.max_packet_size, 16ULL << 20);
    EXPECT_EQ(config.proxy.ignore_startup_parameters, (Strings{"extra_float_digits", "x y"}));
    EXPECT_EQ(config.pool.server_lifetime, std::chrono::hours(24));
    EXPECT_EQ(config.pool.server_idle_timeout, milliseconds(15'000));
    EXPECT_EQ(config.pool.query_wait_timeout, milliseconds(250));
    EXPECT_EQ(config.pool.statement_cache_size, 1ULL << 20);
    EXPECT_EQ(config.routing.load_balance, Balance::least_connections);
    EXPECT_EQ(config.routing.max_lag, milliseconds(0));
    EXPECT_EQ(config.routing.max_lag_bytes, 0U);
    EXPECT_EQ(config.log.level, LogLevel::debug);
    EXPECT_FALSE(config.log.connections);
    EXPECT_TRUE(config.users.at(0).admin);
    EXPECT_EQ(config.users.at(0).password, "p\"\u00e4");
    ASSERT_EQ(config.servers.size(), 2U);
    EXPECT_EQ(config.servers[1].host, "/run/postgresql");
    EXPECT_EQ(config.servers[1].weight, 0U);
}

struct Case {
    std::string_view line;  // in line 7, under a section's heading in line 6
    std::string_view problem;
};

void expect_problems(std::string_view heading, std::span<const Case> cases) {
    for (const Case& c : cases) {
        const std::string more = std::string(heading) + '\n' + std::string(c.line) + '\n';
        EXPECT_EQ(problems_with(more), Strings{"t.toml:7:" + std::string(c.problem)}) << c.line;
    }
}

TEST(Load, UnknownKeys) {
    const Case cases[] = {
        {"listen_prt = 1", "1: proxy.listen_prt: unknown key; did you mean 'listen_port'?"},
        {"  LISTEN_PORT = 1", "3: proxy.LISTEN_PORT: unknown key; did you mean 'listen_port'?"},
        {"pool_mode = 1", "1: proxy.pool_mode: unknown key; did you mean 'pool.pool_mode'?"},
        {"zzz = 1", "1: proxy.zzz: unknown key"},
        {"listen_port_file = 1", "1: proxy.listen_port_file: unknown key; did you mean 'listen_port'?"},
    };
    expect_problems("[proxy]", cases);
    const Case passwords[] = {
        {"pasword_file = 1", "1: monitor.pasword_file: unknown key; did you mean 'password_file'?"},
        {"password_envv = 1", "1: monitor.password_envv: unknown key; did you mean 'password_env'?"},
    };
    expect_problems("[monitor]", passwords);
}

TEST(Load, WrongTypes) {
    const Case cases[] = {
        {"listen_port = \"6432\"", "15: proxy.listen_port: must be an integer, not a string; allowed: 1 to 65535"},
        {"listen_port = 1.5",
         "15: proxy.listen_port: must be an integer, not a number with a fraction; allowed: 1 to 65535"},
        {"listen_addr = 1", "15: proxy.listen_addr: must be a string, not an integer"},
        {"auth_type = true",
         "13: proxy.auth_type: must be one of the names, not true or false; allowed: \"trust\", \"password\", \"md5\", "
         "\"scram-sha-256\""},
        {"ignore_startup_parameters = \"x\"",
         "29: proxy.ignore_startup_parameters: must be an array of strings, not a string"},
        {"ignore_startup_parameters = [\"x\", 1]",
         "29: proxy.ignore_startup_parameters: must be an array of strings, but item 2 is an integer"},
        {"max_packet_size = 1.5",
         "19: proxy.max_packet_size: must be a size (\"64kB\", \"16MB\", \"1GB\" or a number of bytes), not a number "
         "with "
         "a fraction; allowed: 1kB to 1GB"},
        {"client_login_timeout = 1979-05-27",
         "24: proxy.client_login_timeout: must be a duration (\"500ms\", \"15s\", \"2min\", \"1h\", \"1d\" or a number "
         "of "
         "seconds), not a date or time; allowed: 100ms to 1h"},
        {"listen_port = { x = 1 }", "15: proxy.listen_port: must be an integer, not a table; allowed: 1 to 65535"},
        {"listen_port = [1]", "15: proxy.listen_port: must be an integer, not an array; allowed: 1 to 65535"},
    };
    expect_problems("[proxy]", cases);
    const Case flags[] = {
        {"connections = \"yes\"", "15: log.connections: must be true or false, not a string; allowed: true, false"},
    };
    expect_problems("[log]", flags);
}

TEST(Load, ValuesThatAreNotAllowed) {
    const Case cases[] = {
        {"listen_port = 0", "15: proxy.listen_port: 0 is out of range; allowed: 1 to 65535"},
        {"listen_port = 65536", "15: proxy.listen_port: 65536 is out of range; allowed: 1 to 65535"},
        {"listen_port = -1", "15: proxy.listen_port: -1 is out of range; allowed: 1 to 65535"},
        {"listen_port = 9223372036854775807",
         "15: proxy.listen_port: 9223372036854775807 is out of range; allowed: 1 to 65535"},
        {"workers = 65", "11: proxy.workers: 65 is out of range; allowed: 0 to 64"},
        {"max_packet_size = \"2GB\"", "19: proxy.max_packet_size: \"2GB\" is out of range; allowed: 1kB to 1GB"},
        {"max_packet_size = 1023", "19: proxy.max_packet_size: 1023 is out of range; allowed: 1kB to 1GB"},
        {"client_login_timeout = \"2h\"",
         "24: proxy.client_login_timeout: \"2h\" is out of range; allowed: 100ms to 1h"},
        {"client_login_timeout = 0", "24: proxy.client_login_timeout: 0 is out of range; allowed: 100ms to 1h"},
        {"client_login_timeout = 9223372036854775807",
         "24: proxy.client_login_timeout: 9223372036854775807 is out of range; allowed: 100ms to 1h"},
        {"client_login_timeout = -0.5", "24: proxy.client_login_timeout: -0.5 is out of range; allowed: 100ms to 1h"},
        {"client_login_timeout = nan", "24: proxy.client_login_timeout: nan is out of range; allowed: 100ms to 1h"},
        {"client_login_timeout = inf", "24: proxy.client_login_timeout: inf is out of range; allowed: 100ms to 1h"},
        {"client_login_timeout = \"15\"",
         "24: proxy.client_login_timeout: \"15\" is not a duration (\"500ms\", \"15s\", \"2min\", \"1h\", \"1d\" or a "
         "number of seconds); allowed: 100ms to 1h"},
        {"max_packet_size = \"1mb\"",
         "19: proxy.max_packet_size: \"1mb\" is not a size (\"64kB\", \"16MB\", \"1GB\" or a number of bytes); "
         "allowed: "
         "1kB to 1GB"},
        {"auth_type = \"scram\"",
         "13: proxy.auth_type: unknown value \"scram\"; allowed: \"trust\", \"password\", \"md5\", \"scram-sha-256\""},
        {"auth_type = \"plain\"",
         "13: proxy.auth_type: unknown value \"plain\"; allowed: \"trust\", \"password\", \"md5\", \"scram-sha-256\""},
        {"auth_type = \"scram_sha_256\"",
         "13: proxy.auth_type: unknown value \"scram_sha_256\"; allowed: \"trust\", \"password\", \"md5\", "
         "\"scram-sha-256\"; did you mean 'scram-sha-256'?"},
        {"listen_addr = \"\"", "15: proxy.listen_addr: must not be empty"},
        {"listen_addr = \"a\\u0000b\"", "15: proxy.listen_addr: must not contain a zero byte"},
        {"listen_addr = \"a\\nb\"", "15: proxy.listen_addr: must not contain control characters"},
        {"ignore_startup_parameters = [\"a\", \"\"]", "29: proxy.ignore_startup_parameters: item 2 must not be empty"},
    };
    expect_problems("[proxy]", cases);
}

TEST(Load, LongValuesAreCutInMessages) {
    const std::string umlauts = "\u00e4\u00f6\u00fc\u00df";
    std::string text = "x";  // so that the cut would fall within a character
    while (text.size() < 1000) text += umlauts;
    const auto problems = problems_with("[log]\nlevel = \"" + text + "\"\n");
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0], "t.toml:7:9: log.level: unknown value \"" + text.substr(0, 59) +
                               "\"...; allowed: \"debug\", \"info\", \"warning\", \"error\"");
}

TEST(Load, Sections) {
    EXPECT_EQ(
        problems_with("[pol]\n"),
        Strings{"t.toml:6:2: pol: unknown section; allowed: [proxy], [pool], [routing], [client_tls], [server_tls], [tcp], [monitor], [breaker], [http], [log], "
                "[[server]], [[discovery]], [[database]], [[user]], [[access]]; did you mean 'pool'?"});
    EXPECT_EQ(problems_of("listen_port = 1\n" + std::string(kLeast)),
              Strings{"t.toml:1:1: listen_port: unknown key outside a section; did you mean 'proxy.listen_port'?"});
    EXPECT_EQ(problems_with("[user]\nname = \"x\"\n"), Strings{"t.toml:6:2: user: must be written [[user]]"});
    EXPECT_EQ(problems_with("[[pool]]\n"), Strings{"t.toml:6:3: pool: must be written [pool]"});
    EXPECT_EQ(problems_of("user = [1]\n" + std::string(kLeast)), Strings{"t.toml:1:9: user: must be written [[user]]"});
}

TEST(Load, MissingRequiredKeys) {
    EXPECT_EQ(problems_with("[[server]]\n[[user]]\nadmin = true\n"),
              (Strings{"t.toml:6:1: server: the key 'name' is missing", "t.toml:6:1: server: the key 'host' is missing",
                       "t.toml:7:1: user: the key 'name' is missing"}));
    EXPECT_EQ(problems_with("[[user]]\nname = \"\"\n"), Strings{"t.toml:7:8: user.name: must not be empty"});
}

TEST(Load, EveryProblemIsReportedInTheOrderOfTheFile) {
    EXPECT_EQ(problems_with("pool_sice = 1\n[proxy]\nworkers = -1\nlisten_port = \"x\"\n[[user]]\nname = \"u\"\n"
                            "[[user]]\nname = \"u\"\n[log]\nlevel = \"infos\"\n"),
              (Strings{"t.toml:6:1: database.pool_sice: unknown key; did you mean 'pool_size'?",
                       "t.toml:8:11: proxy.workers: -1 is out of range; allowed: 0 to 64",
                       "t.toml:9:15: proxy.listen_port: must be an integer, not a string; allowed: 1 to 65535",
                       "t.toml:13:8: user.name: \"u\" is the name of another user, in line 11",
                       "t.toml:15:9: log.level: unknown value \"infos\"; allowed: \"debug\", \"info\", \"warning\", "
                       "\"error\"; did you mean 'info'?"}));
}

TEST(Load, SyntaxErrorsHaveTheirPlace) {
    const std::pair<std::string, std::string> cases[] = {
        {"[proxy\n", "t.toml:1:7: "},
        {"\n  listen_port 6432\n", "t.toml:2:15: "},
        {"[proxy]\nworkers = \n", "t.toml:2:"},
        {"a = 1\na = 2\n", "t.toml:2:5: "},
        {"a = \"x\n", "t.toml:1:"},
        {"a = \"\xff\"\n", "t.toml:1:"},
        // toml++ asserts on these two.
        {"# x\n\n[[[server]]]\nname = 1\n", "t.toml:3:1: "},
        {"[[[", "t.toml:1:1: "},
        // U+0494 outside a string is undefined behaviour in toml++ as it comes.
        {"a\u0494 = 1\n", "t.toml:1:"},
    };
    for (const auto& [text, place] : cases) {
        const auto problems = problems_of(text);
        ASSERT_EQ(problems.size(), 1U) << text;
        EXPECT_TRUE(problems[0].starts_with(place)) << problems[0];
        EXPECT_GT(problems[0].size(), place.size() + 5) << problems[0];
    }
}

std::string repeat(std::string_view piece, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += piece;
    return text;
}

TEST(Load, HostileNestingAndSizeAreRefused) {
    const std::string dots = repeat("a.", 100) + "a = ";
    const std::string cases[] = {
        repeat("[", 500'000),
        "a = " + repeat("[", 500'000),
        repeat("[\n", 500'000),
        "a = " + repeat("{ a = ", 100'000),
        // The deepest that both limits let pass.
        "a = [\n" + repeat("{ " + dots + "[\n", 15) + repeat("]}", 15) + "]\n",
        std::string(kMaxConfigSize + 1, '\n'),
    };
    for (const std::string& text : cases) EXPECT_FALSE(problems_of(text).empty());
    EXPECT_EQ(problems_of("# " + repeat(".", 5'000) + "\n\na" + repeat(".a", 250'000) + " = 1\n"),
              Strings{"t.toml:3:1: too many dots in this line; allowed: 100"});
    EXPECT_TRUE(problems_with("  # " + repeat(".", 5'000) + "\n").empty());
}

TEST(Load, WhatHoldsEveryProblemOnALine) {
    try {
        (void)load_text("[proxy]\nx = 1\n", "f.toml");
        FAIL() << "no error";
    } catch (const ConfigError& error) {
        EXPECT_EQ(std::string(error.what()),
                  "f.toml:1:1: server: there is no [[server]] and no [[discovery]]; at least one is needed\n"
                  "f.toml:1:1: database: there is no [[database]]; at least one is needed\n"
                  "f.toml:2:1: proxy.x: unknown key");
    }
}

TEST(LoadFile, ReadsAFileAndNamesItInProblems) {
    const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "pgweir_load_test.toml";
    std::ofstream(path) << kLeast;
    EXPECT_EQ(load_file(path).servers.at(0).name, "a");
    std::ofstream(path) << kLeast << "x = 1\n";
    try {
        (void)load_file(path);
        FAIL() << "no error";
    } catch (const ConfigError& error) {
        EXPECT_EQ(std::string(error.what()), path.string() + ":6:1: database.x: unknown key");
    }
    std::filesystem::remove(path);
}

TEST(LoadFile, WhatCannotBeReadIsAConfigError) {
    const std::pair<std::string, std::string> cases[] = {
        {"/nowhere/x.toml", "/nowhere/x.toml: cannot be read: No such file or directory"},
        {"/tmp", "/tmp: cannot be read: it is a directory"},
        {"/dev/zero", "/dev/zero: is longer than 1MB"}};
    for (const auto& [path, message] : cases) {
        try {
            (void)load_file(path);
            FAIL() << "no error";
        } catch (const ConfigError& error) {
            EXPECT_EQ(std::string(error.what()), message);
        }
    }
}

}  // namespace
}  // namespace pgweir::config
