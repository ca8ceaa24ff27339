#include "proxy/net/endpoint.hpp"

#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

namespace pgweir::net {
namespace {

ShownAddress shown(const char* address, std::uint16_t port) {
    return ShownAddress(Endpoint(boost::asio::ip::tcp::endpoint(boost::asio::ip::make_address(address), port)));
}

TEST(ShownAddress, HasTextAndPort) {
    for (const char* address : {"192.0.2.1", "255.255.255.255", "0.10.200.9", "::1", "2001:db8:1:2:3:4:5:6", "::ffff:192.0.2.1"}) {
        EXPECT_EQ(shown(address, 54321).text(), address);
        EXPECT_EQ(shown(address, 54321).port(), 54321);
    }
}

TEST(ShownAddress, NeedNotBeAnInternetOne) {
    const ShownAddress unix_socket{Endpoint(boost::asio::local::stream_protocol::endpoint("/tmp/socket"))};
    EXPECT_EQ(unix_socket.text(), "unix");
    EXPECT_EQ(unix_socket.port(), 0);
    const ShownAddress none{Endpoint()};
    EXPECT_EQ(none.text(), "-");
    EXPECT_EQ(none.port(), 0);
}

}  // namespace
}  // namespace pgweir::net
