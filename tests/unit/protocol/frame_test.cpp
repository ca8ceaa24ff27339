#include "protocol/frame.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pgweir::protocol {
namespace {

using namespace std::string_literals;

// A length is checked before its memory is taken (semantics.md I: overflow in a length check before authentication).
TEST(PeekFrame, ReadsOrRefusesTheLength) {
    struct Case {
        std::string bytes;
        FrameError error;
    };
    const Case cases[] = {
        {"", FrameError::incomplete},
        {"Q\0\0\0"s, FrameError::incomplete},
        {"Q\0\0\0\3"s, FrameError::bad_length},
        {"Q\0\0\0\0"s, FrameError::bad_length},
        {"Q\0\0\0\x0f"s, FrameError::too_large},
        {"Q\x7f\xff\xff\xff"s, FrameError::too_large},
        {"Q\x80\0\0\0"s, FrameError::too_large},
        {"Q\xff\xff\xff\xff"s, FrameError::too_large},
    };
    for (const Case& c : cases) {
        const auto frame = peek_frame(as_bytes(c.bytes), 10);
        ASSERT_FALSE(frame) << testing::PrintToString(c.bytes);
        EXPECT_EQ(frame.error(), c.error) << testing::PrintToString(c.bytes);
    }
}

TEST(PeekFrame, KnowsTheSizeBeforeTheBodyIsThere) {
    const auto smallest = peek_frame(as_bytes("S\0\0\0\4"s), 0);
    ASSERT_TRUE(smallest);
    EXPECT_EQ(smallest->size(), 5U);
    const auto largest = peek_frame(as_bytes("Q\0\0\0\x0e"s), 10);
    ASSERT_TRUE(largest);
    EXPECT_EQ(largest->tag, frontend::kQuery);
    EXPECT_EQ(largest->body, 10U);
    EXPECT_EQ(largest->size(), 15U);
    const auto huge = peek_frame(as_bytes("d\xff\xff\xff\xff"s), 0xffff'ffff);
    ASSERT_TRUE(huge);
    EXPECT_EQ(huge->size(), 0x1'0000'0000U);  // no overflow
}

TEST(Bytes, NumbersAreBigEndian) {
    std::string out;
    append_be16(out, 0x8001);
    append_be32(out, 0x80ff'0102);
    EXPECT_EQ(out, "\x80\x01\x80\xff\x01\x02"s);
    EXPECT_EQ(load_be16(as_bytes(out)), 0x8001);
    EXPECT_EQ(load_be32(as_bytes(out).subspan(2)), 0x80ff'0102U);
}

}  // namespace
}  // namespace pgweir::protocol
