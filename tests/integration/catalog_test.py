"""What the text does not show, known from the primary's catalog (semantics.md B): user functions, operators, casts, views,
sequences and unlogged tables, as they are, as they change, and while they cannot be read."""

import io
import json
import signal
import subprocess

import harness
import wire
from harness import SLOW, ClusterCase, main, psycopg2, rows, until, value

SCHEMA = """
CREATE SCHEMA one; CREATE SCHEMA two;
CREATE TABLE item(id int PRIMARY KEY, n int); INSERT INTO item VALUES (1, 1);
CREATE SEQUENCE counter;
CREATE FUNCTION stable_here(int) RETURNS text STABLE LANGUAGE sql AS $$SELECT public.server_name()$$;
CREATE FUNCTION volatile_here(int) RETURNS text VOLATILE LANGUAGE sql AS $$SELECT public.server_name()$$;
CREATE FUNCTION writes() RETURNS bigint VOLATILE LANGUAGE plpgsql AS $$BEGIN RETURN nextval('public.counter'); END$$;
CREATE FUNCTION one.mixed(int) RETURNS text STABLE LANGUAGE sql AS $$SELECT public.server_name()$$;
CREATE FUNCTION two.mixed(text) RETURNS text VOLATILE LANGUAGE sql AS $$SELECT public.server_name()$$;
CREATE FUNCTION one.only_here(int) RETURNS text STABLE LANGUAGE sql AS $$SELECT public.server_name()$$;
CREATE FUNCTION of_row(item) RETURNS bigint VOLATILE LANGUAGE sql AS $$SELECT public.writes()$$;
CREATE FUNCTION plus_counter(int, int) RETURNS bigint VOLATILE LANGUAGE sql AS $$SELECT public.writes() + $1 + $2$$;
CREATE OPERATOR @#@ (LEFTARG = int, RIGHTARG = int, FUNCTION = plus_counter);
CREATE OPERATOR #### (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl);
CREATE TYPE ticket AS (n bigint);
CREATE FUNCTION make_ticket(int) RETURNS ticket VOLATILE LANGUAGE sql AS $$SELECT ROW(public.writes())::public.ticket$$;
CREATE CAST (int AS ticket) WITH FUNCTION make_ticket(int);
CREATE FUNCTION add_counting(bigint, int) RETURNS bigint VOLATILE LANGUAGE sql AS $$SELECT public.writes() + $2$$;
CREATE AGGREGATE counting_sum(int) (SFUNC = add_counting, STYPE = bigint, INITCOND = 0);
CREATE AGGREGATE plain_sum(int) (SFUNC = int4pl, STYPE = int, INITCOND = 0);
CREATE FUNCTION lower(item) RETURNS bigint VOLATILE LANGUAGE sql AS $$SELECT public.writes()$$;
CREATE UNLOGGED TABLE scratch(n int);
CREATE TABLE parts(n int) PARTITION BY RANGE (n);
CREATE UNLOGGED TABLE part_of PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE VIEW plain_view AS SELECT i.n, public.server_name() AS name FROM item i WHERE n > 0 AND id = ANY (ARRAY[1, 2]);
CREATE VIEW counting_view AS SELECT writes() AS n;
CREATE VIEW over_it AS SELECT n FROM counting_view;
CREATE VIEW over_that AS SELECT max(n) FROM over_it;
CREATE VIEW locking_view AS SELECT * FROM item FOR UPDATE;
CREATE VIEW activity_view AS SELECT pid FROM pg_stat_activity;
CREATE VIEW locks_view AS SELECT * FROM pg_locks;
CREATE VIEW operator_view AS SELECT n @#@ 1 AS n FROM item;
CREATE VIEW "Quoted ""View" AS SELECT writes() AS n;
GRANT ALL ON ALL TABLES IN SCHEMA public TO app; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app;
GRANT USAGE ON SCHEMA one, two TO app; GRANT CREATE ON SCHEMA public TO app;
"""

