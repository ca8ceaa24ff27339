// Fingerprints of answers: what they see and what they do not, however the bytes are cut.
#include "proxy/session/answer_digest.hpp"

#include <gtest/gtest.h>

#include "tests/support/wire.hpp"

namespace pgweir::session {
namespace {

using namespace test;

std::string columns(std::string_view name = "n") { return message('T', std::string("\0\1", 2) + text(name) + std::string(18, '\0')); }
std::string rows(std::initializer_list<std::string_view> values) {
    std::string out;
    for (const std::string_view value : values) out += row(value);
    return out;
}
std::string answer(std::initializer_list<std::string_view> values) {
    return columns() + rows(values) + complete("SELECT " + std::to_string(values.size())) + ready();
}

class Digest : public testing::TestWithParam<std::size_t> {
  protected:
    AnswerDigest digest_of(std::string_view bytes, std::size_t ahead = 0) const {
        AnswerDigest digest(ahead);
        for (std::size_t at = 0; at < bytes.size(); at += GetParam()) digest.add(as_bytes(bytes.substr(at, GetParam())));
        return digest;
    }
    Fingerprint of(std::string_view bytes, std::size_t ahead = 0) const {
        const AnswerDigest digest = digest_of(bytes, ahead);
        EXPECT_TRUE(digest.finished());
        EXPECT_FALSE(digest.broken());
        return digest.fingerprint();
    }
};

INSTANTIATE_TEST_SUITE_P(Chunks, Digest, testing::Values(1, 2, 3, 7, 1 << 20));

TEST_P(Digest, RowsInAnyOrder) {
    EXPECT_EQ(of(answer({"a", "b", "c"})), of(answer({"c", "a", "b"})));
    EXPECT_EQ(of(answer({"a", "b", "c"})).rows, 3U);
    AnswerDigest whole(0);
    whole.add(as_bytes(answer({"a", "b", "c"})));
    EXPECT_EQ(of(answer({"a", "b", "c"})), whole.fingerprint()) << "however it is cut";
}

TEST_P(Digest, AnythingElseIsSeen) {
    const Fingerprint one = of(answer({"ax", "by"}));
    EXPECT_NE(one, of(answer({"ay", "bx"}))) << "their last bytes changed places";
    EXPECT_NE(one, of(answer({"xa", "yb"})));
    EXPECT_NE(one, of(answer({"ax"})));
    EXPECT_NE(one, of(answer({"ax", "ax", "by"})));
    EXPECT_NE(of(answer({"a", "a"})), of(answer({"b", "b"})));
    EXPECT_NE(of(answer({""})), of(columns() + message('D', std::string("\0\1\xff\xff\xff\xff", 6)) + complete("SELECT 1") + ready()))
        << "NULL is not empty";
    EXPECT_NE(of(columns("n") + complete("SELECT 0") + ready()), of(columns("m") + complete("SELECT 0") + ready()));
}

// Half of what is not a row may come at any time.
TEST_P(Digest, WhatSaysNothing) {
    const std::string notice = message('N', "S" + text("NOTICE") + std::string(1, '\0'));
    EXPECT_EQ(of(parsed() + bound() + columns() + row("a") + complete("SELECT 1") + ready()),
              of(bound() + notice + columns() + status("TimeZone", "UTC") + row("a") + complete("SELECT 1") + ready()));
}

TEST_P(Digest, ErrorsByTheirCode) {
    EXPECT_EQ(of(columns() + row("a") + error("22012") + ready()), of(error("22012") + ready()));
    EXPECT_NE(of(error("22012") + ready()), of(error("22003") + ready()));
    EXPECT_EQ(of(error("25006") + ready()).error, "25006");
    EXPECT_EQ(digest_of(error("25006") + ready()).refusal(), Refusal::read_only);
    EXPECT_TRUE(digest_of(error("57P01", "FATAL")).broken());
}

TEST_P(Digest, AmongOthers) {
    const std::string ahead = complete("SET") + ready() + complete("BEGIN") + ready('T');
    const AnswerDigest digest = digest_of(ahead + answer({"a"}) + complete("ROLLBACK") + ready(), 2);
    EXPECT_EQ(digest.fingerprint(), of(answer({"a"})));
    EXPECT_EQ(digest.answers(), 4U);
    EXPECT_EQ(digest.status(), 'I');
    EXPECT_FALSE(digest_of(ahead, 2).finished());
    EXPECT_TRUE(digest_of(error("22023") + ready() + complete("BEGIN") + ready('T'), 2).broken()) << "the settings failed";
}

TEST_P(Digest, Copies) {
    const auto copied = [](char format, std::string_view data) {
        return message('H', std::string(1, format) + std::string(2, '\0')) + copy_data(data) + copy_done() + complete("COPY 1") + ready();
    };
    EXPECT_NE(of(copied('\0', "a\n")), of(copied('\0', "b\n")));
    EXPECT_FALSE(digest_of(copied('\0', "a\n")).opaque());
    EXPECT_TRUE(digest_of(copied('\1', "a\n")).opaque());
    EXPECT_TRUE(digest_of(copy_in()).broken()) << "no read";
}

TEST_P(Digest, NoMessage) { EXPECT_TRUE(digest_of(std::string("D\0\0\0\3", 5)).broken()); }

}  // namespace
}  // namespace pgweir::session
