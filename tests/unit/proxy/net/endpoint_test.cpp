#include "proxy/net/endpoint.hpp"

#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

namespace pgweir::net {
namespace {

std::string text_of(const Endpoint& endpoint) {
    std::string address = "before";
    std::uint16_t port = 1;
    describe_endpoint(endpoint, address, port);
    return address + " " + std::to_string(port);
}

std::string text_of(const char* address, std::uint16_t port) {
    return text_of(Endpoint(boost::asio::ip::tcp::endpoint(boost::asio::ip::make_address(address), port)));
}

TEST(Endpoint, AsPeopleReadThem) {
    EXPECT_EQ(text_of("127.0.0.1", 6432), "127.0.0.1 6432");
    EXPECT_EQ(text_of("255.255.255.255", 65535), "255.255.255.255 65535");
    EXPECT_EQ(text_of("0.10.200.9", 0), "0.10.200.9 0");
    EXPECT_EQ(text_of("2001:db8::1", 5432), "2001:db8::1 5432");
    EXPECT_EQ(text_of(Endpoint(boost::asio::local::stream_protocol::endpoint("/tmp/s"))), "unix 0");
    EXPECT_EQ(text_of(Endpoint()), "- 0");
}

}  // namespace
}  // namespace pgweir::net
