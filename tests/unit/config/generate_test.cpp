// The generated texts are the files in the tree. After a change of the table of options:
//   PGWEIR_WRITE_GENERATED=1 build/…/unit_config --gtest_filter='Generate.*'
#include "config/generate.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "config/diff.hpp"
#include "config/options.hpp"
#include "support.hpp"

namespace pgweir::config {
namespace {

const std::string kRoot = PGWEIR_SOURCE_DIR;
constexpr std::string_view kBegin = "<!-- options:begin (generated from config/options.cpp) -->\n";
constexpr std::string_view kEnd = "<!-- options:end -->";

std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool writing() { return std::getenv("PGWEIR_WRITE_GENERATED") != nullptr; }

// What example.toml must load to: the defaults, and the sample blocks.
Config expected_example() {
    Config config;
    config.servers.push_back({.name = "primary", .host = "127.0.0.1"});
    config.databases.emplace_back().name = "app";
    config.users.push_back({.name = "app", .password = "change me"});
    return config;
}

TEST(Generate, TheExampleFileIsGenerated) {
    const std::string path = kRoot + "/config/example.toml";
    if (writing()) std::ofstream(path, std::ios::binary) << example_toml();
    EXPECT_EQ(read(path), example_toml());
}

TEST(Generate, TheTablesOfTheDocumentationAreGenerated) {
    const std::string path = kRoot + "/docs/configuration.md";
    std::string text = read(path);
    const std::size_t begin = text.find(kBegin);
    const std::size_t end = text.find(kEnd);
    ASSERT_NE(begin, std::string::npos);
    ASSERT_NE(end, std::string::npos);
    const std::size_t from = begin + kBegin.size();
    ASSERT_LE(from, end);
    if (writing()) {
        text.replace(from, end - from, options_markdown());
        std::ofstream(path, std::ios::binary) << text;
    } else {
        EXPECT_EQ(text.substr(from, end - from), options_markdown());
    }
}

TEST(Generate, TheExampleFileLoadsToTheDefaults) {
    const std::vector<Change> changes = diff(expected_example(), load_file(kRoot + "/config/example.toml"));
    for (const Change& change : changes) ADD_FAILURE() << change.key << ": " << change.before << " -> " << change.after;
}

// Every commented default, taken in, is valid and is the default.
TEST(Generate, TheExampleFileWithEveryLineTakenInLoadsToTheDefaults) {
    std::istringstream lines(example_toml());
    std::string text;
    std::size_t taken = 0;
    for (std::string line; std::getline(lines, line);) {
        const bool is_default = line.size() > 1 && line[0] == '#' && line[1] != ' ';
        taken += is_default ? 1 : 0;
        text += (is_default ? line.substr(1) : line) + '\n';
    }
    std::size_t with_default = 0;
    for (const Section& section : sections()) {
        with_default += section.optional ? 1 : 0;  // its heading
        for (const Option& option : options_of(section.name)) with_default += option.sample.empty() || section.optional ? 1 : 0;
    }
    EXPECT_EQ(taken, with_default);

    Config expected = expected_example();
    expected.databases[0].pool_mode = expected.pool.pool_mode;
    expected.databases[0].pool_size = expected.pool.default_pool_size;
    expected.databases[0].min_pool_size = expected.pool.min_pool_size;
    expected.databases[0].split = expected.routing.split;
    expected.databases[0].on_session_state = expected.pool.on_session_state;
    expected.databases[0].consistency = expected.routing.consistency;
    expected.databases[0].split_percent = expected.routing.split_percent;
    expected.databases[0].shadow_verify_percent = expected.routing.shadow_verify_percent;
    expected.databases[0].read_preference = expected.users[0].read_preference = expected.routing.read_preference;
    expected.databases[0].max_lag = expected.users[0].max_lag = expected.routing.max_lag;
    expected.access.emplace_back().name = "local";
    Discovery& discovery = expected.discoveries.emplace_back();
    discovery.name = "replicas";
    discovery.host = "db.example.net";
    const std::vector<Change> changes = diff(expected, load_text(text, "example.toml"));
    for (const Change& change : changes) ADD_FAILURE() << change.key << ": " << change.before << " -> " << change.after;
}

TEST(Options, TheTableIsSound) {
    std::set<std::string> paths;
    std::size_t in_sections = 0;
    for (const Section& section : sections()) in_sections += options_of(section.name).size();
    EXPECT_EQ(in_sections, options().size()) << "the rows of a section must stand together";
    for (const Option& option : options()) {
        const std::string path = std::string(option.section) + '.' + std::string(option.key);
        EXPECT_TRUE(paths.insert(path).second) << path;
        EXPECT_EQ(find_option(path), &option) << path;
        EXPECT_TRUE(option.doc.ends_with('.')) << path;
        EXPECT_EQ(option.type == Type::choice, !option.choices.empty()) << path;
        EXPECT_TRUE(option.inherits.empty() || find_option(option.inherits) != nullptr) << path;
        EXPECT_TRUE(!option.required || !option.sample.empty()) << path;
    }
    EXPECT_EQ(find_option("proxy"), nullptr);
    EXPECT_EQ(find_option("proxy."), nullptr);
    EXPECT_EQ(find_option(""), nullptr);
}

TEST(Options, EveryDefaultIsInRange) {
    for (const Section& section : sections()) {
        for (const Option& option : options_of(section.name)) {
            const Value value = option.get(section.defaults());
            const auto* number = std::get_if<std::uint64_t>(&value);
            if (number == nullptr || option.type == Type::choice) continue;
            EXPECT_GE(*number, option.min) << section.name << '.' << option.key;
            EXPECT_LE(*number, option.max) << section.name << '.' << option.key;
        }
    }
}

// A setter that wrote to another row's member would be seen here.
TEST(Options, WhatIsSetIsGot) {
    for (const Section& section : sections()) {
        for (const Option& option : options_of(section.name)) {
            Config config;
            const Block block = section.add(config);
            const Value before = option.get(section.at(config, 0));
            Value other;
            switch (option.type) {
                case Type::boolean:
                    other = !std::get<bool>(before);
                    break;
                case Type::choice:
                    other = before == Value{std::uint64_t{0}} ? std::uint64_t{1} : std::uint64_t{0};
                    break;
                case Type::integer:
                case Type::duration:
                case Type::size:
                    other = before == Value{option.max} ? option.min : option.max;
                    break;
                case Type::text:
                    other = std::string("other");
                    break;
                case Type::text_list:
                    other = std::vector<std::string>{"other"};
                    break;
            }
            option.set(block, other);
            EXPECT_EQ(option.get(section.at(config, 0)), other) << section.name << '.' << option.key;
            std::size_t changed = 0;
            for (const Option& any : options_of(section.name)) {
                changed += any.get(section.at(config, 0)) != any.get(section.defaults()) ? 1 : 0;
            }
            EXPECT_EQ(changed, 1U) << section.name << '.' << option.key;
        }
    }
}

TEST(Demo, TheFileOfTheDemonstrationLoads) {
    const Config config = load_file(kRoot + "/config/demo.toml");
    ASSERT_EQ(config.servers.size(), 3U);
    EXPECT_EQ(config.servers[0].name, "primary");
    EXPECT_EQ(config.servers[2].name, "replica2");
    EXPECT_EQ(config.servers[2].port, 5442);
    EXPECT_EQ(config.monitor.interval, std::chrono::milliseconds(200));
    EXPECT_EQ(config.monitor.user, "pgweir_monitor");
    ASSERT_EQ(config.users.size(), 2U);
    EXPECT_TRUE(config.users[1].admin);
    // scripts/demo puts other ports in by sed.
    const std::string text = read(kRoot + "/config/demo.toml");
    for (const std::string line : {"\nlisten_port = 6432\n", "\nlisten_port = 9127\n", "\nport = 5440\n",
                                   "\nport = 5441\n", "\nport = 5442\n"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line;
    }
}

}  // namespace
}  // namespace pgweir::config
