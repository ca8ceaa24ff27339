#include "proxy/app/statement_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "proxy/app/csv.hpp"

namespace pgweir::app {
namespace {

using testing::ElementsAre;

// "calls x ms: text" each; without what is not known.
std::vector<std::string> read(void (*reader)(Input&, const TakeSample&), const std::string& text) {
    std::istringstream stream(text);
    Input in(stream);
    std::vector<std::string> samples;
    reader(in, [&](const Sample& sample) {
        std::ostringstream line;
        if (sample.calls != 1) line << sample.calls << " x ";
        if (sample.total_ms) line << *sample.total_ms << " ms: ";
        line << sample.text;
        samples.push_back(line.str());
    });
    return samples;
}

TEST(Input, LinesAcrossChunks) {
    std::string text;
    std::vector<std::string> expected;
    for (std::size_t length : {std::size_t{0}, std::size_t{1}, Input::kChunk - 3, Input::kChunk, 2 * Input::kChunk + 1, std::size_t{5}}) {
        expected.emplace_back(length, 'x');
        text += expected.back() + '\n';
    }
    for (const bool ended : {true, false}) {
        std::istringstream stream(ended ? text : text.substr(0, text.size() - 1));
        Input in(stream);
        EXPECT_EQ(in.peek().size(), Input::kChunk);
        std::vector<std::string> lines;
        for (std::string line; in.line(line);) lines.push_back(line);
        EXPECT_EQ(lines, expected);
    }
}

TEST(Input, TheRestBehindALine) {
    std::istringstream stream("a\nb\n" + std::string(Input::kChunk, 'c'));
    Input in(stream);
    std::string line;
    EXPECT_TRUE(in.line(line));
    EXPECT_EQ(in.rest(), "b\n" + std::string(Input::kChunk, 'c'));
    EXPECT_FALSE(in.line(line));
}

TEST(Csv, Records) {
    std::istringstream stream("a,b\r\n\"x, \"\"y\"\"\",\"two\nlines\"\n,\n\"open\n,");
    Input in(stream);
    CsvReader csv(in);
    std::vector<std::string> fields;
    ASSERT_TRUE(csv.next(fields));
    EXPECT_THAT(fields, ElementsAre("a", "b"));
    ASSERT_TRUE(csv.next(fields));
    EXPECT_THAT(fields, ElementsAre("x, \"y\"", "two\nlines"));
    ASSERT_TRUE(csv.next(fields));
    EXPECT_THAT(fields, ElementsAre("", ""));
    ASSERT_TRUE(csv.next(fields));
    EXPECT_THAT(fields, ElementsAre("open\n,"));
    EXPECT_FALSE(csv.next(fields));
}

TEST(StatementsOfCsv, PgStatStatements) {
    EXPECT_THAT(read(&read_csv, "query,calls,total_exec_time\n\"SELECT $1,\n\"\"a\"\"\",3,1.5\nCOMMIT,2,0\n,9,9\n"),
                ElementsAre("3 x 1.5 ms: SELECT $1,\n\"a\"", "2 x 0 ms: COMMIT"));
    EXPECT_THAT(read(&read_csv, "userid,Total_Time,QUERY\n10,2.25,SELECT 1\n"), ElementsAre("2.25 ms: SELECT 1"));
    EXPECT_THAT(read(&read_csv, "query\nSELECT 1\n"), ElementsAre("SELECT 1"));
    EXPECT_THAT(read(&read_csv, "query,calls\nSELECT 1\nSELECT 2,many\n"), ElementsAre("SELECT 1", "SELECT 2")) << "short and odd records";
    EXPECT_THAT(read(&read_csv, ""), ElementsAre());
    EXPECT_THROW(read(&read_csv, "calls,total_exec_time\n1,2\n"), std::runtime_error);
}

std::string csvlog(const std::string& severity, const std::string& message) {
    return "2026-01-01 00:00:00.000 UTC,\"app\",\"app\",12,\"[local]\",65a.c,1,\"SELECT\",2026-01-01 00:00:00 UTC,3/4,0," + severity +
           ",00000,\"" + message + "\",,,,,,,,,\"psql\",\"client backend\",,0\n";
}

TEST(StatementsOfCsv, Csvlog) {
    EXPECT_THAT(read(&read_csv, csvlog("LOG", "statement: SELECT \"\"a\"\"\nFROM t;") + csvlog("ERROR", "statement: SELECT 2") +
                                    csvlog("LOG", "duration: 12.5 ms  execute s1: SELECT $1")),
                ElementsAre("SELECT \"a\"\nFROM t", "12.5 ms: SELECT $1"));
}

TEST(StatementsOfLog, MessagesThatAreStatements) {
    EXPECT_THAT(read(&read_log,
                     "2026-01-01 00:00:00 UTC [12] app@app LOG:  statement: SELECT 1;\n"
                     "LOG:  duration: 0.125 ms  statement: SELECT 2\n"
                     "[3] LOG:  execute <unnamed>: SELECT $1\n"
                     "[3] DETAIL:  parameters: $1 = 'LOG:  statement: no'\n"
                     "[3] LOG:  duration: 7.5 ms  execute s/portal: SELECT $1 || ': '\r\n"
                     "x:LOG:  statement: select a\n"
                     "\tfrom t\n"
                     "\t\twhere b\n"
                     "[3] LOG:  statement: SELECT last"),
                ElementsAre("SELECT 1", "0.125 ms: SELECT 2", "SELECT $1", "7.5 ms: SELECT $1 || ': '", "select a\nfrom t\n\twhere b", "SELECT last"));
}

TEST(StatementsOfLog, MessagesThatAreNone) {
    EXPECT_THAT(read(&read_log,
                     "LOG:  checkpoint starting: time\n"
                     "\tcontinued\n"
                     "LOG:  duration: 1.0 ms\n"
                     "LOG:  duration: 1.0 ms  parse s: SELECT 1\n"
                     "LOG:  duration: 1.0 ms  bind s: SELECT 1\n"
                     "LOG:  duration: 1.0 ms  plan:\n"
                     "\tQuery Text: SELECT 1\n"
                     "LOG:  execute fetch from s/p: SELECT 1\n"
                     "LOG:  execute\n"
                     "ERROR:  syntax error\n"
                     "STATEMENT:  SELECT wrong\n"
                     "CATALOG:  statement: SELECT 1\n"
                     "\tstatement: SELECT 2\n"),
                ElementsAre());
}

TEST(DetectFormat, ByWhatComesFirst) {
    EXPECT_EQ(detect_format(""), SourceFormat::sql);
    EXPECT_EQ(detect_format("SELECT a, query, calls FROM x;\n"), SourceFormat::sql);
    EXPECT_EQ(detect_format("select a,query from x;\n"), SourceFormat::sql);
    EXPECT_EQ(detect_format("-- LOG:  statement: none\nSELECT 'LOG:  x';\n"), SourceFormat::sql);
    EXPECT_EQ(detect_format("query\nSELECT 1\n"), SourceFormat::csv);
    EXPECT_EQ(detect_format("userid,\"query\",calls\r\n1,SELECT 1,2\n"), SourceFormat::csv);
    EXPECT_EQ(detect_format(csvlog("LOG", "x")), SourceFormat::csv);
    EXPECT_EQ(detect_format("2026-01-01 00:00:00.1 UTC [1] LOG:  starting PostgreSQL\n"), SourceFormat::log);
    EXPECT_EQ(detect_format("2026-01-01 00:00:00.1 UTC [1] FATAL:  no\n2026-01-01 00:00:00.1 UTC [1] LOG:  x\n"), SourceFormat::log);
    EXPECT_EQ(detect_format("LOG:  statement: SELECT 1\n"), SourceFormat::log);
}

}  // namespace
}  // namespace pgweir::app
