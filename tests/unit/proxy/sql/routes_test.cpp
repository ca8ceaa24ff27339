// The routing table of semantics.md A, with the reason of each row.
#include <gtest/gtest.h>

#include "judge.hpp"

namespace pgweir::sql::test {
namespace {

struct Row {
    const char* sql;
    Reason reason;
};

TEST(Routes, Reasons) {
    const Row rows[] = {
        {"SELECT 1", Reason::read},
        {"VALUES (1)", Reason::read},
        {"TABLE t", Reason::read},
        {"(SELECT 1)", Reason::read},
        {"WITH x AS (SELECT 1) SELECT * FROM x", Reason::read},
        {"SELECT * FROM t FOR UPDATE", Reason::row_lock},
        {"SELECT * FROM t FOR NO KEY UPDATE", Reason::row_lock},
        {"SELECT * FROM t FOR SHARE", Reason::row_lock},
        {"SELECT * FROM t FOR KEY SHARE", Reason::row_lock},
        {"SELECT * FROM (SELECT * FROM t FOR UPDATE) s", Reason::row_lock},
        {"SELECT * FROM t FOR READ ONLY", Reason::read},
        {"SELECT * INTO n FROM t", Reason::select_into},
        {"WITH x AS (DELETE FROM t RETURNING 1) SELECT * FROM x", Reason::write},
        {"WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", Reason::write},
        {"INSERT INTO t VALUES (1)", Reason::write},
        {"UPDATE t SET a = 1 WHERE false", Reason::write},
        {"DELETE FROM t", Reason::write},
        {"TRUNCATE t", Reason::write},
        {"MERGE INTO t USING u ON true WHEN MATCHED THEN DO NOTHING", Reason::write},
        {"CREATE TABLE IF NOT EXISTS t (a int)", Reason::ddl},
        {"ALTER SYSTEM SET x = 1", Reason::ddl},
        {"GRANT SELECT ON t TO r", Reason::ddl},
        {"COMMENT ON TABLE t IS 'x'", Reason::ddl},
        {"REFRESH MATERIALIZED VIEW v", Reason::ddl},
        {"CREATE TEMP TABLE t (a int)", Reason::temporary},
        {"EXPLAIN SELECT 1", Reason::read},
        {"EXPLAIN INSERT INTO t VALUES (1)", Reason::explain_other},
        {"EXPLAIN ANALYZE INSERT INTO t VALUES (1)", Reason::explain_analyze},
        {"EXPLAIN (ANALYZE) CREATE TABLE t AS SELECT 1", Reason::explain_analyze},
        {"EXPLAIN ANALYZE SELECT 1", Reason::read},
        {"SHOW in_hot_standby", Reason::show},
        {"SET x = 1", Reason::set},
        {"RESET x", Reason::set},
        {"BEGIN", Reason::transaction},
        {"START TRANSACTION READ ONLY", Reason::read_only_transaction},
        {"BEGIN READ WRITE", Reason::read_write_transaction},
        {"BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE", Reason::serializable},
        {"COMMIT", Reason::transaction_end},
        {"ROLLBACK AND CHAIN", Reason::transaction_end},
        {"SAVEPOINT a", Reason::transaction_control},
        {"ROLLBACK TO a", Reason::transaction_control},
        {"PREPARE p AS INSERT INTO t VALUES (1)", Reason::prepare},
        {"EXECUTE p", Reason::prepare},
        {"DEALLOCATE p", Reason::prepare},
        {"DECLARE c CURSOR FOR SELECT 1", Reason::cursor},
        {"FETCH c", Reason::cursor},
        {"COPY t TO STDOUT", Reason::read},
        {"COPY (SELECT 1) TO STDOUT", Reason::read},
        {"COPY (DELETE FROM t RETURNING 1) TO STDOUT", Reason::write},
        {"COPY t FROM STDIN", Reason::copy_in},
        {"COPY t TO '/tmp/x'", Reason::copy_to_file},
        {"COPY t TO PROGRAM 'x'", Reason::copy_to_file},
        {"LOCK t", Reason::lock},
        {"LOCK t IN ACCESS SHARE MODE", Reason::lock},
        {"LISTEN c", Reason::listen},
        {"NOTIFY c", Reason::listen},
        {"UNLISTEN *", Reason::listen},
        {"SELECT pg_notify('a', 'b')", Reason::function_not_allowed},
        {"DO $$ $$", Reason::do_or_call},
        {"CALL p()", Reason::do_or_call},
        {"VACUUM t", Reason::maintenance},
        {"CHECKPOINT", Reason::maintenance},
        {"LOAD 'x'", Reason::load},
        {"PREPARE TRANSACTION 'x'", Reason::two_phase},
        {"COMMIT PREPARED 'x'", Reason::two_phase},
        {"DISCARD ALL", Reason::discard},
        {"SET TRANSACTION SNAPSHOT 'x'", Reason::transaction_control},
        {"SELECT pg_export_snapshot()", Reason::function_not_allowed},
        {"SELECT last_value FROM s", Reason::sequence_row},
        {"SELECT * FROM pg_temp.t", Reason::temporary},
        {"SELECT dblink_exec('x', 'y')", Reason::function_not_allowed},
        {"SELECT 1; SELECT 2", Reason::multiple_statements},
        {"SELECT * FROM pg_stat_activity", Reason::node_local},
        {"SET pgweir.x = 1", Reason::local},
        {"", Reason::empty},
        {"  -- nothing\n /* at all */ ;; ", Reason::empty},
        {"FROBNICATE t", Reason::not_a_read},
        {"SELECT 1 FROM t WHERE (", Reason::syntax},
        {"SELECT 'x", Reason::syntax},
    };
    for (const Row& row : rows) EXPECT_EQ(name(judge(row.sql).reason), name(row.reason)) << row.sql;
}

TEST(Routes, TransactionKinds) {
    const struct {
        const char* sql;
        Transaction kind;
    } rows[] = {
        {"BEGIN", Transaction::begin},
        {"BEGIN WORK", Transaction::begin},
        {"begin transaction isolation level repeatable read", Transaction::begin},
        {"START TRANSACTION", Transaction::begin},
        {"BEGIN NOT DEFERRABLE", Transaction::begin},
        {"BEGIN READ ONLY", Transaction::begin_read_only},
        {"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", Transaction::begin_read_only},
        {"START TRANSACTION READ ONLY ISOLATION LEVEL READ COMMITTED", Transaction::begin_read_only},
        {"BEGIN READ WRITE", Transaction::begin_read_write},
        {"BEGIN READ ONLY, READ WRITE", Transaction::begin_read_write},
        {"BEGIN ISOLATION LEVEL SERIALIZABLE", Transaction::begin_serializable},
        {"BEGIN READ ONLY, ISOLATION LEVEL SERIALIZABLE, DEFERRABLE", Transaction::begin_serializable},
        {"COMMIT", Transaction::end},
        {"END WORK", Transaction::end},
        {"COMMIT TRANSACTION AND CHAIN", Transaction::end},
        {"ROLLBACK", Transaction::end},
        {"ABORT", Transaction::end},
        {"PREPARE TRANSACTION 'x'", Transaction::end},
        {"ROLLBACK TO SAVEPOINT a", Transaction::control},
        {"ROLLBACK WORK TO a", Transaction::control},
        {"SAVEPOINT a", Transaction::control},
        {"RELEASE a", Transaction::control},
        {"SET TRANSACTION READ ONLY", Transaction::control},
        {"SET LOCAL TRANSACTION READ ONLY", Transaction::control},
        {"SET transaction_isolation = 'serializable'", Transaction::control},
        {"SET CONSTRAINTS ALL IMMEDIATE", Transaction::control},
        {"COMMIT PREPARED 'x'", Transaction::none},
        {"ROLLBACK PREPARED 'x'", Transaction::none},
        {"SELECT 1", Transaction::none},
        {"BEGIN; SELECT 1", Transaction::none},
        {"SELECT 1; COMMIT", Transaction::none},
        {"BEGIN;", Transaction::begin},
    };
    for (const auto& row : rows) EXPECT_EQ(judge(row.sql).transaction, row.kind) << row.sql;
}

// A flood of modes cannot push the one that matters out of sight.
TEST(Routes, LongBeginIsForThePrimary) {
    std::string sql = "BEGIN READ ONLY";
    for (int i = 0; i < 30; ++i) sql += ", READ ONLY";
    EXPECT_EQ(judge(sql + ", ISOLATION LEVEL SERIALIZABLE").transaction, Transaction::begin_read_write);
}

TEST(Routes, MultipleStatements) {
    EXPECT_TRUE(judge("SELECT 1; SELECT 2").multiple);
    EXPECT_FALSE(judge(";SELECT 1;;").multiple);
    EXPECT_TRUE(judge(";SELECT 1;;").reads_only);
    EXPECT_FALSE(judge("SELECT ';'; --;\n").multiple);
    const Statement both = judge("SET pgweir.x = 1; SELECT 1");
    EXPECT_EQ(both.local, Local::none);
    EXPECT_TRUE(has(both.effects, Effect::set_other));
    EXPECT_FALSE(both.reads_only);
    EXPECT_TRUE(both.name.empty());
}

}  // namespace
}  // namespace pgweir::sql::test
