// split = "shadow": where segments go, and where they would have gone.
#include <gtest/gtest.h>

#include "tests/unit/proxy/session/conversation.hpp"

namespace pgweir::test {
namespace {

using routing::Route;
using routing::Target;
using sql::Reason;

class ShadowTest : public testing::Test {
  protected:
    static session::ClientSetup setup() {
        session::ClientSetup setup;
        setup.split = config::Split::shadow;
        return setup;
    }
};

TEST_F(ShadowTest, AllGoesToThePrimary) {
    const std::pair<std::string, Route> cases[] = {
        {query("select 1"), {Target::replica, Reason::read}},
        {query("delete from t"), {Target::primary, Reason::write}},
        {query("begin read only"), {Target::replica, Reason::read_only_transaction}},
        {query("/* pgweir: replica */ select f()"), {Target::replica, Reason::hint_replica}},
        {parse("", "select 1") + bind("", "") + execute() + sync(), {Target::replica, Reason::read}},
        {parse("", "select f()") + bind("", "") + execute() + sync(), {Target::primary, Reason::function_not_allowed}},
    };
    for (const auto& [bytes, judged] : cases) {
        Conversation fresh{1 << 20, 100, setup()};
        const session::Plan made = fresh.machine().plan(as_bytes(bytes));
        EXPECT_EQ(made.kind, session::Plan::Kind::server);
        EXPECT_EQ(made.route, (Route{Target::primary, Reason::shadow}));
        EXPECT_EQ(made.judged, judged) << name(made.judged.reason);
        EXPECT_EQ(made.covered, bytes.size());
    }
}

}  // namespace
}  // namespace pgweir::test
