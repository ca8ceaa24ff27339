#include "config/restart.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "config/diff.hpp"
#include "config/options.hpp"

namespace pgweir::config {
namespace {

TEST(Restart, OnlyWhatAReloadCanChangeIsChanged) {
    Config running;
    running.proxy.listen_port = 1111;
    running.http.listen_port = 2222;
    Config wanted;
    wanted.proxy.listen_port = 3333;
    wanted.proxy.max_client_conn = 7;
    wanted.pool.default_pool_size = 9;
    wanted.servers.push_back({.name = "a", .host = "h"});
    const Config now = keep_until_restart(wanted, running);
    EXPECT_EQ(now.proxy.listen_port, 1111);
    EXPECT_EQ(now.http.listen_port, 2222);
    EXPECT_EQ(now.proxy.max_client_conn, 7U);
    EXPECT_EQ(now.pool.default_pool_size, 9U);
    ASSERT_EQ(now.servers.size(), 1U);
    for (const Change& change : diff(now, wanted)) EXPECT_FALSE(change.reloadable) << change.key;
}

// The list is to stay short. Options of blocks that come and go cannot be in it: they are not kept.
TEST(Restart, TheList) {
    std::vector<std::string> keys;
    for (const Option& option : options()) {
        if (!option.reloadable) keys.push_back(std::string(option.section) + '.' + std::string(option.key));
    }
    const std::vector<std::string> expected = {"proxy.listen_addr", "proxy.listen_port", "proxy.workers", "proxy.io_uring", "proxy.state_dir",
                                               "http.listen_addr",  "http.listen_port",  "log.file"};
    EXPECT_EQ(keys, expected);
}

}  // namespace
}  // namespace pgweir::config
