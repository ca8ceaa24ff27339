#include "proxy/app/route_command.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace pgweir::app {
namespace {

const sql::Allowlist kBuiltIn;

// Each line parsed by another's JSON parser, so that it is known to be JSON.
std::vector<std::string> run(const std::string& input, bool nul_separated = false) {
    std::istringstream in(input);
    std::ostringstream out;
    EXPECT_EQ(run_route(in, out, {.nul_separated = nul_separated}, kBuiltIn), 0);
    std::vector<std::string> lines;
    std::istringstream output(out.str());
    for (std::string line; std::getline(output, line);) {
        const boost::json::object object = boost::json::parse(line).as_object();
        lines.push_back(std::string(object.at("target").as_string()) + " " +
                        std::string(object.at("reason").as_string()) + " " + std::string(object.at("sql").as_string()));
    }
    return lines;
}

using Lines = std::vector<std::string>;

TEST(RouteCommand, Format) {
    std::istringstream in("SELECT 1;\n");
    std::ostringstream out;
    EXPECT_EQ(run_route(in, out, {}, kBuiltIn), 0);
    EXPECT_EQ(out.str(), "{\"target\": \"replica\", \"reason\": \"read\", \"sql\": \"SELECT 1\"}\n");
}

TEST(RouteCommand, StatementsEndAtASemicolonThatEndsALine) {
    EXPECT_EQ(run("SELECT 1;\nDELETE FROM t\nWHERE a;  \r\n\n SELECT 2"),
              (Lines{"replica read SELECT 1", "primary write DELETE FROM t\nWHERE a", "replica read SELECT 2"}));
    EXPECT_EQ(run("SELECT 1; SELECT 2;\n"), (Lines{"primary multiple_statements SELECT 1; SELECT 2"}));
    EXPECT_EQ(run("DO $$ BEGIN\nNULL;\nEND $$;\nSELECT ';\n';\n"),
              (Lines{"primary do_or_call DO $$ BEGIN\nNULL;\nEND $$", "replica read SELECT ';\n'"}));
    EXPECT_EQ(run(""), Lines{});
    EXPECT_EQ(run(" \n"), Lines{});
    EXPECT_EQ(run(";\n"), Lines{"primary empty "});
}

// A quote without an end does not swallow the rest of the file.
TEST(RouteCommand, BrokenStatementsStayAlone) {
    EXPECT_EQ(run("SELECT 'x;\nSELECT 1;\n"), (Lines{"primary syntax SELECT 'x", "replica read SELECT 1"}));
}

TEST(RouteCommand, NulSeparated) {
    EXPECT_EQ(run(std::string("SELECT 1;\nSELECT 2\0 SELECT 3\0", 29), true),
              (Lines{"primary multiple_statements SELECT 1;\nSELECT 2", "replica read  SELECT 3"}));
    EXPECT_EQ(run(std::string("\0SELECT 1", 9), true), (Lines{"primary empty ", "replica read SELECT 1"}));
}

TEST(RouteCommand, OutputIsJsonWhateverTheBytes) {
    std::string all;
    for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
    EXPECT_EQ(run(all, true).size(), 1U);
    EXPECT_EQ(json_quoted("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\x98"), "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\x98\"");
    EXPECT_EQ(json_quoted("a\xC3"), "\"a\\ufffd\"");
    EXPECT_EQ(json_quoted("\xC0\x80"), "\"\\ufffd\\ufffd\"");
    EXPECT_EQ(json_quoted("\xED\xA0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
    EXPECT_EQ(json_quoted("\xF4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
    EXPECT_EQ(json_quoted("\"\\\n\x01"), "\"\\\"\\\\\\n\\u0001\"");
}

TEST(RouteCommand, FunctionsOfTheConfiguration) {
    std::istringstream in("SELECT my_function(1);");
    std::ostringstream out;
    EXPECT_EQ(run_route(in, out, {}, sql::Allowlist({"my_function"}, {})), 0);
    EXPECT_NE(out.str().find("\"replica\""), std::string::npos);
}

TEST(RouteCommand, AFailedOutputIsReported) {
    std::istringstream in("SELECT 1;");
    std::ostringstream out;
    out.setstate(std::ios::badbit);
    EXPECT_EQ(run_route(in, out, {}, kBuiltIn), 1);
}

TEST(RouteCommand, OtherFormats) {
    EXPECT_EQ(run("query,calls\nSELECT $1,3\nDELETE FROM t,1\n"), (Lines{"replica read SELECT $1", "primary write DELETE FROM t"}));
    EXPECT_EQ(run("[1] LOG:  duration: 1.5 ms  statement: SELECT 1\n[1] LOG:  execute s: DELETE\n\tFROM t\n"),
              (Lines{"replica read SELECT 1", "primary write DELETE\nFROM t"}));
    std::istringstream in("query\n;\n");
    std::ostringstream out;
    EXPECT_EQ(run_route(in, out, {.format = SourceFormat::sql}, kBuiltIn), 0);
    EXPECT_NE(out.str().find("\"sql\": \"query\""), std::string::npos) << "as asked, whatever it looks like";
}

}  // namespace
}  // namespace pgweir::app
