#include "proxy/app/route_summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "proxy/app/route_command.hpp"

namespace pgweir::app {
namespace {

using testing::HasSubstr;
using testing::Not;

const sql::Allowlist kBuiltIn;

// The report with runs of spaces as one, which is how people read it.
std::string summary(const std::string& input, std::size_t top = 5) {
    std::istringstream in(input);
    std::ostringstream out;
    EXPECT_EQ(run_route(in, out, {.summary = true, .top = top}, kBuiltIn), 0);
    std::string text = out.str();
    for (std::size_t at = text.find("  "); at != std::string::npos; at = text.find("  ")) text.erase(at, 1);
    return text;
}

TEST(RouteSummary, SharesOfTextsAndCalls) {
    const std::string text = summary("query,calls\nSELECT $1,60\nSELECT app.f($1),30\nDELETE FROM t,10\n");
    EXPECT_THAT(text, HasSubstr(" texts calls share\nall 3 100 100.0 %\nreplica 1 60 60.0 %\nprimary 2 40 40.0 %\n"));
    EXPECT_THAT(text, HasSubstr("by reason\n read replica 1 60 60.0 %\n function_not_allowed primary 1 30 30.0 %\n write primary 1 10 10.0 %\n"));
    EXPECT_THAT(text, HasSubstr("reads that stay on the primary\n function_not_allowed\n 30 calls SELECT app.f($1)\n"));
    EXPECT_THAT(text, Not(HasSubstr("seconds")));
}

// What costs most comes first, not what is called most.
TEST(RouteSummary, WeighedByTime) {
    const std::string text = summary("query,calls,total_exec_time\nSELECT f(),100,1000\nSELECT g(),1,3000\n");
    EXPECT_THAT(text, HasSubstr("texts calls share seconds share\nall 2 101 100.0 % 4.0 100.0 %\n"));
    EXPECT_THAT(text, HasSubstr("1 calls 3.0 s SELECT g()\n 100 calls 1.0 s SELECT f()\n"));
}

TEST(RouteSummary, LiteralsAreNoDifferenceAndNotShown) {
    const std::string text = summary("SELECT f('secret', 1);\nSELECT f('other', 2) -- x\n;\n");
    EXPECT_THAT(text, HasSubstr("all 1 2 100.0 %"));
    EXPECT_THAT(text, HasSubstr("2 calls SELECT f(?, ?)\n"));
    EXPECT_THAT(text, Not(HasSubstr("secret")));
}

TEST(RouteSummary, TopTexts) {
    const std::string text = summary("SELECT f();\nSELECT f();\nSELECT g();\nSELECT h();\n", 1);
    EXPECT_THAT(text, HasSubstr("2 calls SELECT f()\n … and 2 texts more\n"));
    EXPECT_THAT(text, Not(HasSubstr("SELECT g()")));
}

// Writes are where they belong.
TEST(RouteSummary, OnlyWhatLooksLikeARead) {
    const std::string text = summary("INSERT INTO t VALUES (1);\nWITH x AS (DELETE FROM t RETURNING 1) SELECT 1;\nSELECT 1 INTO x;\nSHOW x;\n");
    EXPECT_THAT(text, HasSubstr("reads that stay on the primary\n none\n"));
    for (const std::string statement : {"SELECT 1 FOR UPDATE", "(SELECT f())", "VALUES (f())", "WITH x AS (SELECT 1) SELECT f()"}) {
        EXPECT_THAT(summary(statement + ";"), HasSubstr("1 calls " + std::string(statement == "(SELECT f())" ? "(SELECT f())" : "")));
    }
}

TEST(RouteSummary, SaysWhatItCannotKnow) {
    EXPECT_THAT(summary("BEGIN;\nBEGIN;\nSELECT 1;\n"), HasSubstr("2 calls of BEGIN"));
    EXPECT_THAT(summary("SELECT 1;\n"), Not(HasSubstr("BEGIN")));
    const std::string text = summary("query,calls\n<insufficient privilege>,7\nSELECT 1,1\n");
    EXPECT_THAT(text, HasSubstr("Not judged: 7 calls"));
    EXPECT_THAT(text, HasSubstr("all 1 1 100.0 %"));
}

TEST(RouteSummary, OfNothing) { EXPECT_THAT(summary(""), HasSubstr("all 0 0 0.0 %")); }

}  // namespace
}  // namespace pgweir::app
