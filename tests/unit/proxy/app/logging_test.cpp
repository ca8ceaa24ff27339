#include "proxy/app/logging.hpp"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

namespace pgweir::app {
namespace {

class LoggingTest : public testing::Test {
  protected:
    std::shared_ptr<spdlog::logger> logger(config::LogLevel level) {
        return make_logger(std::make_shared<spdlog::sinks::ostream_sink_mt>(out), level);
    }
    std::ostringstream out;
};

TEST_F(LoggingTest, OneLineAnEventInUtc) {
    const auto log = logger(config::LogLevel::debug);
    log->info("event=listening port={}", 6432);
    log->debug("event=d");
    log->warn("event=w");
    log->error("event=e");
    const std::string time = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z";
    const std::regex expected(time + " level=info event=listening port=6432\n" + time + " level=debug event=d\n" +
                              time + " level=warning event=w\n" + time + " level=error event=e\n");
    EXPECT_TRUE(std::regex_match(out.str(), expected)) << out.str();
}

TEST_F(LoggingTest, LevelsBelowAreSilent) {
    const std::vector<std::pair<config::LogLevel, int>> cases = {{config::LogLevel::debug, 4},
                                                                 {config::LogLevel::info, 3},
                                                                 {config::LogLevel::warning, 2},
                                                                 {config::LogLevel::error, 1}};
    for (const auto& [level, lines] : cases) {
        out.str("");
        const auto log = logger(level);
        log->debug("x");
        log->info("x");
        log->warn("x");
        log->error("x");
        const std::string text = out.str();
        EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), lines);
    }
}

// A client's name must not be able to forge a second event.
TEST_F(LoggingTest, ControlCharactersAreEscaped) {
    logger(config::LogLevel::info)->info("user={}", "a\nlevel=error\r\x1b[2J\x7f ü");
    EXPECT_NE(out.str().find("user=a\\x0alevel=error\\x0d\\x1b[2J\\x7f ü\n"), std::string::npos) << out.str();
    const std::string text = out.str();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

std::string contents(const std::filesystem::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ReopenLog, FollowsTheNameAndNotTheFile) {
    const auto before = spdlog::default_logger();
    const std::filesystem::path folder = testing::TempDir() + "pgweir_rotate_" + std::to_string(::getpid());
    config::Log log;
    log.file = folder / "log";
    set_up_logging(log);
    spdlog::info("event=first");
    std::filesystem::rename(folder / "log", folder / "old");
    spdlog::info("event=second");
    reopen_log();
    spdlog::info("event=third");
    EXPECT_EQ(std::filesystem::exists(folder / "log"), true);
    EXPECT_TRUE(contents(folder / "old").ends_with("event=second\n")) << contents(folder / "old");
    EXPECT_TRUE(contents(folder / "log").ends_with("event=third\n"));
    EXPECT_EQ(contents(folder / "log").find("second"), std::string::npos);

    std::filesystem::rename(folder / "log", folder / "older");
    std::filesystem::create_directory(folder / "log");
    reopen_log();
    EXPECT_NE(contents(folder / "older").find("event=log_not_reopened"), std::string::npos);
    spdlog::set_default_logger(before);
    reopen_log();  // to standard error: nothing
    std::filesystem::remove_all(folder);
}

TEST(SetUpLogging, AppendsToTheFileAtOnceAndChangesLevel) {
    const auto before = spdlog::default_logger();
    const std::string path = testing::TempDir() + "pgweir_log_" + std::to_string(::getpid());
    std::ofstream(path) << "old\n";
    config::Log log;
    log.file = path;
    set_up_logging(log);
    spdlog::info("event=first");
    spdlog::debug("event=hidden");
    set_log_level(config::LogLevel::debug);
    spdlog::debug("event=second");
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    EXPECT_TRUE(text.str().starts_with("old\n"));
    EXPECT_NE(text.str().find("level=info event=first\n"), std::string::npos);
    EXPECT_EQ(text.str().find("hidden"), std::string::npos);
    EXPECT_NE(text.str().find("level=debug event=second\n"), std::string::npos);
    spdlog::set_default_logger(before);
    std::filesystem::remove(path);
}

TEST(SetUpLogging, AFileThatCannotBeOpenedIsAnError) {
    config::Log log;
    log.file = "/dev/null/pgweir.log";
    EXPECT_THROW(set_up_logging(log), std::runtime_error);
}

}  // namespace
}  // namespace pgweir::app
