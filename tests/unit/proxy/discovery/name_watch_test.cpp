// "localhost" is looked up by whatever this machine has.
#include "proxy/discovery/name_watch.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace pgweir::discovery {
namespace {

using std::chrono::milliseconds;

TEST(NameWatch, FindsAddressesAndSaysSoOnce) {
    boost::asio::io_context io;
    unsigned news = 0;
    NameWatch names(io, [&] { ++news; });
    EXPECT_TRUE(names.addresses("localhost").empty());
    names.watch({{"localhost", milliseconds(20)}});
    io.run_for(milliseconds(500));
    const std::vector<std::string> found = names.addresses("localhost");
    ASSERT_FALSE(found.empty());
    EXPECT_TRUE(std::ranges::is_sorted(found));
    for (const std::string& address : found) EXPECT_TRUE(address == "127.0.0.1" || address == "::1") << address;
    EXPECT_EQ(news, 1U);  // though it was looked up several times
    EXPECT_TRUE(names.status("localhost").found);
    names.watch({});
    EXPECT_TRUE(names.addresses("localhost").empty());
}

TEST(NameWatch, ANameThatIsNotFound) {
    boost::asio::io_context io;
    unsigned news = 0;
    NameWatch names(io, [&] { ++news; });
    names.watch({{"nowhere.invalid", milliseconds(20)}});
    while (names.status("nowhere.invalid").failed < 2) io.run_one_for(milliseconds(100));
    EXPECT_EQ(news, 0U);
    EXPECT_FALSE(names.status("nowhere.invalid").found);
    names.stop();
}

}  // namespace
}  // namespace pgweir::discovery
