#include "proxy/net/message_boundary.hpp"

#include <gtest/gtest.h>

#include <string>

#include "protocol/message.hpp"

namespace pgweir::net {
namespace {

std::string two_messages() {
    std::string stream;
    protocol::append_ready_for_query(stream, 'I');
    protocol::append_command_complete(stream, "SELECT 1");
    return stream;
}

TEST(MessageBoundary, ThereIsOneBeforeTheFirstByte) { EXPECT_TRUE(MessageBoundary().reached()); }

TEST(MessageBoundary, WhereverTheStreamIsCut) {
    const std::string stream = two_messages();
    constexpr std::size_t kFirst = 6;  // ReadyForQuery
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        MessageBoundary boundary;
        boundary.pass(as_bytes(stream).first(cut));
        EXPECT_EQ(boundary.reached(), cut == 0 || cut == kFirst || cut == stream.size()) << cut;
        boundary.pass(as_bytes(stream).subspan(cut));
        EXPECT_TRUE(boundary.reached()) << cut;
    }
}

TEST(MessageBoundary, ByteByByte) {
    MessageBoundary boundary;
    for (const char byte : two_messages()) boundary.pass(as_bytes({&byte, 1}));
    EXPECT_TRUE(boundary.reached());
}

TEST(MessageBoundary, AMessageWithoutABody) {
    MessageBoundary boundary;
    boundary.pass(as_bytes({"1\0\0\0\4", 5}));
    EXPECT_TRUE(boundary.reached());
}

TEST(MessageBoundary, AnImpossibleLengthMakesItUnknown) {
    MessageBoundary boundary;
    boundary.pass(as_bytes({"d\0\0\0\3", 5}));
    EXPECT_FALSE(boundary.reached());
    boundary.pass(as_bytes(two_messages()));
    EXPECT_FALSE(boundary.reached());
}

}  // namespace
}  // namespace pgweir::net