READS = [
    "SELECT stable_here(1)", "SELECT public.stable_here(1)", "SELECT one.only_here(2)", "SELECT one.mixed(1)",
    "SELECT name FROM plain_view", "SELECT plain_sum(n) FROM item", "SELECT 1 #### 2", "SELECT pg_catalog.lower('A')",
    "SELECT n AS counter FROM item", "SELECT n AS of_row FROM item", "TABLE plain_view",
]
# Each with the reason that it has.
WRITES = {
    "SELECT volatile_here(1)": "function_not_allowed", "SELECT two.mixed('x')": "function_not_allowed",
    "SELECT writes()": "function_not_allowed", "SELECT lower('A')": "function_not_allowed",
    "SELECT i.of_row FROM item i": "function_not_allowed", "SELECT (i).of_row FROM item i": "function_not_allowed",
    "SELECT counting_sum(n) FROM item": "function_not_allowed",
    "SELECT 1 @#@ 2": "unsafe_operator", "SELECT 1 OPERATOR(public.@#@) 2": "unsafe_operator",
    "SELECT 1::ticket": "unsafe_cast", "SELECT CAST(1 AS ticket)": "unsafe_cast", "SELECT CAST(1 AS public.ticket)": "unsafe_cast",
    "SELECT * FROM counting_view": "unsafe_relation", "SELECT * FROM over_it": "unsafe_relation",
    "TABLE over_that": "unsafe_relation", "SELECT * FROM locking_view": "unsafe_relation",
    "SELECT * FROM activity_view": "unsafe_relation", "SELECT * FROM locks_view": "unsafe_relation",
    "SELECT * FROM operator_view": "unsafe_relation", 'SELECT * FROM "Quoted ""View"': "unsafe_relation",
    "SELECT * FROM counter": "unsafe_relation", "TABLE counter": "unsafe_relation", "TABLE public.Counter": "unsafe_relation",
    "SELECT last_value FROM counter": "sequence_row", "SELECT * FROM scratch": "unsafe_relation",
    "SELECT * FROM parts": "unsafe_relation", "COPY scratch TO STDOUT": "unsafe_relation",
}


class EventualCase(ClusterCase):
    """Each read is judged by itself, whatever its session has written or seen."""

    def make(self, **settings):
        return super().make(**{**settings, "routing": {"consistency": "eventual", **settings.get("routing", {})}})


