// What SET, set_config, LISTEN and savepoints do to a session, read exactly or not at all (semantics.md D).
#include "proxy/sql/session_change.hpp"

#include <gtest/gtest.h>

namespace pgweir::sql {
namespace {

using Kind = SessionChange::Kind;

struct Row {
    const char* sql;
    SessionChanges changes;
};

TEST(SessionChange, AreReadAsTheServerFlattensThem) {
    const Row rows[] = {
        {"SET work_mem = '1MB'", {{Kind::set, "work_mem", "1MB"}}},
        {"set Work_Mem to 64;", {{Kind::set, "work_mem", "64"}}},
        {"SET x.Y = -1", {{Kind::set, "x.y", "-1"}}},
        {"SET x =-1.5", {{Kind::set, "x", "-1.5"}}},
        {"SET x = +1", {{Kind::set, "x", "1"}}},
        {"SET SESSION x = On", {{Kind::set, "x", "on"}}},
        {"SET \"Work_Mem\" = 'it''s'", {{Kind::set, "work_mem", "it's"}}},
        {"SET search_path = a, \"B\", 'c d', \"$user\"", {{Kind::set, "search_path", "a, \"B\", \"c d\", \"$user\""}}},
        {"SET search_path TO 'a, b'", {{Kind::set, "search_path", "\"a, b\""}}},
        {"SET SCHEMA 'x'", {{Kind::set, "search_path", "x"}}},
        {"SET datestyle = ISO, DMY", {{Kind::set, "datestyle", "iso, dmy"}}},
        {"SET XML OPTION DOCUMENT", {{Kind::set, "xmloption", "document"}}},
        {"SET work_mem TO DEFAULT", {{Kind::reset, "work_mem", ""}}},
        {"SET LOCAL work_mem = 1", {{Kind::set_local, "work_mem", "1"}}},
        {"SET transaction_read_only = on", {{Kind::set_local, "transaction_read_only", "on"}}},
        {"RESET work_mem", {{Kind::reset, "work_mem", ""}}},
        {"RESET ALL", {{Kind::reset_all, "", ""}}},
        {"SET a = 1; /* x */ SET b TO 'y'; RESET c", {{Kind::set, "a", "1"}, {Kind::set, "b", "y"}, {Kind::reset, "c", ""}}},
        {"SELECT set_config('a', 'b', false)", {{Kind::set, "a", "b"}}},
        {"SELECT pg_catalog.set_config('A', 'b'::text, 'f'), set_config('c', null, false) AS x",
         {{Kind::set, "a", "b"}, {Kind::reset, "c", ""}}},
        {"select set_config('search_path', 'a, b', false)", {{Kind::set, "search_path", "a, b"}}},
        {"select set_config('role', 'x', true)", {{Kind::set_local, "role", ""}}},
        {"DISCARD ALL", {{Kind::reset_all, "", ""}, {Kind::unlisten_all, "", ""}}},
        {"SET transaction_timeout = '1s'", {{Kind::set, "transaction_timeout", "1s"}}},
        {"SET local.x = 1", {{Kind::set, "local.x", "1"}}},
        {"SET session.x = 1", {{Kind::set, "session.x", "1"}}},
        {"SET names.x = 1; RESET time.x", {{Kind::set, "names.x", "1"}, {Kind::reset, "time.x", ""}}},
        {"SAVEPOINT S", {{Kind::savepoint, "s", ""}}},
        {"RELEASE s", {{Kind::release, "s", ""}}},
        {"RELEASE SAVEPOINT \"S\"", {{Kind::release, "S", ""}}},
        {"ROLLBACK TO s", {{Kind::rollback_to, "s", ""}}},
        {"ROLLBACK WORK TO SAVEPOINT s", {{Kind::rollback_to, "s", ""}}},
        {"LISTEN Chan", {{Kind::listen, "chan", ""}}},
        {"LISTEN \"Ch\"\"an\" ;", {{Kind::listen, "Ch\"an", ""}}},
        {"UNLISTEN *", {{Kind::unlisten_all, "", ""}}},
        {"SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;",  // asyncpg's pool
         {{Kind::unlisten_all, "", ""}, {Kind::reset_all, "", ""}}},
        {"UNLISTEN c", {{Kind::unlisten, "c", ""}}},
    };
    for (const Row& row : rows) {
        const auto changes = read_session_changes(row.sql, {});
        ASSERT_TRUE(changes.has_value()) << row.sql;
        EXPECT_EQ(*changes, row.changes) << row.sql;
    }
}

TEST(SessionChange, WhatIsNotUnderstoodIsNothing) {
    for (const char* sql :
         {"", ";", "SELECT 1", "SET ROLE r", "SET role = 'r'", "SET SESSION AUTHORIZATION r", "SET seed = 0.5", "SET a = E'\\x41'",
          "SET a = U&'x'", "SET a = 'x'\n'y'", "SET a = $$x$$", "SET a = 1 + 1", "SET a = 010", "SET a = -0", "SET a = -0.0", "SET a =", "SET a = 1; SELECT 1", "SELECT 1; SET a = 1",
          "SELECT set_config('a', 'b' || 'c', false)", "SELECT set_config('role', 'x', false)", "SELECT set_config('a', $1, false)",
          "SELECT set_config('a', 'b', false) FROM t", "SELECT set_config('a', 'b', $1)", "LISTEN U&\"x\"", "UNLISTEN *; LISTEN a", "CLOSE ALL; SELECT 1", "SELECT pg_advisory_unlock_all() + 1", "LISTEN a; LISTEN b",
          "LISTEN caf\xc3\xa9", "LISTEN aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "BEGIN; SET a = 1",
          "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "ROLLBACK", "RESET ROLE", "RESET SESSION AUTHORIZATION",
          "SET pgweir.read_preference = 'primary'"}) {
        EXPECT_FALSE(read_session_changes(sql, {}).has_value()) << sql;
    }
    EXPECT_FALSE(read_session_changes("SET a = 'x\\'", {.standard_conforming_strings = false}).has_value());
}

TEST(SessionChange, ParametersAreLookedUp) {
    const BoundText bound = [](unsigned number, bool) -> std::optional<std::optional<std::string>> {
        if (number == 1) return std::optional<std::string>("App.Tenant");
        if (number == 2) return std::optional<std::string>("7");
        if (number == 3) return std::optional<std::string>("f");
        if (number == 4) return std::optional<std::string>();
        if (number == 5) return std::optional<std::string>(std::string(1, '\1'));
        return std::nullopt;
    };
    EXPECT_EQ(read_session_changes("select set_config($1, $2, $3)", {}, bound), (SessionChanges{{Kind::set, "app.tenant", "7"}}));
    EXPECT_EQ(read_session_changes("select set_config($1, $4, false)", {}, bound), (SessionChanges{{Kind::reset, "app.tenant", ""}}));
    EXPECT_EQ(read_session_changes("select set_config($1, $2, $5)", {}, bound), (SessionChanges{{Kind::set_local, "app.tenant", ""}}));
    EXPECT_FALSE(read_session_changes("select set_config($9, $2, true)", {}, bound).has_value());
    EXPECT_FALSE(read_session_changes("select set_config($1, $2, $4)", {}, bound).has_value());
}

}  // namespace
}  // namespace pgweir::sql
