#include "protocol/startup.hpp"

#include <gtest/gtest.h>

#include <string>

#include "protocol/message.hpp"

namespace pgweir::protocol {
namespace {

using namespace std::string_literals;

std::string packet(std::string_view body) {
    std::string out;
    append_be32(out, static_cast<std::uint32_t>(body.size() + 4));
    return out.append(body);
}

std::string code_of(const Result<FirstPacket, Fault>& result) {
    return result ? "none" : std::string(result.error().code);
}

// semantics.md I: the length is checked before anything is taken.
TEST(PeekStartup, BoundsTheLength) {
    EXPECT_EQ(peek_startup(as_bytes("\0\0\0"s)).error(), FrameError::incomplete);
    EXPECT_EQ(peek_startup(as_bytes("\0\0\0\7"s)).error(), FrameError::bad_length);
    EXPECT_EQ(peek_startup(as_bytes("\0\0\0\0"s)).error(), FrameError::bad_length);
    EXPECT_EQ(peek_startup(as_bytes("\0\0\x27\x11"s)).error(), FrameError::too_large);
    EXPECT_EQ(peek_startup(as_bytes("\xff\xff\xff\xff"s)).error(), FrameError::too_large);
    EXPECT_EQ(peek_startup(as_bytes("\x16\3\1\0"s)).error(), FrameError::too_large);  // a TLS ClientHello
    EXPECT_EQ(peek_startup(as_bytes("GET "s)).error(), FrameError::too_large);
    EXPECT_EQ(*peek_startup(as_bytes("\0\0\0\x08"s)), 8U);
    EXPECT_EQ(*peek_startup(as_bytes("\0\0\x27\x10"s)), 10'000U);
}

TEST(FirstPacket, ReadsEachKind) {
    EXPECT_TRUE(std::holds_alternative<SslRequest>(*parse_first_packet(as_bytes(packet("\4\xd2\x16\x2f")))));
    EXPECT_TRUE(std::holds_alternative<GssEncRequest>(*parse_first_packet(as_bytes(packet("\4\xd2\x16\x30")))));
    const auto cancel = parse_first_packet(as_bytes(packet("\4\xd2\x16\x2e\0\0\0\7abcd"s)));
    ASSERT_TRUE(cancel);
    EXPECT_EQ(std::get<CancelRequest>(*cancel).pid, 7U);
    EXPECT_EQ(std::get<CancelRequest>(*cancel).secret, "abcd");
}

TEST(FirstPacket, KeepsTheParametersInOrder) {
    const auto result = parse_first_packet(as_bytes(packet("\0\3\0\2user\0u\0_pq_.a\0x\0z\0\0user\0v\0\0"s)));
    ASSERT_TRUE(result);
    const Startup& startup = std::get<Startup>(*result);
    EXPECT_EQ(startup.minor, 2);
    EXPECT_EQ(startup.parameters, (Parameters{{"user", "u"}, {"z", ""}, {"user", "v"}}));
    EXPECT_EQ(startup.protocol_options, std::vector<std::string>{"_pq_.a"});
}

TEST(FirstPacket, RefusesWhatIsMalformed) {
    struct Case {
        const char* name;
        std::string bytes;
        std::string code;
    };
    const Case cases[] = {
        {"no parameters, no terminator", packet("\0\3\0\0"s), "08P01"},
        {"no terminator", packet("\0\3\0\0user\0u\0"s), "08P01"},
        {"bytes behind the terminator", packet("\0\3\0\0user\0u\0\0x"s), "08P01"},
        {"a second terminator", packet("\0\3\0\0user\0u\0\0\0"s), "08P01"},
        {"a name without a value", packet("\0\3\0\0user\0\0"s), "08P01"},
        {"a name without an end", packet("\0\3\0\0user"s), "08P01"},
        {"a value without an end", packet("\0\3\0\0user\0u"s), "08P01"},
        {"protocol 2", packet("\0\2\0\0user\0u\0\0"s), "0A000"},
        {"protocol 4", packet("\0\4\0\0\0"s), "0A000"},
        {"major 1234 and no request", packet("\4\xd2\0\1"s), "0A000"},
        {"SSLRequest with a body", packet("\4\xd2\x16\x2fx"), "08P01"},
        {"cancel with a key of 3", packet("\4\xd2\x16\x2e\0\0\0\7abc"s), "08P01"},
        {"cancel with a key of 257", packet("\4\xd2\x16\x2e\0\0\0\7"s + std::string(257, 'k')), "08P01"},
        {"cancel without anything", packet("\4\xd2\x16\x2e"), "08P01"},
        {"shorter than its length", packet("\0\3\0\0\0"s).substr(0, 8), "08P01"},
        {"longer than its length", packet("\0\3\0\0\0"s) + "x", "08P01"},
        {"nothing", "", "08P01"},
    };
    for (const Case& c : cases) EXPECT_EQ(code_of(parse_first_packet(as_bytes(c.bytes))), c.code) << c.name;
    // The bounds themselves are fine (semantics.md H, keys of 4 to 256 bytes).
    EXPECT_EQ(code_of(parse_first_packet(as_bytes(packet("\4\xd2\x16\x2e\0\0\0\7"s + std::string(256, 'k'))))), "none");
    EXPECT_EQ(code_of(parse_first_packet(as_bytes(packet("\0\3\0\0\0"s)))), "none");
}

TEST(FirstPacket, NoTruncationIsTakenForAWholePacket) {
    std::string whole;
    append_startup(whole, kProtocol30, Parameters{{"user", "u"}, {"options", "-c a=b"}});
    for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_FALSE(parse_first_packet(as_bytes(whole).first(i))) << i;
    EXPECT_TRUE(parse_first_packet(as_bytes(whole)));
}

// semantics.md H, Startup.
TEST(Options, ReadsEveryForm) {
    struct Case {
        const char* text;
        Parameters expected;
    };
    const Case cases[] = {
        {"", {}},
        {"  \t ", {}},
        {"-c a=b", {{"a", "b"}}},
        {"-ca=b", {{"a", "b"}}},
        {"--a=b", {{"a", "b"}}},
        {"--search-path=x", {{"search_path", "x"}}},
        {"-c a-b=c-d", {{"a_b", "c-d"}}},
        {" -c  a=b   --c=d\n-ce=f ", {{"a", "b"}, {"c", "d"}, {"e", "f"}}},
        {"-c a=b\\ c", {{"a", "b c"}}},
        {"-c a=\\\\x", {{"a", "\\x"}}},
        {"-c a=", {{"a", ""}}},
        {"-c a=b=c", {{"a", "b=c"}}},
        {"-c a=b -c a=c", {{"a", "b"}, {"a", "c"}}},
        {"-c a=b\\", {{"a", "b"}}},
        {"-c pgweir.read_preference=primary", {{"pgweir.read_preference", "primary"}}},
    };
    for (const Case& c : cases) {
        const auto result = parse_options(c.text);
        ASSERT_TRUE(result) << c.text;
        EXPECT_EQ(*result, c.expected) << c.text;
    }
}

TEST(Options, RefusesOtherForms) {
    for (const char* text :
         {"-c", "-c a", "--a", "--", "--=x", "-c =x", "-B 100", "a=b", "-c a=b x", "-", "\\-c a=b x", "-fs"}) {
        const auto result = parse_options(text);
        ASSERT_FALSE(result) << text;
        EXPECT_EQ(result.error().code, "42601") << text;
    }
}

}  // namespace
}  // namespace pgweir::protocol
