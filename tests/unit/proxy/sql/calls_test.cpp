// Which parentheses call a function (semantics.md A, "Functions", and B, "a sound over-approximation").
#include <gtest/gtest.h>

#include "judge.hpp"
#include "proxy/sql/functions.hpp"

namespace pgweir::sql::test {
namespace {

// A call hidden where a lazy reader sees a column list, a type, an alias or a keyword.
TEST(Calls, NothingHides) {
    const char* const statements[] = {
        "SELECT DISTINCT ON (a) nextval('s') FROM t",
        "SELECT DISTINCT ON (f.a) nextval('s') FROM t",
        "SELECT DISTINCT ON (lower(a)) nextval('s') FROM t",
        "SELECT DISTINCT ON ((a)) nextval('s') FROM t",
        "SELECT (DISTINCT ON (a) nextval('s'))",
        "SELECT 1 OPERATOR(pg_catalog.+) nextval('s')",
        "SELECT lower(x) OPERATOR(+) nextval('s')",
        "SELECT (1) OPERATOR(pg_catalog.+) nextval('s')",
        "SELECT TREAT('s' AS nextval)",
        "SELECT treat('s' AS pg_catalog.nextval)",
        "SELECT * FROM t, nextval('s') AS (a int)",
        "SELECT 1, nextval('s') AS (b)",
        "WITH x AS (SELECT 1) (SELECT 2) ORDER BY 1, nextval('s')",
        "WITH x AS (SELECT 1) SELECT a, nextval('s') AS y",
        "WITH x AS (SELECT 1) VALUES (1), (nextval('s'))",
        "WITH x AS (SELECT 1) TABLE x ORDER BY 1, nextval('s')",
        "WITH x(a) AS (SELECT b, nextval('s') FROM t) SELECT 1",
        "SELECT * FROM (WITH x AS (SELECT 1) SELECT 2, nextval('s')) y",
        "SELECT * FROM t JOIN u ON nextval('s') = 1",
        "SELECT * FROM t AS x(a), nextval('s')",
        "SELECT CAST(a AS numeric(3)), nextval('s')",
        "SELECT a::numeric(3) + nextval('s')",
        "SELECT count(*) FILTER (WHERE nextval('s') > 0)",
        "SELECT sum(a) OVER (ORDER BY nextval('s'))",
        "SELECT nextval('s') FILTER (WHERE true)",
        "SELECT a IS DISTINCT FROM f(1)",
        "SELECT * FROM t JOIN f(1) ON true",
        "SELECT extract(year FROM f(1))",
        "SELECT * FROM app.f(1)",
        "SELECT * FROM a.b.f(1)",
        "SELECT * FROM orders nextval('s')",
        "SELECT (1) OPERATOR(*) FROM t",
        "SELECT DISTINCT ON (a) operator(*) FROM t",
        "SELECT DISTINCT ON (a) operator(t.*) FROM t",
        "SELECT NOT operator(*)",
        "COPY (SELECT f(1)) TO STDOUT (FORCE_QUOTE (a))",
        "SELECT '1' || f(1), 1 + f(1), $1 = f(1), a[1] - f(1)",
        "SELECT 1 WHERE a = 'x' AND f(1)",
        "SELECT JSON_OBJECT('a': f(1))",
        "SELECT JSON_OBJECT(KEY f(1) VALUE 2)",
        "SELECT JSON_OBJECT(KEY 'a' VALUE f(2))",
        "SELECT JSON_OBJECT('a' VALUE f(2))",
        "SELECT JSON_VALUE(d, '$.a' DEFAULT f(1) ON ERROR)",
        "SELECT JSON_VALUE(d, '$.a' PASSING f(1) AS x)",
        "SELECT * FROM JSON_TABLE(f(1), '$' COLUMNS (a int))",
        "SELECT * FROM JSON_TABLE(d, '$' COLUMNS (a int DEFAULT f(1) ON EMPTY))",
        "SELECT a LIKE 'b' ESCAPE f(1)",
        "SELECT columns(1)",
        "SELECT join(values)",
        "SELECT join(values, 1) FROM t",
        "SELECT second(1), interval",
        "SELECT a SIMILAR TO second(1)",
        "SELECT interval '1' + second(1)",
        "SELECT a FROM t GROUP BY (a, cube(b))",
        "SELECT a FROM t GROUP BY a + cube(b)",
        "SELECT a FROM t GROUP BY a ORDER BY b, cube(b)",
        "SELECT a FROM t GROUP BY a HAVING c IN (b, cube(b))",
        "SELECT a FROM t GROUP BY GROUPING SETS ((a, cube(b)))",
        "SELECT a, cube(b) FROM t",
        "WITH x AS (SELECT 1) CYCLE a SET b USING c (SELECT 1) ORDER BY 1, nextval('s')",
        "SELECT a[nextval('s')]",
        "SELECT ARRAY[nextval('s')]",
        "SELECT a FROM t ORDER BY nextval('s')",
        "SELECT a FROM t LIMIT nextval('s')",
        "SELECT a FROM t FETCH FIRST nextval('s') ROWS ONLY",
        "SELECT xmlparse(document nextval('s'))",
        "SELECT 'a' LIKE 'b' ESCAPE nextval('s')",
        "SELECT a LIKE (b) ESCAPE ilike('x')",
        "SELECT a FROM t ORDER BY ilike(b)",
        "SELECT a FROM t WHERE NOT join(b)",
        "SELECT now() AT TIME ZONE nextval('s')",
        "SELECT zone(1), by(1), sets(1), first(1), varying(1)",
        "SELECT x.over(1)",
        "SELECT over(1)",
        "SELECT (a).f(1)",
        "SELECT a.b.lower(1)",
        "SELECT public.lower('x')",
        "SELECT \"Pg_Catalog\".lower('x')",
        "SELECT lower.nextval('s')",
        "SELECT pg_catalog.select('s')",
        "SELECT operator(t.*) FROM t",
        "SELECT ordinality(1)",
        "SELECT 'a' SIMILAR TO stdout(1)",
        "SELECT * FROM stdin(1)",
        "COPY (SELECT stdout(1)) TO STDOUT",
        "SELECT a AS x, varying(1)",
        "SELECT recursive(1)",
        "SELECT f(VARIADIC a)",
        "SELECT f(a => 1)",
        "COPY (SELECT nextval('s')) TO STDOUT",
        "EXPLAIN ANALYZE SELECT nextval('s')",
        "EXPLAIN (ANALYZE) SELECT nextval('s')",
        "EXPLAIN (SELECT nextval('s'))",
        "SELECT nextval\xC2\xA0('s')",
        "SELECT a_name_of_more_than_sixty_four_bytes_that_is_longer_than_the_buffer_for_folding('x')",
    };
    for (const char* sql : statements) {
        EXPECT_EQ(name(judge(sql).reason), name(Reason::function_not_allowed)) << sql;
        EXPECT_FALSE(judge(sql).reads_only) << sql;
    }
}

TEST(Calls, TheConfigurationAddsAndRemoves) {
    const Allowlist list({"my_read", "in_both"}, {"lower", "in_both"});
    const auto reads = [&list](const char* sql) { return classify(sql, {}, list).reads_only; };
    EXPECT_TRUE(reads("SELECT my_read(1), My_Read(2), \"my_read\"(3), app.my_read(4)"));
    EXPECT_FALSE(reads("SELECT \"My_Read\"(1)"));
    EXPECT_FALSE(reads("SELECT lower('x')"));
    EXPECT_FALSE(reads("SELECT pg_catalog.lower('x')"));
    EXPECT_FALSE(reads("SELECT in_both(1)"));
    EXPECT_TRUE(reads("SELECT upper('x'), pg_catalog.upper('x')"));
    EXPECT_FALSE(reads("SELECT app.upper('x')"));
    EXPECT_FALSE(list.contains("my_rea"));
    EXPECT_FALSE(list.contains(""));
    EXPECT_EQ(classify("SELECT my_read(1)", {}, list).effects, Effect::none);
}

TEST(Calls, BuiltInList) {
    const Allowlist list;
    for (const char* allowed : {"random",
                                "clock_timestamp",
                                "timeofday",
                                "gen_random_uuid",
                                "pg_sleep",
                                "pg_sleep_for",
                                "pg_sleep_until",
                                "current_query",
                                "lo_get",
                                "pg_database_size",
                                "pg_relation_size",
                                "pg_partition_tree",
                                "pg_partition_ancestors",
                                "pg_xact_status",
                                "txid_status",
                                "random_normal",
                                "uuidv4",
                                "uuidv7",
                                "array_sample",
                                "array_shuffle",
                                "now",
                                "lower",
                                "count",
                                "sum",
                                "abs",
                                "zerocol"}) {
        EXPECT_EQ(list.contains(allowed), std::string_view(allowed) != "zerocol") << allowed;
    }
    for (const char* not_allowed : {"nextval",
                                    "setval",
                                    "pg_notify",
                                    "txid_current",
                                    "pg_current_xact_id",
                                    "pg_replication_origin_oid",
                                    "pg_switch_wal",
                                    "pg_create_restore_point",
                                    "pg_current_wal_lsn",
                                    "pg_walfile_name",
                                    "brin_summarize_range",
                                    "gin_clean_pending_list",
                                    "lo_unlink",
                                    "pg_import_system_collations",
                                    "lo_creat",
                                    "lo_put",
                                    "lowrite",
                                    "pg_logical_emit_message",
                                    "pg_nextoid",
                                    "pg_logical_slot_get_changes",
                                    "pg_advisory_lock",
                                    "pg_try_advisory_lock",
                                    "set_config",
                                    "setseed",
                                    "currval",
                                    "lastval",
                                    "lo_open",
                                    "loread",
                                    "lo_export",
                                    "pg_promote",
                                    "pg_wal_replay_pause",
                                    "pg_reload_conf",
                                    "pg_rotate_logfile",
                                    "pg_terminate_backend",
                                    "pg_cancel_backend",
                                    "pg_log_backend_memory_contexts",
                                    "pg_create_logical_replication_slot",
                                    "pg_replication_slot_advance",
                                    "pg_backup_start",
                                    "pg_backup_stop",
                                    "pg_stat_reset",
                                    "pg_is_in_recovery",
                                    "pg_control_system",
                                    "pg_last_wal_replay_lsn",
                                    "pg_stat_get_activity",
                                    "pg_lock_status",
                                    "pg_ls_dir",
                                    "pg_read_file",
                                    "pg_backend_pid",
                                    "inet_server_addr",
                                    "query_to_xml",
                                    "cursor_to_xml",
                                    "ts_stat",
                                    "ts_rewrite",
                                    "dblink",
                                    "current_setting",
                                    "pg_export_snapshot",
                                    "pg_sequence_last_value"}) {
        EXPECT_FALSE(list.contains(not_allowed)) << not_allowed;
    }
}

TEST(Calls, EffectsOfFunctions) {
    const struct {
        const char* sql;
        Effect effects;
    } rows[] = {
        {"SELECT lower('x')", Effect::none},
        {"SELECT my_function()", Effect::taint},
        {"SELECT app.nextval('s')", Effect::taint},
        {"SELECT set_config('a', 'b', false)", Effect::set_other},
        {"SELECT pg_catalog.set_config('a', 'b', true)", Effect::set_other},
        {"SELECT pg_advisory_lock(1)", Effect::advisory_lock},
        {"SELECT pg_try_advisory_lock_shared(1)", Effect::advisory_lock},
        {"SELECT pg_advisory_xact_lock(1)", Effect::none},
        {"SELECT pg_advisory_unlock(1)", Effect::lets_go},
        {"SELECT nextval('s')", Effect::sequence},
        {"SELECT setval('s', 1)", Effect::sequence},
        {"SELECT currval('s'), lastval()", Effect::currval},
        {"SELECT setseed(0.1)", Effect::load},
        {"SELECT pg_notify('a', 'b')", Effect::none},
        {"SELECT txid_current()", Effect::none},
        {"SELECT pg_switch_wal()", Effect::none},
        {"SELECT lo_creat(1)", Effect::none},
        {"SELECT query_to_xml('x', true, true, '')", Effect::taint},
        {"SELECT treat(x AS f)", Effect::taint},
        {"SELECT U&\"f\"(1)", Effect::taint},
        {"INSERT INTO t (a, b) VALUES (nextval('s'), lower('x'))", Effect::sequence},
        {"INSERT INTO public.t AS x (a) VALUES (f(1)) ON CONFLICT (a) DO UPDATE SET (a) = ROW(2)", Effect::taint},
        {"INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET (a, b) = (1, 2)", Effect::none},
        {"MERGE INTO t USING u ON true WHEN NOT MATCHED THEN INSERT (a) VALUES (1)", Effect::none},
        {"UPDATE t SET a = f(a)", Effect::taint},
        {"DELETE FROM t WHERE f(a)", Effect::taint},
        {"CREATE TABLE t (a int, b numeric(3, 2) DEFAULT now(), PRIMARY KEY (a))", Effect::none},
        {"CREATE TABLE IF NOT EXISTS s.t (a int REFERENCES u (id))", Effect::none},
        {"CREATE TABLE t AS SELECT f(1)", Effect::taint},
        {"CREATE TABLE t AS EXECUTE p", Effect::taint},
        {"GRANT EXECUTE ON FUNCTION f(int) TO r", Effect::none},
        {"COPY t FROM STDIN (FORMAT csv) WHERE f(a)", Effect::taint | Effect::copy_from_stdin},
        {"EXPLAIN ANALYZE UPDATE t SET a = nextval('s')", Effect::sequence},
    };
    for (const auto& row : rows) EXPECT_EQ(judge(row.sql).effects, row.effects) << row.sql;
}

}  // namespace
}  // namespace pgweir::sql::test
