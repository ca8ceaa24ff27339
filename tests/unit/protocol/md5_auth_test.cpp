#include "protocol/md5_auth.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pgweir::protocol {
namespace {

// Expected values from Python's hashlib.
TEST(Md5Auth, HashesAsPostgresqlDoes) {
    EXPECT_EQ(md5_stored("secret", "alice"), "md54a0a68b43b6cd5cf266fa02f196e2371");
    EXPECT_EQ(md5_response("md54a0a68b43b6cd5cf266fa02f196e2371", "\1\2\3\4"), "md598a0412b9c31436fc53776e863350083");
}

TEST(Md5Auth, KnowsTheStoredForm) {
    const std::string right = "md54a0a68b43b6cd5cf266fa02f196e2371";
    EXPECT_TRUE(is_md5_stored(right));
    for (const std::string& wrong :
         {std::string(), std::string("md5"), right.substr(1), right + "0", right.substr(0, 34), "MD5" + right.substr(3),
          right.substr(0, 34) + "G", right.substr(0, 34) + "A"}) {
        EXPECT_FALSE(is_md5_stored(wrong)) << wrong;
        EXPECT_EQ(md5_response(wrong, "\1\2\3\4"), "") << wrong;
    }
}

}  // namespace
}  // namespace pgweir::protocol
