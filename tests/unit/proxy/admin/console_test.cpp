#include "proxy/admin/console.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "proxy/admin/commands.hpp"
#include "tests/unit/proxy/admin/wire.hpp"
#include "tests/unit/proxy/admin/world.hpp"

namespace pgweir::admin {
namespace {

using test::WireAnswer;
using testing::ElementsAre;
using testing::HasSubstr;

const Session kAdmin{"alice", true};
const Session kUser{"bob", false};

class ConsoleTest : public testing::Test {
  protected:
    // Runs the command to its answer, of which there must be exactly one.
    WireAnswer run(std::string_view sql, const Session& who = kAdmin) {
        int answers = 0;
        std::string wire;
        console.execute(sql, who, [&](std::string bytes) {
            ++answers;
            wire = std::move(bytes);
        });
        world.io.restart();
        while (answers == 0 && world.io.run_one() != 0) {
        }
        EXPECT_EQ(answers, 1) << sql;
        const WireAnswer answer = test::decode(wire);
        EXPECT_EQ(answer.status, "I") << sql;
        EXPECT_TRUE(answer.tags.ends_with('Z')) << sql;
        return answer;
    }

    test::World world;
    Console console{world.io, world.sources};
};

TEST_F(ConsoleTest, EveryCommandAnswersRowsAndIsReached) {
    for (const Command& command : commands()) {
        if (command.takes_name || command.name == "RELOAD") continue;  // they show nothing, and have tests of their own
        const WireAnswer answer = run(std::string(command.name) + ";");
        EXPECT_TRUE(answer.tags.starts_with('T')) << command.name << ": " << answer.message;
        EXPECT_EQ(answer.complete, "SHOW") << command.name;
        EXPECT_FALSE(command.help.empty()) << command.name;
    }
}

TEST_F(ConsoleTest, PauseAnswersWhenTheServersAreFree) {
    std::vector<std::string> asked;
    world.sources.pause = [&](const std::string& database, std::function<void(bool)> done) {
        asked.push_back(database);
        boost::asio::post(world.io, [done] { done(true); });
        return true;
    };
    for (const std::string_view sql : {"PAUSE", "pause app;", "PAUSE \"App \"\"x\"", "PAUSE any-name_9.x ;; -- that is all"}) {
        EXPECT_EQ(run(sql).complete, "PAUSE") << sql;
    }
    EXPECT_THAT(asked, ElementsAre("", "app", "App \"x", "any-name_9.x"));
}

TEST_F(ConsoleTest, PauseMayBeEndedOrRefused) {
    world.sources.pause = [&](const std::string&, std::function<void(bool)> done) {
        boost::asio::post(world.io, [done] { done(false); });
        return true;
    };
    EXPECT_THAT(run("PAUSE").message, HasSubstr("RESUME came"));
    world.sources.pause = [](const std::string&, const std::function<void(bool)>&) { return false; };
    EXPECT_EQ(run("PAUSE app").message, "database app is paused already");
    EXPECT_EQ(run("PAUSE").message, "pgweir is paused already");
    world.config.databases.pop_back();  // "*"
    EXPECT_EQ(run("PAUSE nowhere").message, "no such database: nowhere");
}

TEST_F(ConsoleTest, ResumeSaysWhenThereIsNothingToResume) {
    std::set<std::string> paused{"app"};
    world.sources.resume = [&](const std::string& database) { return paused.erase(database) > 0; };
    EXPECT_EQ(run("RESUME app").complete, "RESUME");
    EXPECT_EQ(run("RESUME app").message, "database app is not paused");
    EXPECT_EQ(run("RESUME").message, "pgweir is not paused");
}

TEST_F(ConsoleTest, PauseIsForAdministratorsAndOneName) {
    EXPECT_THAT(run("PAUSE", kUser).message, HasSubstr("only an administrator"));
    for (const std::string_view sql : {"PAUSE a b", "PAUSE \"a", "PAUSE \"\"", "PAUSE a\"b\"", "PAUSE a; RESUME", "PAUSED"}) {
        EXPECT_THAT(run(sql).message, HasSubstr("invalid command")) << sql;
    }
}

TEST_F(ConsoleTest, ParsingTakesCaseSpaceCommentsAndSemicolons) {
    for (const std::string_view sql :
         {"SHOW VERSION", "show version;", " \n\tShow\r\n  Version ; ;", "/* a /* b */ c */ show version",
          "-- hello\nshow version", "show/**/version--end", "show version; -- end"}) {
        const WireAnswer answer = run(sql);
        EXPECT_EQ(answer.at(0, "version"), "pgweir 9.8.7") << sql;
    }
}

TEST_F(ConsoleTest, UnknownCommandsAreRefused) {
    for (const std::string_view sql : {"SHOW", "SHOW POOL", "SHOWPOOLS", "SHOW POOLS STATS", "SHOW POOLS; SHOW STATS",
                                       "BEGIN", "select version()", "SHOW \"POOLS\"", "/* only", "SHOW /* POOLS"}) {
        const WireAnswer answer = run(sql);
        if (sql == "/* only") {
            EXPECT_EQ(answer.tags, "IZ");
            continue;
        }
        EXPECT_EQ(answer.tags, "EZ") << sql;
        EXPECT_EQ(answer.sqlstate, "42601") << sql;
        EXPECT_EQ(answer.message, "invalid command '" + std::string(sql) + "', use SHOW HELP;");
    }
}

TEST_F(ConsoleTest, AnErrorRepeatsAtMostAHundredBytesInUtf8) {
    const WireAnswer answer = run(std::string(1 << 20, 'x'));
    EXPECT_EQ(answer.message, "invalid command '" + std::string(100, 'x') + "...', use SHOW HELP;");
    EXPECT_EQ(run("\xff\xfe hello\xc3").message, "invalid command '?? hello?', use SHOW HELP;");
}

TEST_F(ConsoleTest, AnEmptyQueryIsEmpty) {
    for (const std::string_view sql : {"", " ", ";", ";;\n", "-- nothing"}) EXPECT_EQ(run(sql).tags, "IZ") << sql;
}

TEST_F(ConsoleTest, SetIsIgnored) {
    const WireAnswer answer = run("SET extra_float_digits=3;", kUser);
    EXPECT_EQ(answer.tags, "CZ");
    EXPECT_EQ(answer.complete, "SET");
}

// semantics.md I: an admin command without an admin check.
TEST_F(ConsoleTest, RightsAreCheckedForEveryCommand) {
    std::size_t refused = 0;
    for (const Command& command : commands()) {
        const WireAnswer answer = run(command.name, kUser);
        if (command.right == Right::user) {
            EXPECT_TRUE(answer.tags.starts_with('T')) << command.name;
            continue;
        }
        ++refused;
        EXPECT_EQ(answer.tags, "EZ") << command.name;
        EXPECT_EQ(answer.sqlstate, "42501") << command.name;
    }
    EXPECT_GE(refused, 1u);
    EXPECT_EQ(run("show /* x */ config", kUser).sqlstate, "42501");
}

// semantics.md I: a console command that prints a password.
TEST_F(ConsoleTest, NoCommandPrintsAPassword) {
    for (const Command& command : commands()) {
        for (const auto& row : run(command.name).rows) {
            for (const auto& cell : row) {
                if (cell) {
                    EXPECT_THAT(*cell, testing::Not(HasSubstr("secret"))) << command.name;
                }
            }
        }
    }
}

TEST_F(ConsoleTest, ReloadSaysWhatCameOfIt) {
    EXPECT_EQ(run("RELOAD", kUser).sqlstate, "42501");
    ReloadResult result;
    world.sources.reload = [&](const ReloadDone& done) { boost::asio::post(world.io, [&result, done] { done(result); }); };
    EXPECT_EQ(run("reload;").complete, "RELOAD");
    EXPECT_EQ(run("RELOAD").tags, "CZ");
    result.needs_restart = {"proxy.listen_port", "log.file"};
    EXPECT_EQ(run("RELOAD").tags, "NNCZ") << "a warning for each";
    result.error = "f.toml:3:1: pool.x: unknown key";
    const WireAnswer answer = run("RELOAD");
    EXPECT_EQ(answer.tags, "EZ");
    EXPECT_EQ(answer.sqlstate, "F0000");
    EXPECT_EQ(answer.message, result.error);
}

TEST_F(ConsoleTest, SilentWorkersAreAnError) {
    world.workers_answer = false;
    const WireAnswer answer = run("SHOW POOLS");
    EXPECT_EQ(answer.tags, "EZ");
    EXPECT_EQ(answer.sqlstate, "57014");
}

TEST_F(ConsoleTest, HelpListsEveryCommand) {
    const WireAnswer answer = run("SHOW HELP", kUser);
    ASSERT_EQ(answer.rows.size(), commands().size());
    for (std::size_t i = 0; i < commands().size(); ++i) {
        EXPECT_EQ(answer.at(i, "command"), commands()[i].name);
        EXPECT_EQ(answer.at(i, "needs"), commands()[i].right == Right::admin ? "admin" : "user");
    }
}

TEST_F(ConsoleTest, StateFollowsReadiness) {
    EXPECT_EQ(run("SHOW STATE").at(0, "value"), "yes");
    world.not_ready = "shutting down";
    EXPECT_EQ(run("SHOW STATE").at(0, "value"), "no");
}

TEST_F(ConsoleTest, ConfigHasEverySetting) {
    world.config.proxy.listen_port = 7777;
    const WireAnswer answer = run("SHOW CONFIG");
    EXPECT_THAT(answer.column_names(), ElementsAre("key", "value", "default", "changeable"));
    bool found = false;
    for (std::size_t i = 0; i < answer.rows.size(); ++i) {
        EXPECT_THAT(answer.at(i, "changeable"), testing::AnyOf("yes", "no"));
        if (answer.at(i, "key") != "proxy.listen_port") continue;
        found = true;
        EXPECT_EQ(answer.at(i, "value"), "7777");
        EXPECT_EQ(answer.at(i, "default"), "6432");
    }
    EXPECT_TRUE(found);
}

}  // namespace
}  // namespace pgweir::admin
