// What is kept of a segment that may be sent again: all of it, however it was written.
#include "proxy/session/replay.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pgweir::session {
namespace {

TEST(Replay, KeepsTheLastThatWasWrittenWhateverWentAhead) {
    Replay replay;
    std::string written = "settings";
    written += "BIND";
    replay.begin({}, 4);
    replay.pushed();
    written += "EXEC";
    replay.add(4, false);
    replay.pushed();
    replay.save(written);
    EXPECT_EQ(replay.bytes(), "BINDEXEC");
    EXPECT_FALSE(replay.untouched(2));  // its Sync has not come
    replay.add(4, true);
    replay.pushed();
    replay.save("SYNC");
    EXPECT_EQ(replay.bytes(), "BINDEXECSYNC");
    EXPECT_TRUE(replay.untouched(3));
    EXPECT_FALSE(replay.untouched(2));
}

TEST(Replay, ASecondSegmentHasNothingOfTheFirst) {
    Replay replay;
    replay.begin({}, 4);
    replay.pushed();
    replay.drop();
    EXPECT_FALSE(replay.active());
    replay.begin({}, 3);
    replay.pushed();
    replay.save("BINDnew");
    EXPECT_EQ(replay.bytes(), "new");
}

TEST(Replay, WhatIsNotKeptMakesItAnotherSegment) {
    Replay replay;
    replay.begin({}, 4);
    replay.pushed();
    replay.pushed();
    EXPECT_FALSE(replay.active());
}

TEST(Replay, IsBoundedAlsoBeforeItIsSaved) {
    Replay replay;
    replay.begin({}, Replay::kMaxBytes - 10);
    replay.pushed();
    replay.add(10, false);
    EXPECT_TRUE(replay.active());
    replay.pushed();
    replay.add(1, true);
    EXPECT_FALSE(replay.active());
}

}  // namespace
}  // namespace pgweir::session
