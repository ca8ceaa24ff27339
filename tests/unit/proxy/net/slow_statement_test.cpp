#include "proxy/net/slow_statement.hpp"

#include <gtest/gtest.h>

namespace pgweir::net {
namespace {

using std::chrono::microseconds;

SlowStatement slow() {
    return {.took = microseconds(1'234'567),
            .waited = microseconds(20),
            .client = 7,
            .user = "app",
            .database = "shop",
            .address = "192.0.2.1",
            .application_name = "nightly \"report\"",
            .port = 50000,
            .server = "r1",
            .route = {routing::Target::replica, sql::Reason::read}};
}

session::SegmentText text(std::string_view query) {
    session::SegmentText text;
    text.turn_on();
    text.note(query, {});
    return text;
}

TEST(SlowLine, SaysWhatRanWhereAndWhy) {
    session::SegmentText said = text("select 'secret' from t");
    said.completed("SELECT 3");
    EXPECT_EQ(slow_line(slow(), said),
              "event=slow_statement duration_ms=1234.567 wait_ms=0.020 id=7 user=\"app\" database=\"shop\" addr=192.0.2.1:50000 "
              "application_name=\"nightly \\\"report\\\"\" server=r1 target=replica reason=read rows=3 statement=\"select ? from t\"");
}

TEST(SlowLine, SaysWhatWentWrong) {
    SlowStatement anonymous = slow();
    anonymous.application_name = {};
    session::SegmentText said = text("select 1");
    said.note("select 2", {});
    said.failed("57014");
    const std::string line = slow_line(anonymous, said);
    EXPECT_EQ(line.find("application_name"), std::string::npos);
    EXPECT_NE(line.find(" statements=2 sqlstate=57014 statement="), std::string::npos) << line;
}

// A name of the client's making stays one value of one line.
TEST(SlowLine, IsOneLine) {
    const std::string line = slow_line(slow(), text("select \"a\nb\" x=y from t"));
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_NE(line.find(R"(statement="select \"a?b\" x=y from t")"), std::string::npos) << line;
}

TEST(SlowLine, ALongStatementIsCutOnceOnly) {
    std::string query = "select a";
    while (query.size() < 1500) query += ",a";
    const std::string line = slow_line(slow(), text(query));
    const std::string shown = line.substr(line.find("statement=\"") + 11);
    EXPECT_EQ(shown.size(), session::SegmentText::kShown + 1);
}

}  // namespace
}  // namespace pgweir::net
