#include "protocol/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pgweir::protocol {
namespace {

// As a decoder that was written down the table of RFC 3629, section 4.
std::size_t length_by_table(const std::string& text) {
    const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0; };
    const auto in = [&](std::size_t i, int low, int high) { return at(i) >= low && at(i) <= high; };
    const auto tail = [&](std::size_t i) { return in(i, 0x80, 0xBF); };
    if (text.empty()) return 0;
    if (at(0) < 0x80) return 1;
    if (in(0, 0xC2, 0xDF)) return tail(1) ? 2 : 0;
    const bool three = (at(0) == 0xE0 && in(1, 0xA0, 0xBF)) || (in(0, 0xE1, 0xEC) && tail(1)) ||
                       (at(0) == 0xED && in(1, 0x80, 0x9F)) || (in(0, 0xEE, 0xEF) && tail(1));
    if (three) return tail(2) ? 3 : 0;
    const bool four = (at(0) == 0xF0 && in(1, 0x90, 0xBF)) || (in(0, 0xF1, 0xF3) && tail(1)) || (at(0) == 0xF4 && in(1, 0x80, 0x8F));
    return four && tail(2) && tail(3) ? 4 : 0;
}

TEST(Utf8, ReadsCharacters) {
    EXPECT_EQ(utf8_character("a").point, U'a');
    EXPECT_EQ(utf8_character("ß…").point, U'ß');
    EXPECT_EQ(utf8_character("大").point, U'大');
    EXPECT_EQ(utf8_character("😀").point, U'😀');
    EXPECT_EQ(utf8_character("\xF4\x8F\xBF\xBF").point, char32_t{0x10FFFF});
    EXPECT_EQ(utf8_character(std::string_view("\0", 1)).length, 1U) << "a character like others";
    EXPECT_EQ(utf8_character("").length, 0U);
}

TEST(Utf8, TakesWhatTheTableOfRfc3629Takes) {
    constexpr int kEdges[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
    for (int first = 0; first <= 0xFF; ++first) {
        for (const int second : kEdges) {
            for (const int third : kEdges) {
                for (const int fourth : kEdges) {
                    std::string text;
                    for (const int byte : {first, second, third, fourth}) text += static_cast<char>(byte);
                    for (; !text.empty(); text.pop_back()) {
                        ASSERT_EQ(utf8_character(text).length, length_by_table(text)) << testing::PrintToString(text);
                    }
                }
            }
        }
    }
}

TEST(Utf8, CutsBetweenCharacters) {
    EXPECT_EQ(utf8_front("abc", 3), "abc");
    EXPECT_EQ(utf8_front("abc", 2), "ab");
    EXPECT_EQ(utf8_front("abc", 0), "");
    EXPECT_EQ(utf8_front("aß", 2), "a");
    EXPECT_EQ(utf8_front("aß", 3), "aß");
    for (std::size_t bytes = 1; bytes < 5; ++bytes) EXPECT_EQ(utf8_front("a😀b", bytes), "a") << bytes;
    EXPECT_EQ(utf8_front("a😀b", 5), "a😀");
    EXPECT_EQ(utf8_front("\x80\x80\x80\x80\x80\x80", 4).size(), 4U) << "no UTF-8: anywhere";
}

}  // namespace
}  // namespace pgweir::protocol