class Case(EventualCase):
    replicas = 1

    def routed(self, weir, connection, sql):
        """Where one statement goes, and why."""
        before = self.counts(weir)
        rows(connection, sql) if not sql.startswith("COPY") else self.copy(connection, sql)
        after = self.counts(weir)
        moved = [key for key, count in after.items() if count != before.get(key, 0)]
        self.assertEqual(len(moved), 1, f"{sql}: {moved}")
        return moved[0]

    @staticmethod
    def counts(weir):
        return {(dict(labels)["target"], dict(labels)["reason"]): count for (name, labels), count in weir.metrics().items()
                if name == "pgweir_queries_routed_total"}

    @staticmethod
    def copy(connection, sql):
        with connection.cursor() as cursor:
            cursor.copy_expert(sql, io.StringIO())

    def await_catalog(self, weir, dbname="app"):
        until(lambda: any(r["database"] == dbname and r["loaded_at"] for r in weir.console("SHOW CATALOG")), "the catalog is read")

    def await_target(self, connection, sql, name):
        until(lambda: value(connection, sql) == name, f"{sql} is answered by {name}")

    def caught_up(self):
        position = self.cluster.primary.value("SELECT pg_current_wal_lsn()")
        for replica in self.cluster.replicas:
            until(lambda: replica.value(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") == "t", "the replica has it all")


class Catalog(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sql(SCHEMA)
        keeper = cls("test_reads_stay_on_replicas")  # a test case of nobody: the proxy is the class's
        cls.proxy = keeper.weir_with_replicas()
        cls.addClassCleanup(keeper._check_end, cls.proxy)
        connection = psycopg2.connect(cls.proxy.dsn())
        connection.close()
        keeper.await_catalog(cls.proxy)
        keeper.caught_up()

    def setUp(self):
        self.connection = self.connect(self.proxy)

    def test_reads_stay_on_replicas(self):
        for sql in READS:
            with self.subTest(sql=sql):
                self.assertEqual(self.routed(self.proxy, self.connection, sql), ("replica", "read"))

    def test_what_is_no_read_goes_to_the_primary(self):
        for sql, reason in WRITES.items():
            with self.subTest(sql=sql):
                self.assertEqual(self.routed(self.proxy, self.connection, sql), ("primary", reason))

    def test_an_annotation_vouches_for_what_may_be_harmless(self):
        for sql in ("SELECT pid FROM activity_view", "SELECT volatile_here(1)"):
            with self.subTest(sql=sql):
                target, _ = self.routed(self.proxy, self.connection, f"/* pgweir: replica */ {sql}")
                self.assertEqual(target, "replica")
        for sql in ("SELECT * FROM locking_view", "SELECT * FROM counter", "SELECT * FROM scratch"):
            with self.subTest(sql=sql):
                self.assertEqual(self.routed(self.proxy, self.connection, f"/* pgweir: replica */ {sql}"), ("primary", "unsafe_relation"))

    def test_temporary_functions_are_the_primarys(self):
        rows(self.connection, "CREATE FUNCTION pg_temp.mine() RETURNS int STABLE LANGUAGE sql AS 'SELECT 1'")
        self.assertEqual(self.routed(self.proxy, self.connection, "SELECT pg_temp.mine()")[0], "primary")

    def test_the_command_line_judges_with_it(self):
        node = self.cluster.primary
        text = "".join(f"{sql};\n" for sql in [*READS, *WRITES])
        done = subprocess.run([str(harness.BINARY), "route", "--catalog", f"host=127.0.0.1 port={node.port} user=app password=app dbname=app"],
                              input=text, capture_output=True, text=True, timeout=60 * SLOW)
        self.assertEqual((done.stderr, done.returncode), ("", 0))
        found = {line["sql"]: (line["target"], line["reason"]) for line in map(json.loads, done.stdout.splitlines())}
        self.assertEqual(found, {**{sql: ("replica", "read") for sql in READS},
                                 **{sql: ("primary", reason) for sql, reason in WRITES.items()}})
        failed = subprocess.run([str(harness.BINARY), "route", "--catalog", f"host=127.0.0.1 port={node.port} user=nobody"],
                                input="", capture_output=True, text=True, timeout=60 * SLOW)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("cannot read the catalog", failed.stderr)

    def test_the_console_and_the_metrics_show_it(self):
        (row,) = [r for r in self.proxy.console("SHOW CATALOG") if r["database"] == "app"]
        self.assertEqual((row["cluster"], row["in_use"], row["last_error"]), ("main", "yes", ""))
        self.assertGreaterEqual(row["functions"], row["safe_functions"])
        self.assertEqual((row["unsafe_operators"], row["unsafe_casts"]), (1, 1))
        self.assertGreaterEqual(self.proxy.metric("pgweir_catalog_loads_total", result="good"), 1)
        self.assertLess(self.proxy.metric("pgweir_catalog_age_seconds", database="app"), 600)


class Changes(Case):
    """The catalog changes while clients use it, or cannot be read."""

    def setUp(self):
        self.sql("DROP FUNCTION IF EXISTS here(); CREATE FUNCTION here() RETURNS text VOLATILE LANGUAGE sql AS "
                 "$$SELECT public.server_name()$$; ALTER FUNCTION here() OWNER TO app; GRANT CREATE ON SCHEMA public TO app")

    def ready(self, **settings):
        weir = self.weir_with_replicas(**settings)
        connection = self.connect(weir)
        self.await_catalog(weir)
        self.assertEqual(value(connection, "SELECT here()"), "primary")
        return weir, connection

    def test_ddl_that_passes_is_seen_at_once(self):
        weir, connection = self.ready()
        other = self.connect(weir)
        rows(other, "ALTER FUNCTION here() STABLE")
        self.await_target(connection, "SELECT here()", "replica1")
        other.autocommit = False
        rows(other, "ALTER FUNCTION here() VOLATILE")
        other.rollback()  # nothing has changed
        self.assertEqual(value(connection, "SELECT here()"), "replica1")
        rows(other, "ALTER FUNCTION here() VOLATILE")
        other.commit()
        self.await_target(connection, "SELECT here()", "primary")
        rows(connection, "SELECT 1; ALTER FUNCTION here() STABLE")  # among others, by its tag
        self.await_target(connection, "SELECT here()", "replica1")

    def test_ddl_behind_its_back_is_seen_by_the_timer(self):
        _, connection = self.ready(routing={"catalog_interval": "200ms"})
        self.sql("ALTER FUNCTION here() STABLE")
        self.await_target(connection, "SELECT here()", "replica1")
        self.sql("ALTER FUNCTION here() VOLATILE")
        self.await_target(connection, "SELECT here()", "primary")

    def test_prepared_statements_are_judged_anew(self):
        weir, _ = self.ready(proxy={"auth_type": "password"}, routing={"catalog_interval": "200ms"})
        raw = self.wire(weir.port, user="app", password="app")
        raw.send(wire.parse("SELECT here()", "kept") + wire.SYNC)
        raw.read_ready()

        def answer():
            raw.send(wire.bind((), "kept") + wire.execute() + wire.SYNC)
            return [message.values for message in raw.read_ready() if message.tag == "D"]
        self.assertEqual(answer(), [["primary"]])
        self.sql("ALTER FUNCTION here() STABLE")
        until(lambda: answer() == [["replica1"]], "the prepared statement goes to the replica")
        self.sql("ALTER FUNCTION here() VOLATILE")
        until(lambda: answer() == [["primary"]], "the prepared statement goes to the primary")

    def test_the_lists_of_a_database_count_there(self):
        lists = [{"name": "app", "safe_functions": ["here"]}, {"name": "strict", "dbname": "app", "unsafe_functions": ["upper"]},
                 {"name": "*"}]
        weir = self.weir_with_replicas(database=lists)
        self.sql("CREATE OR REPLACE VIEW here_view AS SELECT here() AS name; GRANT SELECT ON here_view TO app")
        self.caught_up()
        app, strict = self.connect(weir), self.connect(weir, database="strict")
        until(lambda: sum(bool(r["loaded_at"]) for r in weir.console("SHOW CATALOG")) == 2, "the catalog is read for both lists")
        self.assertEqual(value(app, "SELECT here()"), "replica1")
        self.assertEqual(value(app, "SELECT name FROM here_view"), "replica1")
        self.assertEqual(value(app, "SELECT upper('') || name FROM which_server"), "replica1")
        self.assertEqual(value(strict, "SELECT here()"), "primary")
        self.assertEqual(value(strict, "SELECT name FROM here_view"), "primary")
        self.assertEqual(value(strict, "SELECT upper('') || name FROM which_server"), "primary")

    def test_no_catalog_is_read_when_it_is_off(self):
        weir = self.weir_with_replicas(routing={"catalog_interval": 0})
        self.sql("ALTER FUNCTION here() STABLE")
        connection = self.connect(weir)
        rows(connection, "CREATE OR REPLACE FUNCTION other() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        self.assertEqual(value(connection, "SELECT here()"), "primary")
        self.assertEqual(weir.console("SHOW CATALOG"), [])
        self.assertEqual(self.backends(self.cluster.primary, "pgweir_monitor", "application_name = 'pgweir_catalog'"), 0)

    # Cannot be read: what was known stays, or the built-in list alone.

    def test_a_database_that_the_monitor_may_not_enter(self):
        self.sql("CREATE DATABASE closed")
        self.sql("REVOKE CONNECT ON DATABASE closed FROM public; GRANT CONNECT ON DATABASE closed TO app")
        self.sql("CREATE FUNCTION server_name() RETURNS text STABLE LANGUAGE sql AS $$SELECT current_setting('cluster_name')$$;"
                 "CREATE VIEW which_server AS SELECT server_name() AS name; GRANT SELECT ON which_server TO app", "closed")
        self.caught_up()
        weir = self.weir_with_replicas()
        connection = self.connect(weir, database="closed")
        until(lambda: weir.metric("pgweir_catalog_loads_total", result="failed") >= 2, "it is tried again")
        (row,) = weir.console("SHOW CATALOG")
        self.assertEqual((row["database"], row["loaded_at"]), ("closed", None))
        self.assertIn("permission denied", row["last_error"])
        self.assertEqual(value(connection, "SELECT name FROM which_server"), "replica1")
        self.assertEqual(value(connection, "SELECT server_name()"), "primary")
        self.assertEqual(weir.log_text().count("event=catalog_not_read"), 1)
        self.sql("GRANT CONNECT ON DATABASE closed TO public")
        self.await_target(connection, "SELECT server_name()", "replica1")
        self.assertEqual(weir.log_text().count("event=catalog_read "), 1)

    def test_a_primary_that_is_down(self):
        weir = self.weir_with_replicas(routing={"catalog_interval": "200ms"})
        connection = self.connect(weir)
        self.await_target(connection, "SELECT server_name()", "replica1")
        self.cluster.primary.kill(signal.SIGKILL)
        try:
            until(lambda: any(r["last_error"] for r in weir.console("SHOW CATALOG")), "the catalog cannot be read")
            self.assertEqual(value(connection, "SELECT server_name()"), "replica1")
        finally:
            self.cluster.start(1)
        until(lambda: all(not r["last_error"] for r in weir.console("SHOW CATALOG")), "the catalog is read again")


if __name__ == "__main__":
    main()
