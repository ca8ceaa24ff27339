#include "proxy/net/kept_bytes.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <utility>

namespace pgweir::net {
namespace {

KeptBytes kept(std::string_view text) {
    KeptBytes bytes;
    bytes.append(as_bytes(text));
    return bytes;
}

TEST(KeptBytes, AreAPointerInSize) {
    EXPECT_EQ(sizeof(KeptBytes), sizeof(void*));
    EXPECT_TRUE(KeptBytes().empty());
    EXPECT_TRUE(KeptBytes().bytes().empty());
    EXPECT_TRUE(kept("").empty());
}

TEST(KeptBytes, GrowAtBothEnds) {
    KeptBytes bytes = kept("middle");
    bytes.append(as_bytes(" end"));
    bytes.prepend(as_bytes("front "));
    bytes.append({});
    bytes.prepend({});
    EXPECT_EQ(as_text(bytes.bytes()), "front middle end");
    KeptBytes none;
    none.prepend(as_bytes("only"));
    EXPECT_EQ(as_text(none.bytes()), "only");
}

TEST(KeptBytes, ManyAppendsKeepAll) {
    KeptBytes bytes;
    std::string expected;
    for (int i = 0; i < 5000; ++i) {
        const std::string piece(static_cast<std::size_t>(i % 7), static_cast<char>('a' + i % 26));
        bytes.append(as_bytes(piece));
        expected += piece;
    }
    EXPECT_EQ(as_text(bytes.bytes()), expected);
}

TEST(KeptBytes, LoseTheirFront) {
    KeptBytes bytes = kept("abcdef");
    bytes.drop_front(0);
    bytes.drop_front(2);
    EXPECT_EQ(as_text(bytes.bytes()), "cdef");
    bytes.drop_front(4);
    EXPECT_TRUE(bytes.empty());
    bytes = kept("abc");
    bytes.drop_front(9);  // what is there has gone meanwhile
    EXPECT_TRUE(bytes.empty());
    bytes.drop_front(1);
    EXPECT_TRUE(bytes.empty());
}

TEST(KeptBytes, AreReplaced) {
    KeptBytes bytes = kept("old and long");
    bytes.assign(as_bytes("new"));
    EXPECT_EQ(as_text(bytes.bytes()), "new");
    bytes.assign({});
    EXPECT_TRUE(bytes.empty());
}

TEST(KeptBytes, AreWrittenInPlace) {
    KeptBytes bytes = kept("head");
    std::memcpy(bytes.room(1000), " tail", 5);
    EXPECT_EQ(as_text(bytes.bytes()), "head");
    bytes.extend(5);
    EXPECT_EQ(as_text(bytes.bytes()), "head tail");
}

TEST(KeptBytes, AreTakenAway) {
    KeptBytes bytes = kept("bytes");
    const KeptBytes taken = std::exchange(bytes, {});
    EXPECT_TRUE(bytes.empty());
    EXPECT_EQ(as_text(taken.bytes()), "bytes");
}

}  // namespace
}  // namespace pgweir::net
