#include "protocol/message.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "protocol/frame.hpp"

namespace pgweir::protocol {
namespace {

using namespace std::string_literals;
using Append = std::function<void(std::string&)>;

std::string made(const Append& append) {
    std::string out;
    append(out);
    return out;
}

TEST(Message, BytesAreThoseOfTheDocumentation) {
    struct Case {
        const char* name;
        Append append;
        std::string expected;
    };
    const Case cases[] = {
        {"error", [](auto& o) { append_error(o, "ERROR", "42601", "m", "d", "h"); },
         "E\0\0\0\x23SERROR\0VERROR\0C42601\0Mm\0Dd\0Hh\0\0"s},
        {"notice", [](auto& o) { append_notice(o, "NOTICE", "00000", "m"); },
         "N\0\0\0\x1fSNOTICE\0VNOTICE\0C00000\0Mm\0\0"s},
        {"status", [](auto& o) { append_parameter_status(o, "a", "b"); },
         "S\0\0\0\x08"
         "a\0b\0"s},
        {"key", [](auto& o) { append_backend_key_data(o, 7, "\1\2\3\4"); }, "K\0\0\0\x0c\0\0\0\7\1\2\3\4"s},
        {"ready", [](auto& o) { append_ready_for_query(o, 'I'); }, "Z\0\0\0\5I"s},
        {"complete", [](auto& o) { append_command_complete(o, "SELECT 1"); }, "C\0\0\0\x0dSELECT 1\0"s},
        {"columns", [](auto& o) { append_row_description(o, std::array<std::string_view, 1>{"c"}); },
         "T\0\0\0\x1a\0\1c\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0"s},
        {"row",
         [](auto& o) {
             append_data_row(o, std::array<std::string_view, 2>{"ab", ""});
         },
         "D\0\0\0\x10\0\2\0\0\0\2ab\0\0\0\0"s},
        {"no data", [](auto& o) { append_no_data(o); }, "n\0\0\0\4"s},
        {"negotiate", [](auto& o) { append_negotiate_protocol_version(o, 2, std::array<std::string, 1>{"_pq_.x"}); },
         "v\0\0\0\x13\0\3\0\2\0\0\0\1_pq_.x\0"s},
        {"query", [](auto& o) { append_query(o, "X"); }, "Q\0\0\0\6X\0"s},
        {"parse", [](auto& o) { append_parse_tail(o, "n", "X\0\0\0"s); }, "P\0\0\0\x0an\0X\0\0\0"s},
        {"close", [](auto& o) { append_close(o, 'S', "n"); }, "C\0\0\0\7Sn\0"s},
        {"describe", [](auto& o) { append_describe(o, 'P', ""); }, "D\0\0\0\6P\0"s},
        {"sync", [](auto& o) { append_sync(o); }, "S\0\0\0\4"s},
        {"flush", [](auto& o) { append_flush(o); }, "H\0\0\0\4"s},
        {"terminate", [](auto& o) { append_terminate(o); }, "X\0\0\0\4"s},
        {"copy fail", [](auto& o) { append_copy_fail(o, "w"); }, "f\0\0\0\6w\0"s},
        {"password", [](auto& o) { append_password(o, "p"); }, "p\0\0\0\6p\0"s},
        {"sasl initial", [](auto& o) { append_sasl_initial_response(o, "M", "xy"); }, "p\0\0\0\x0cM\0\0\0\0\2xy"s},
        {"sasl", [](auto& o) { append_sasl_response(o, "xy"); }, "p\0\0\0\6xy"s},
        {"cancel", [](auto& o) { append_cancel_request(o, 7, "abcd"); }, "\0\0\0\x10\4\xd2\x16\x2e\0\0\0\7abcd"s},
        {"ok", [](auto& o) { append_authentication(o, kAuthOk); }, "R\0\0\0\x08\0\0\0\0"s},
        {"md5", [](auto& o) { append_authentication(o, kAuthMd5, "salt"); }, "R\0\0\0\x0c\0\0\0\5salt"s},
        {"startup",
         [](auto& o) {
             append_startup(o, 0x30000, std::vector<std::pair<std::string, std::string>>{{"user", "u"}, {"", "x"}});
         },
         "\0\0\0\x10\0\3\0\0user\0u\0\0"s},
    };
    for (const Case& c : cases) EXPECT_EQ(made(c.append), c.expected) << c.name;
}

TEST(Message, ConstantsAreFrames) {
    for (const std::string& message : {kParseComplete, kBindComplete, kCloseComplete, kNoParameters}) {
        const auto frame = peek_frame(as_bytes(message), 100);
        ASSERT_TRUE(frame);
        EXPECT_EQ(frame->size(), message.size());
    }
}

// A name or text from a peer cannot end its field early and write fields of its own.
TEST(Message, NulCutsTheText) {
    EXPECT_EQ(made([](auto& o) { append_query(o, "a\0b"s); }), made([](auto& o) { append_query(o, "a"); }));
    EXPECT_EQ(made([](auto& o) { append_error(o, "ERROR", "XX000", "a\0Cevil"s); }),
              made([](auto& o) { append_error(o, "ERROR", "XX000", "a"); }));
}

TEST(Message, IsAppended) {
    std::string out = "before";
    append_sync(out);
    append_ready_for_query(out, 'T');
    EXPECT_EQ(out, "beforeS\0\0\0\4Z\0\0\0\5T"s);
}

}  // namespace
}  // namespace pgweir::protocol
