#include "proxy/session/printable.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace pgweir::session {
namespace {

TEST(LogValue, IsOneValueInQuotes) {
    const std::pair<std::string, std::string> cases[] = {
        {"", "\"\""},
        {"app", "\"app\""},
        {"a b", "\"a b\""},
        {"x\" addr=6.6.6.6:1 cause=\"", "\"x\\\" addr=6.6.6.6:1 cause=\\\"\""},
        {"back\\slash", "\"back\\\\slash\""},
        {"line\nfeed\r\t\x7f", "\"line?feed???\""},
        {std::string("nul\0", 4), "\"nul?\""},
        {"größe 大 😀", "\"größe 大 😀\""},
        {"\xc2\x9b""31m", "\"?31m\""},           // CSI as one character
        {"\xe2\x80\xae""evil", "\"?evil\""},     // right to left
        {"\xff\xc3.", "\"??.\""},                // no UTF-8
        {"\xc0\xa2", "\"??\""},                  // a quote, too long
        {"\xed\xa0\x80", "\"???\""},             // a surrogate
        {"\xf4\x90\x80\x80", "\"????\""},        // beyond the last
        {"cut \xe5\xa4", "\"cut ??\""},
    };
    for (const auto& [text, value] : cases) EXPECT_EQ(log_value(text), value);
}

TEST(LogValue, IsCut) { EXPECT_EQ(log_value(std::string(10'000, 'x')).size(), 502U); }

TEST(Printable, HasNoControlCharacters) {
    EXPECT_EQ(printable("a\nb\x1b[31m"), "a?b?[31m");
    EXPECT_EQ(printable(std::string(10'000, 'x')).size(), 500U);
}

}  // namespace
}  // namespace pgweir::session
