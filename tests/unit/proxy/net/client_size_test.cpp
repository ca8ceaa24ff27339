// What each client costs while it does nothing; thousands do (docs/performance.md, Idle clients).
#include <gtest/gtest.h>

#include "proxy/net/client.hpp"

namespace pgweir::net {
namespace {

// Bytes on a 64-bit machine. A member that few clients need, or only for a while, belongs behind a pointer.
TEST(ClientSize, StaysSmall) {
    EXPECT_LE(sizeof(Client), 456u);
    EXPECT_LE(sizeof(session::ClientMachine), 376u);
    EXPECT_LE(sizeof(Peer), 64u);
}

}  // namespace
}  // namespace pgweir::net
