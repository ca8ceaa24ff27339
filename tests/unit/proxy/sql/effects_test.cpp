// What a statement leaves in its session (semantics.md D), and pgweir's own settings.
#include <gtest/gtest.h>

#include <string_view>

#include "judge.hpp"

namespace pgweir::sql::test {
namespace {

struct Row {
    const char* sql;
    Effect effects;
    std::string_view name{};
    std::string_view value{};
};

void check(const Row& row) {
    const Statement statement = judge(row.sql);
    EXPECT_EQ(statement.effects, row.effects) << row.sql;
    EXPECT_EQ(statement.name, row.name) << row.sql;
    EXPECT_EQ(statement.value, row.value) << row.sql;
    EXPECT_EQ(statement.local, Local::none) << row.sql;
    EXPECT_FALSE(statement.reads_only) << row.sql;
}

TEST(Effects, Settings) {
    const Row rows[] = {
        {"SET application_name = 'x'", Effect::set_reported, "application_name", "x"},
        {"set Application_Name to x;", Effect::set_reported, "Application_Name", "x"},
        {"SET \"application_name\" = 'x'", Effect::set_reported, "application_name", "x"},
        {"SET SESSION DateStyle TO 'ISO, MDY'", Effect::set_reported, "DateStyle", "ISO, MDY"},
        {"SET datestyle = ISO, DMY", Effect::set_reported, "datestyle", "ISO, DMY"},
        {"SET IntervalStyle=iso_8601", Effect::set_reported, "IntervalStyle", "iso_8601"},
        {"SET client_encoding TO UTF8", Effect::set_reported, "client_encoding", "UTF8"},
        {"SET NAMES 'UTF8'", Effect::set_reported, "client_encoding"},
        {"SET TIME ZONE 'UTC'", Effect::set_reported, "TimeZone"},
        {"SET SESSION TIME ZONE LOCAL", Effect::set_reported, "TimeZone"},
        {"SET TimeZone = 'UTC'", Effect::set_reported, "TimeZone", "UTC"},
        {"SET standard_conforming_strings = off", Effect::set_reported, "standard_conforming_strings", "off"},
        {"SET default_transaction_read_only = on", Effect::set_reported, "default_transaction_read_only", "on"},
        {"SET work_mem = '1MB'", Effect::set_other, "work_mem", "1MB"},
        {"SET search_path TO a, \"B\"", Effect::set_other, "search_path", "a, \"B\""},
        {"SET SCHEMA 'a'", Effect::set_other, "search_path"},
        {"SET app.tenant = 'x''y'", Effect::set_other, "app.tenant", "'x''y'"},
        {"SET x = -1", Effect::set_other, "x", "-1"},
        {"SET x =-1", Effect::set_other, "x", "-1"},
        {"SET search_path = pg_temp", Effect::set_other, "search_path", "pg_temp"},
        {"SET XML OPTION DOCUMENT", Effect::set_other, "xmloption"},
        {"SET ROLE r", Effect::set_role, "role"},
        {"SET role = 'r'", Effect::set_role, "role"},
        {"SET SESSION ROLE r", Effect::set_role, "role"},
        {"SET SESSION AUTHORIZATION r", Effect::set_role, "session_authorization"},
        {"SET SESSION SESSION AUTHORIZATION DEFAULT", Effect::set_role, "session_authorization"},
        {"SET session_authorization = 'r'", Effect::set_role, "session_authorization", "r"},
        {"SET default_transaction_isolation = 'serializable'", Effect::set_other | Effect::serializable,
         "default_transaction_isolation", "serializable"},
        {"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
         Effect::set_reported | Effect::set_other | Effect::serializable},
        {"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", Effect::set_reported},
        {"SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", Effect::set_reported},
        {"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, DEFERRABLE", Effect::set_reported | Effect::set_other},
        {"SET LOCAL work_mem = '1MB'", Effect::set_local, "work_mem", "1MB"},
        {"SET LOCAL ROLE r", Effect::set_local, "role"},
        {"SET LOCAL TIME ZONE 'UTC'", Effect::set_local, "TimeZone"},
        {"SET LOCAL application_name = x", Effect::set_local, "application_name", "x"},
        {"SET TRANSACTION READ ONLY", Effect::set_local},
        {"SET transaction_read_only = off", Effect::set_local, "transaction_read_only", "off"},
        {"SET CONSTRAINTS ALL DEFERRED", Effect::none},
        {"RESET ALL", Effect::reset},
        {"RESET work_mem", Effect::reset, "work_mem"},
        {"RESET TIME ZONE", Effect::reset, "TimeZone"},
        {"RESET SESSION AUTHORIZATION", Effect::reset | Effect::lets_go, "session_authorization"},
        {"RESET ROLE", Effect::reset | Effect::lets_go, "role"},
    };
    for (const Row& row : rows) check(row);
}

TEST(Effects, Others) {
    const Row rows[] = {
        {"DISCARD ALL", Effect::discard_all | Effect::lets_go},
        {"DISCARD TEMP", Effect::lets_go},
        {"DISCARD PLANS", Effect::lets_go},
        {"DEALLOCATE ALL", Effect::deallocate_all | Effect::lets_go},
        {"DEALLOCATE PREPARE ALL", Effect::deallocate_all | Effect::lets_go},
        {"DEALLOCATE p", Effect::deallocate_one | Effect::lets_go, "p"},
        {"DEALLOCATE PREPARE \"P q\"", Effect::deallocate_one | Effect::lets_go, "\"P q\""},
        {"DEALLOCATE prepare", Effect::deallocate_one | Effect::lets_go, "prepare"},
        {"CREATE TEMP TABLE t (a int)", Effect::temporary},
        {"CREATE TEMPORARY VIEW v AS SELECT 1", Effect::temporary},
        {"CREATE OR REPLACE TEMP VIEW v AS SELECT 1", Effect::temporary},
        {"CREATE LOCAL TEMPORARY TABLE t (a int)", Effect::temporary},
        {"CREATE TABLE pg_temp.t (a int)", Effect::temporary},
        {"CREATE TABLE temp (a int)", Effect::none},
        {"CREATE TABLE t (temp int)", Effect::none},
        {"SELECT 1 INTO TEMP t", Effect::temporary},
        {"SELECT 1 INTO LOCAL TEMPORARY TABLE t", Effect::temporary},
        {"SELECT 1 INTO t", Effect::none},
        {"DROP TABLE pg_temp_3.t", Effect::temporary | Effect::lets_go},
        {"INSERT INTO pg_temp.t VALUES (1)", Effect::temporary},
        {"LISTEN c", Effect::listen},
        {"UNLISTEN c", Effect::unlisten | Effect::lets_go},
        {"NOTIFY c", Effect::none},
        {"DECLARE c CURSOR WITH HOLD FOR SELECT 1", Effect::hold_cursor},
        {"DECLARE c SCROLL CURSOR WITHOUT HOLD FOR SELECT 1", Effect::none},
        {"DECLARE c CURSOR FOR WITH hold AS (SELECT 1) SELECT 1", Effect::none},
        {"PREPARE p AS SELECT 1", Effect::sql_prepare},
        {"PREPARE p (int, text) AS SELECT $1", Effect::sql_prepare | Effect::taint},
        {"EXECUTE p", Effect::taint},
        {"LOAD 'x'", Effect::load},
        {"DO $$ $$", Effect::taint},
        {"CALL f(1)", Effect::taint},
        {"COPY t FROM STDIN", Effect::copy_from_stdin},
        {"COPY t FROM STDOUT", Effect::copy_from_stdin},
        {"COPY BINARY t FROM STDIN", Effect::copy_from_stdin},
        {"COPY t (a, b) FROM STDIN (FORMAT csv)", Effect::copy_from_stdin},
        {"COPY t FROM '/x'", Effect::none},
        {"COPY t TO PROGRAM 'x'", Effect::none},
        {"VACUUM t (a)", Effect::none},
    };
    for (const Row& row : rows) check(row);
}

// All statements of a text count.
TEST(Effects, AreUnitedOverStatements) {
    const Statement statement =
        judge("SET work_mem = 1; LISTEN c; SELECT f(1); CREATE TEMP TABLE t (); COPY t FROM STDIN; BEGIN");
    EXPECT_EQ(statement.effects,
              Effect::set_other | Effect::listen | Effect::taint | Effect::temporary | Effect::copy_from_stdin);
    EXPECT_EQ(statement.transaction, Transaction::none);
    EXPECT_TRUE(statement.name.empty());
}

TEST(Effects, LocalSettings) {
    const struct {
        const char* sql;
        Local local;
        std::string_view name;
        std::string_view value;
    } rows[] = {
        {"SET pgweir.read_preference = 'primary'", Local::set, "read_preference", "primary"},
        {"set PgWeir.Read_Preference to primary ;", Local::set, "Read_Preference", "primary"},
        {"SET SESSION pgweir.x = on", Local::set, "x", "on"},
        {"SET LOCAL pgweir.x = 'a b'", Local::set_local, "x", "a b"},
        {"SET pgweir.x = 5", Local::set, "x", "5"},
        {"SET \"pgweir\".\"x\" = 5", Local::set, "x", "5"},
        {"SET pgweir . /* */ x = 5", Local::set, "x", "5"},
        {"SET pgweir.a.b = 5", Local::set, "a.b", "5"},
        {"SET pgweir.x TO DEFAULT", Local::reset, "x", "DEFAULT"},
        {"SET pgweir.x TO 'default'", Local::set, "x", "default"},
        {"RESET pgweir.x", Local::reset, "x", ""},
        {"SHOW pgweir.x", Local::show, "x", ""},
        {"/* pgweir: primary */ SHOW pgweir.x;", Local::show, "x", ""},
        {"SET pgweir.lsn = '0/1'", Local::set, "lsn", "0/1"},
        {"SET pgweirx.a = 1", Local::none, "pgweirx.a", "1"},
        {"SET pgweir = 1", Local::none, "pgweir", "1"},
        {"SHOW pgweir", Local::none, "", ""},
    };
    for (const auto& row : rows) {
        const Statement statement = judge(row.sql);
        EXPECT_EQ(statement.local, row.local) << row.sql;
        EXPECT_EQ(statement.name, row.name) << row.sql;
        EXPECT_EQ(statement.value, row.value) << row.sql;
        EXPECT_FALSE(statement.reads_only) << row.sql;
        if (row.local != Local::none) {
            EXPECT_EQ(statement.effects, Effect::none) << row.sql;
        }
        EXPECT_FALSE(statement.asks_position) << row.sql;
    }
}

TEST(Effects, ThePositionIsAskedOfAServer) {
    for (const char* sql : {"SHOW pgweir.lsn", "/* pgweir: replica */ show PgWeir . LSN ;"}) {
        const Statement statement = judge(sql);
        EXPECT_TRUE(statement.asks_position) << sql;
        EXPECT_EQ(statement.local, Local::none) << sql;
        EXPECT_EQ(statement.reason, Reason::show) << sql;
        EXPECT_FALSE(statement.reads_only) << sql;
    }
    for (const char* sql : {"SHOW pgweir.lsn; SELECT 1", "SELECT 1; SHOW pgweir.lsn", "SHOW pgweir.lsnx", "SHOW lsn"}) {
        EXPECT_FALSE(judge(sql).asks_position) << sql;
    }
}

}  // namespace
}  // namespace pgweir::sql::test
