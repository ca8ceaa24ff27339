#include "proxy/cluster/memory.hpp"

#include <gtest/gtest.h>

namespace pgweir::cluster {
namespace {

constexpr Memory kKnown{.system_identifier = 18'446'744'073'709'551'615U, .timeline = 4'294'967'295U};

TEST(Memory, WhatIsWrittenIsRead) {
    MemoryError error;
    EXPECT_EQ(parse_memory(format_memory(kKnown, "main"), error), kKnown);
    EXPECT_EQ(parse_memory(format_memory(kKnown, "two\ntimeline = 1"), error), kKnown);
}

TEST(Memory, SpacesAndOrderDoNotMatter) {
    MemoryError error;
    EXPECT_EQ(parse_memory("timeline=2\r\n\n  system_identifier =  7\n# end\n", error), (Memory{7, 2}));
}

struct Wrong {
    const char* text;
    std::size_t line;
    const char* message;
};

TEST(Memory, WhatCannotBeReadIsAnErrorWithItsLine) {
    for (const Wrong& wrong : {Wrong{"", 1, "system_identifier is missing"},
                               Wrong{"system_identifier = 7\n", 2, "timeline is missing"},
                               Wrong{"system_identifier = 7\ntimeline = 0\n", 2, "timeline is not a number of its range"},
                               Wrong{"timeline = 4294967296\n", 1, "timeline is not a number of its range"},
                               Wrong{"timeline = -1\n", 1, "timeline is not a number of its range"},
                               Wrong{"timeline = 2x\n", 1, "timeline is not a number of its range"},
                               Wrong{"system_identifier = 7\ntimeline = 12", 2, "the line has no end"},
                               Wrong{"timeline = 2\ntimeline = 1\n", 2, "timeline is given twice"},
                               Wrong{"# x\nhello\n", 2, "not of the form key = value"},
                               Wrong{"colour = 1\n", 1, "unknown key 'colour'"}}) {
        MemoryError error;
        EXPECT_FALSE(parse_memory(wrong.text, error)) << wrong.text;
        EXPECT_EQ(error.line, wrong.line) << wrong.text;
        EXPECT_EQ(error.message, wrong.message);
    }
}

// Cut off anywhere, a file is an error or says all.
TEST(Memory, NoPartOfAFilePassesForLess) {
    const std::string whole = format_memory({.system_identifier = 7'000'000'001, .timeline = 12}, "main");
    for (std::size_t length = 0; length < whole.size(); ++length) {
        MemoryError error;
        const auto read = parse_memory(std::string_view(whole).substr(0, length), error);
        EXPECT_EQ(read.value_or(Memory{7'000'000'001, 12}), (Memory{7'000'000'001, 12})) << length;
    }
}

}  // namespace
}  // namespace pgweir::cluster
