// The routing table of semantics.md A, row by row, each statement spelled in many ways (tests/support/spelling.hpp).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "judge.hpp"
#include "tests/support/spelling.hpp"

namespace pgweir::sql::test {
namespace {

constexpr int kSpellings = 16;

struct Row {
    const char* name;
    bool reads;  // may run on a replica
    std::vector<const char*> statements;  // capitals: keywords, which may not be quoted
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

const Row kRows[] = {
    {"SelectValuesTableWith", true,
     {"SELECT 1", "SELECT a , lower ( b ) FROM t WHERE c = 'x' ORDER BY d LIMIT 5", "VALUES ( 1 , 'x' )", "TABLE t", "( SELECT 1 )",
      "( ( VALUES ( 1 ) ) )", "WITH x AS ( SELECT 1 ) SELECT * FROM x", "( WITH x ( a ) AS ( VALUES ( 1 ) ) TABLE x )",
      "SELECT 1 UNION ALL ( SELECT 2 )"}},
    {"RowLocks", false,
     {"SELECT * FROM t FOR UPDATE", "SELECT * FROM t FOR NO KEY UPDATE", "SELECT * FROM t FOR SHARE", "SELECT * FROM t FOR KEY SHARE",
      "SELECT * FROM t FOR UPDATE OF t SKIP LOCKED", "( SELECT * FROM t FOR SHARE NOWAIT )", "TABLE t FOR UPDATE",
      "SELECT * FROM ( SELECT * FROM t FOR UPDATE ) s", "SELECT ( SELECT a FROM t FOR KEY SHARE )",
      "WITH x AS ( SELECT * FROM t FOR UPDATE ) SELECT * FROM x", "SELECT 1 WHERE EXISTS ( SELECT FROM t FOR NO KEY UPDATE )"}},
    {"ForReadOnly", true, {"SELECT * FROM t FOR READ ONLY", "TABLE t FOR READ ONLY"}},
    {"SelectInto", false,
     {"SELECT * INTO n FROM t", "SELECT a INTO TEMP n FROM t", "SELECT a INTO LOCAL TEMPORARY TABLE n FROM t", "( SELECT 1 INTO n )",
      "SELECT 1 INTO UNLOGGED n", "WITH x AS ( SELECT 1 ) SELECT * INTO TABLE n FROM x", "SELECT 1 INTO n UNION SELECT 2"}},
    {"DataModifyingWith", false,
     {"WITH x AS ( INSERT INTO t VALUES ( 1 ) RETURNING * ) SELECT * FROM x", "WITH x AS ( UPDATE t SET a = 1 RETURNING a ) TABLE x",
      "WITH x ( a ) AS MATERIALIZED ( DELETE FROM t RETURNING a ) SELECT * FROM x", "( WITH x AS ( DELETE FROM t ) SELECT 1 )",
      "SELECT * FROM ( WITH x AS ( DELETE FROM t RETURNING * ) SELECT * FROM x ) s", "WITH x AS ( SELECT 1 ) INSERT INTO t TABLE x",
      "WITH x AS ( WITH y AS ( UPDATE t SET a = 2 RETURNING a ) TABLE y ) SELECT 1", "WITH x AS ( SELECT 1 ) DELETE FROM t",
      "WITH x AS ( SELECT 1 ) MERGE INTO t USING x ON TRUE WHEN MATCHED THEN DELETE"}},
    {"InsertUpdateDeleteTruncate", false,
     {"INSERT INTO t VALUES ( 1 )", "INSERT INTO t ( a ) SELECT 1 WHERE FALSE", "UPDATE t SET a = 1 WHERE FALSE",
      "DELETE FROM t WHERE FALSE", "DELETE FROM ONLY t USING u", "TRUNCATE t", "TRUNCATE TABLE t , u CASCADE"}},
    {"MergeDoNothing", false, {"MERGE INTO t USING u ON t . a = u . a WHEN MATCHED THEN DO NOTHING"}},
    {"Ddl", false,
     {"CREATE TABLE t ( a INT )", "CREATE TABLE IF NOT EXISTS t ( a INT )", "CREATE UNLOGGED TABLE t ( a INT )",
      "CREATE TABLE t AS SELECT 1", "CREATE VIEW v AS SELECT 1", "CREATE INDEX ON t ( lower ( a ) )", "ALTER TABLE t ADD b INT",
      "DROP TABLE IF EXISTS t", "GRANT SELECT ON t TO r", "REVOKE ALL ON t FROM r", "COMMENT ON TABLE t IS 'x'",
      "REFRESH MATERIALIZED VIEW v", "REASSIGN OWNED BY a TO b", "SECURITY LABEL ON TABLE t IS 'x'",
      "IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y"}},
    {"CreateTemporary", false,
     {"CREATE TEMP TABLE t ( a INT )", "CREATE TEMPORARY TABLE t AS SELECT 1", "CREATE OR REPLACE TEMP VIEW v AS SELECT 1",
      "CREATE LOCAL TEMP SEQUENCE s"}},
    {"ExplainOfReads", true,
     {"EXPLAIN SELECT 1", "EXPLAIN VERBOSE SELECT * FROM t", "EXPLAIN ( COSTS off ) ( SELECT 1 )", "EXPLAIN ANALYZE SELECT 1",
      "EXPLAIN ( ANALYZE , BUFFERS ) WITH x AS ( SELECT 1 ) TABLE x", "EXPLAIN ( FORMAT json ) VALUES ( 1 )"}},
    {"ExplainOfOthers", false,
     {"EXPLAIN INSERT INTO t VALUES ( 1 )", "EXPLAIN VERBOSE DELETE FROM t", "EXPLAIN ( COSTS off ) UPDATE t SET a = 1",
      "EXPLAIN EXECUTE p", "EXPLAIN CREATE TABLE t AS SELECT 1", "EXPLAIN DECLARE c CURSOR FOR SELECT 1",
      "EXPLAIN SELECT nextval ( 's' )", "EXPLAIN SELECT 1 FOR UPDATE"}},
    {"ExplainAnalyzeOfOthers", false,
     {"EXPLAIN ANALYZE INSERT INTO t VALUES ( 1 )", "EXPLAIN ( ANALYZE ) DELETE FROM t", "EXPLAIN ANALYZE VERBOSE UPDATE t SET a = 1",
      "EXPLAIN ( VERBOSE , ANALYZE TRUE ) CREATE TABLE t AS SELECT 1", "EXPLAIN ANALYZE EXECUTE p",
      "EXPLAIN ANALYZE WITH x AS ( DELETE FROM t ) SELECT 1", "EXPLAIN ANALYSE SELECT setval ( 's' , 1 )"}},
    {"Show", false, {"SHOW ALL", "SHOW in_hot_standby", "SHOW transaction_read_only", "SHOW TRANSACTION ISOLATION LEVEL", "SHOW TIME ZONE"}},
    {"SetAndReset", false,
     {"SET work_mem = '1MB'", "SET SESSION work_mem TO DEFAULT", "SET LOCAL work_mem = 1", "SET TIME ZONE 'UTC'", "SET NAMES 'UTF8'",
      "SET search_path TO a , b", "SET ROLE r", "SET SESSION AUTHORIZATION r", "RESET ALL", "RESET work_mem", "RESET ROLE"}},
    {"SetTransaction", false,
     {"SET TRANSACTION READ ONLY", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET CONSTRAINTS ALL DEFERRED",
      "SET transaction_read_only = off", "SET default_transaction_isolation = 'serializable'", "SET TRANSACTION READ WRITE"}},
    {"SessionCharacteristics", false,
     {"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
      "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE"}},
    {"Begin", false, {"BEGIN", "BEGIN WORK", "START TRANSACTION", "BEGIN ISOLATION LEVEL REPEATABLE READ"}},
    {"BeginReadOnly", false, {"BEGIN READ ONLY", "START TRANSACTION ISOLATION LEVEL READ COMMITTED , READ ONLY"}},
    {"BeginReadWrite", false, {"BEGIN READ WRITE", "START TRANSACTION READ WRITE"}},
    {"BeginSerializable", false,
     {"BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE , READ ONLY , DEFERRABLE"}},
    {"EndOfTransaction", false,
     {"COMMIT", "COMMIT WORK AND CHAIN", "END", "ROLLBACK", "ABORT", "ROLLBACK AND NO CHAIN"}},
    {"Savepoints", false,
     {"SAVEPOINT s", "RELEASE s", "RELEASE SAVEPOINT s", "ROLLBACK TO s", "ROLLBACK WORK TO SAVEPOINT s"}},
    {"PrepareExecuteDeallocate", false,
     {"PREPARE p AS SELECT 1", "PREPARE p ( INT ) AS INSERT INTO t VALUES ( $1 )", "EXECUTE p", "EXECUTE p ( 1 , 'x' )", "DEALLOCATE p",
      "DEALLOCATE PREPARE ALL"}},
    {"Cursors", false,
     {"DECLARE c CURSOR FOR SELECT 1", "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT 1", "FETCH c", "FETCH ALL FROM c", "MOVE 5 IN c",
      "CLOSE c", "CLOSE ALL", "DECLARE c CURSOR FOR SELECT * FROM t FOR UPDATE"}},
    {"CopyToStdout", true,
     {"COPY t TO STDOUT", "COPY app . t ( a , b ) TO STDOUT WITH ( FORMAT csv )", "COPY ( SELECT lower ( a ) FROM t ) TO STDOUT",
      "COPY ( VALUES ( 1 ) ) TO STDOUT CSV HEADER", "COPY ( WITH x AS ( SELECT 1 ) TABLE x ) TO STDOUT ( FORMAT binary )"}},
    {"CopyDmlAndCopyFrom", false,
     {"COPY ( DELETE FROM t RETURNING * ) TO STDOUT", "COPY ( INSERT INTO t VALUES ( 1 ) RETURNING a ) TO STDOUT",
      "COPY ( SELECT nextval ( 's' ) ) TO STDOUT", "COPY ( SELECT * FROM t FOR UPDATE ) TO STDOUT", "COPY t FROM STDIN",
      "COPY t ( a ) FROM STDIN WITH ( FORMAT csv )", "COPY t FROM 'file'", "COPY t FROM PROGRAM 'cat'"}},
    {"CopyToFileOrProgram", false,
     {"COPY t TO 'file'", "COPY t TO PROGRAM 'cat'", "COPY ( SELECT 1 ) TO 'file' ( FORMAT csv )", "COPY ( SELECT 1 ) TO PROGRAM 'cat'"}},
    {"LockTable", false,
     {"LOCK t", "LOCK TABLE t , u IN EXCLUSIVE MODE", "LOCK TABLE ONLY t IN ACCESS EXCLUSIVE MODE NOWAIT", "LOCK t IN SHARE MODE"}},
    {"WeakLockTable", false, {"LOCK t IN ACCESS SHARE MODE", "LOCK TABLE t IN ROW SHARE MODE", "LOCK TABLE t IN ROW EXCLUSIVE MODE"}},
    {"ListenNotify", false, {"LISTEN c", "NOTIFY c", "NOTIFY c , 'x'", "SELECT pg_notify ( 'c' , 'x' )"}},
    {"Unlisten", false, {"UNLISTEN c", "UNLISTEN *"}},
    {"DoCall", false, {"DO 'BEGIN NULL; END'", "DO LANGUAGE plpgsql $$ BEGIN NULL; END $$", "CALL p ( )", "CALL app . p ( 1 , 'x' )"}},
    {"Maintenance", false,
     {"VACUUM", "VACUUM ( FULL ) t", "ANALYZE", "ANALYZE VERBOSE t ( a )", "CLUSTER t USING i", "REINDEX TABLE CONCURRENTLY t"}},
    {"CheckpointLoadAlterSystem", false,
     {"CHECKPOINT", "LOAD 'x'", "ALTER SYSTEM SET work_mem = '1GB'", "ALTER SYSTEM RESET ALL"}},
    {"TwoPhase", false, {"PREPARE TRANSACTION 'x'", "COMMIT PREPARED 'x'", "ROLLBACK PREPARED 'x'"}},
    {"Discard", false, {"DISCARD ALL", "DISCARD TEMP", "DISCARD PLANS", "DISCARD SEQUENCES"}},
    {"Snapshots", false, {"SET TRANSACTION SNAPSHOT '1'", "SELECT pg_export_snapshot ( )"}},
    {"SequencesOwnRow", false,
     {"SELECT last_value FROM s", "SELECT s . last_value FROM s", "SELECT is_called , log_cnt FROM app . s", "SELECT ( last_value ) FROM s"}},
    {"TemporarySchema", false, {"SELECT * FROM pg_temp . t", "TABLE pg_temp . t", "SELECT pg_temp . t . a FROM pg_temp . t"}},
    {"Dblink", false, {"SELECT dblink ( 'x' , 'y' )", "SELECT * FROM dblink ( 'x' , 'y' ) AS t ( a INT )", "SELECT dblink_exec ( 'x' , 'y' )"}},
    {"SeveralStatements", false, {"SELECT 1 ; SELECT 2", "SELECT 1 ; DELETE FROM t", "BEGIN ; SELECT 1 ; COMMIT", "TABLE t ; TABLE u"}},
    {"FunctionsThatFailInRecovery", false,
     {"SELECT nextval ( 's' )", "SELECT setval ( 's' , 1 )", "SELECT txid_current ( )", "SELECT pg_catalog . pg_current_xact_id ( )",
      "SELECT pg_switch_wal ( )", "SELECT pg_walfile_name ( '0/0' )", "SELECT lo_unlink ( 1 )", "SELECT pg_replication_origin_oid ( 'x' )"}},
    {"FunctionsWithAnotherMeaning", false,
     {"SELECT pg_advisory_lock ( 1 )", "SELECT set_config ( 'a' , 'b' , FALSE )", "SELECT setseed ( 0.5 )", "SELECT currval ( 's' )",
      "SELECT pg_is_in_recovery ( )", "SELECT pg_backend_pid ( )", "SELECT query_to_xml ( 'x' , TRUE , TRUE , '' )",
      "SELECT * FROM pg_stat_activity", "TABLE pg_catalog . pg_locks", "SELECT pg_terminate_backend ( 1 )"}},
    {"SafeVolatileFunctions", true,
     {"SELECT random ( )", "SELECT clock_timestamp ( )", "SELECT pg_catalog . gen_random_uuid ( )", "SELECT pg_sleep ( 0.1 )",
      "SELECT pg_relation_size ( 't' )", "SELECT * FROM pg_partition_tree ( 't' )", "SELECT uuidv7 ( ) , random_normal ( )"}},
};

class TableA : public testing::TestWithParam<Row> {};

INSTANTIATE_TEST_SUITE_P(Rows, TableA, testing::ValuesIn(kRows), [](const auto& row) { return std::string(row.param.name); });

// However it is written, the statement goes to the same place for the same reason.
TEST_P(TableA, InManySpellings) {
    pgweir::test::Random random(20261124);
    for (const char* statement : GetParam().statements) {
        const Reason reason = judge(statement).reason;
        EXPECT_EQ(reason == Reason::read, GetParam().reads) << statement;
        for (int i = 0; i < kSpellings; ++i) {
            const std::string text = pgweir::test::Speller(random, {.unicode_names = false}).spell(pgweir::test::pieces_of(statement));
            EXPECT_EQ(judge(text).reads_only, GetParam().reads) << text;
            EXPECT_EQ(name(judge(text).reason), name(reason)) << text;
        }
    }
}

// Names written as U&"…" are for the primary, or nothing else changes.
TEST_P(TableA, WithUnicodeNames) {
    pgweir::test::Random random(20261125);
    for (const char* statement : GetParam().statements) {
        for (int i = 0; i < kSpellings; ++i) {
            const std::string text = pgweir::test::Speller(random).spell(pgweir::test::pieces_of(statement));
            EXPECT_FALSE(judge(text).reads_only && !GetParam().reads) << text;
        }
    }
}

}  // namespace
}  // namespace pgweir::sql::test
