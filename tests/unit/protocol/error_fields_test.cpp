#include "protocol/error_fields.hpp"

#include <gtest/gtest.h>

#include <string>

#include "protocol/frame.hpp"
#include "protocol/message.hpp"

namespace pgweir::protocol {
namespace {

using namespace std::string_literals;

TEST(ErrorFields, ReadsAServersError) {
    const std::string body = "SFEHLER\0VERROR\0C25006\0Mnope\0Fxact.c\0L12\0RPreventCommandIfReadOnly\0\0"s;
    const ErrorFields fields = parse_error_fields(as_bytes(body));
    EXPECT_EQ(fields.severity, "ERROR");
    EXPECT_EQ(fields.code, "25006");
    EXPECT_EQ(fields.message, "nope");
    EXPECT_EQ(fields.routine, "PreventCommandIfReadOnly");
}

TEST(ErrorFields, FallsBackToTheLocalisedSeverity) {
    EXPECT_EQ(parse_error_fields(as_bytes("SFATAL\0C57P03\0\0"s)).severity, "FATAL");
}

// semantics.md I: an error without SQLSTATE, and worse.
TEST(ErrorFields, ToleratesMalformedBodies) {
    EXPECT_EQ(parse_error_fields({}).code, "");
    EXPECT_EQ(parse_error_fields(as_bytes("\0"s)).code, "");
    EXPECT_EQ(parse_error_fields(as_bytes("SERROR\0Mno code\0\0"s)).code, "");
    EXPECT_EQ(parse_error_fields(as_bytes("SERROR\0Mno code\0\0"s)).message, "no code");
    EXPECT_EQ(parse_error_fields(as_bytes("C\0\0"s)).code, "");
    EXPECT_EQ(parse_error_fields(as_bytes("\0C25006\0"s)).code, "");  // behind the end
    EXPECT_EQ(parse_error_fields(as_bytes("C25006"s)).code, "");      // a field without an end
    EXPECT_EQ(parse_error_fields(as_bytes("C25006\0Mtrunc"s)).code, "25006");
}

TEST(ErrorFields, EveryTruncationOfOurOwnErrorIsRead) {
    std::string out;
    append_error(out, "FATAL", "28P01", "no", "detail", "hint");
    const std::string body = out.substr(kHeaderSize);
    for (std::size_t i = 0; i <= body.size(); ++i) {
        const ErrorFields fields = parse_error_fields(as_bytes(body).first(i));
        EXPECT_TRUE(fields.code.empty() || fields.code == "28P01") << i;
    }
    EXPECT_EQ(parse_error_fields(as_bytes(body)).message, "no");
}

}  // namespace
}  // namespace pgweir::protocol
