// The order in which what is known settles a route.
#include "proxy/routing/route.hpp"

#include <gtest/gtest.h>

#include "proxy/sql/classify.hpp"

namespace pgweir::routing {
namespace {

Route route(std::string_view sql, const SessionFacts& facts = {}) {
    static const sql::Allowlist list;
    return choose_route(sql::classify(sql, {}, list), facts);
}

constexpr Route replica(Reason reason) { return {.target = Target::replica, .reason = reason}; }
constexpr Route primary(Reason reason) { return {.target = Target::primary, .reason = reason}; }
constexpr Route vouched(Reason reason) { return {.target = Target::replica, .reason = reason, .vouched = true}; }

TEST(ChooseRoute, ByStatement) {
    EXPECT_EQ(route("SELECT 1"), replica(Reason::read));
    EXPECT_EQ(route("DELETE FROM t"), primary(Reason::write));
    EXPECT_EQ(route("SELECT f()"), primary(Reason::function_not_allowed));
    EXPECT_EQ(route(""), primary(Reason::empty));
    EXPECT_EQ(route("SET pgweir.x = 1"), primary(Reason::local));
}

TEST(ChooseRoute, Transactions) {
    const SessionFacts read_only{.default_read_only = true};
    EXPECT_EQ(route("BEGIN"), primary(Reason::transaction));
    EXPECT_EQ(route("BEGIN", read_only), replica(Reason::read_only_transaction));
    EXPECT_EQ(route("BEGIN READ ONLY"), replica(Reason::read_only_transaction));
    EXPECT_EQ(route("BEGIN READ WRITE", read_only), primary(Reason::read_write_transaction));
    EXPECT_EQ(route("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY", read_only), primary(Reason::serializable));
    EXPECT_EQ(route("COMMIT"), primary(Reason::transaction_end));
    EXPECT_EQ(route("PREPARE TRANSACTION 'x'"), primary(Reason::two_phase));
    EXPECT_EQ(route("SAVEPOINT a"), primary(Reason::transaction_control));
    EXPECT_EQ(route("BEGIN; SELECT 1", read_only), primary(Reason::multiple_statements));
    EXPECT_EQ(route("/* pgweir: primary */ BEGIN READ ONLY"), primary(Reason::hint_primary));
    EXPECT_EQ(route("/* pgweir: replica */ BEGIN"), primary(Reason::transaction));
}

TEST(ChooseRoute, Order) {
    SessionFacts facts;
    EXPECT_EQ(route("/* pgweir: primary */ SELECT 1"), primary(Reason::hint_primary));
    EXPECT_EQ(route("/* pgweir: nearest */ SELECT 1"), primary(Reason::hint_invalid));
    EXPECT_EQ(route("/* pgweir: replica */ SELECT f()"), vouched(Reason::hint_replica));
    EXPECT_EQ(route("/* pgweir: replica */ DELETE FROM t"), primary(Reason::write));
    facts.read_preference = ReadPreference::primary;
    EXPECT_EQ(route("SELECT 1", facts), primary(Reason::read_preference));
    EXPECT_EQ(route("BEGIN READ ONLY", facts), primary(Reason::read_preference));
    EXPECT_EQ(route("/* pgweir: replica */ SELECT 1", facts), vouched(Reason::hint_replica));
    facts.default_serializable = true;
    EXPECT_EQ(route("/* pgweir: replica */ SELECT 1", facts), primary(Reason::serializable));
    EXPECT_EQ(route("BEGIN READ ONLY", facts), primary(Reason::serializable));
    facts.pinned = true;
    EXPECT_EQ(route("SELECT 1", facts), primary(Reason::pinned));
    facts.split = false;
    EXPECT_EQ(route("SELECT 1", facts), primary(Reason::split_off));
    EXPECT_EQ(route("SET pgweir.x = 1", facts), primary(Reason::local));
}

TEST(ChooseRoute, ReadPreferenceAndBound) {
    constexpr auto nearest = ReadPreference::nearest, strict = ReadPreference::replica, soft = ReadPreference::replica_preferred;
    const auto read = [](ReadPreference preference, std::uint32_t max_lag, Reason reason = Reason::read) {
        return Route{.target = Target::replica, .reason = reason, .read_preference = preference, .max_lag = max_lag};
    };
    const SessionFacts facts{.read_preference = nearest, .max_lag = 700};
    EXPECT_EQ(route("SELECT 1", facts), read(nearest, 700));
    EXPECT_EQ(route("BEGIN READ ONLY", facts), read(nearest, 700, Reason::read_only_transaction));
    EXPECT_EQ(route("/* pgweir: read_preference=replica */ SELECT 1", facts), read(strict, 700));
    EXPECT_EQ(route("/* pgweir: read_preference=primary */ SELECT 1", facts), primary(Reason::hint_primary));
    EXPECT_EQ(route("/* pgweir: max_lag=1s */ BEGIN READ ONLY", facts), read(nearest, 1000, Reason::read_only_transaction));
    EXPECT_EQ(route("/* pgweir: max_lag=0 */ SELECT 1", facts), read(nearest, 0));
    EXPECT_EQ(route("/* pgweir: read_preference=replica */ DELETE FROM t", facts), primary(Reason::write));
    EXPECT_EQ(route("/* pgweir: read_preference=replica */ SELECT f()", facts), primary(Reason::function_not_allowed));
    // The bare word asks for a replica, and keeps to it where the session does.
    EXPECT_EQ(route("/* pgweir: replica */ SELECT 1", facts), (Route{Target::replica, Reason::hint_replica, soft, true, 700}));
    EXPECT_EQ(route("/* pgweir: replica */ SELECT 1", {.read_preference = strict}), (Route{Target::replica, Reason::hint_replica, strict, true, 0}));
    EXPECT_EQ(route("/* pgweir: replica */ BEGIN READ ONLY", {.read_preference = ReadPreference::primary}),
              read(soft, 0, Reason::read_only_transaction));
}

TEST(Worse, TheStricterOfTwoReadsCounts) {
    constexpr auto nearest = ReadPreference::nearest, strict = ReadPreference::replica, soft = ReadPreference::replica_preferred,
                   first = ReadPreference::primary_preferred;
    const auto read = [](ReadPreference preference, std::uint32_t max_lag) {
        return Route{.target = Target::replica, .reason = Reason::read, .read_preference = preference, .max_lag = max_lag};
    };
    EXPECT_EQ(worse(read(nearest, 0), read(strict, 500)), read(strict, 500));
    EXPECT_EQ(worse(read(strict, 500), read(first, 700)), read(strict, 500));
    EXPECT_EQ(worse(read(nearest, 500), read(first, 0)), read(first, 500));
    EXPECT_EQ(worse(read(soft, 500), read(nearest, 300)), read(soft, 300));
    EXPECT_TRUE(worse(read(nearest, 0), vouched(Reason::read)).vouched);
}

// A share of the sessions: the others' reads stay, but for what is annotated.
TEST(ChooseRoute, SplitPercent) {
    SessionFacts facts{.drawn = false};
    EXPECT_EQ(route("SELECT 1", facts), primary(Reason::split_percent));
    EXPECT_EQ(route("BEGIN READ ONLY", facts), primary(Reason::split_percent));
    EXPECT_EQ(route("DELETE FROM t", facts), primary(Reason::write));
    EXPECT_EQ(route("/* pgweir: max_lag=1s */ SELECT 1", facts), primary(Reason::split_percent));
    EXPECT_EQ(route("/* pgweir: replica */ SELECT f()", facts).reason, Reason::hint_replica);
    EXPECT_EQ(route("/* pgweir: replica */ BEGIN READ ONLY", facts).reason, Reason::read_only_transaction);
    EXPECT_EQ(route("/* pgweir: read_preference=replica */ SELECT 1", facts).target, Target::replica);
    facts.read_preference = ReadPreference::primary;
    EXPECT_EQ(route("SELECT 1", facts), primary(Reason::read_preference));
}

TEST(Worse, AnyPrimaryMakesAllPrimary) {
    const Route read = replica(Reason::read);
    const Route write = primary(Reason::write);
    const Route lock = primary(Reason::row_lock);
    EXPECT_EQ(worse(read, read), read);
    EXPECT_EQ(worse(read, write), write);
    EXPECT_EQ(worse(write, read), write);
    EXPECT_EQ(worse(write, lock), write);
    EXPECT_EQ(worse(vouched(Reason::hint_replica), read), vouched(Reason::hint_replica));
}

}  // namespace
}  // namespace pgweir::routing
