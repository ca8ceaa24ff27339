"""Reads that a replica refuses, cancels or loses are run once more, on the primary or another replica (semantics.md B)."""

import signal
import threading
import time

import wire as w
from harness import ClusterCase, Load, main, psycopg2, until, value

# What no scanner can see: innocent texts, all of them refused by a standby. Each run of one adds a row to `ran`.
HIDDEN = {
    "a view over a volatile function": "SELECT * FROM v_call",
    "a view over a view": "SELECT * FROM v_above",
    "a view that locks": "SELECT count(*) FROM v_lock",
    "an operator": "SELECT 3 <+> 4",
    "a cast": "SELECT 'x'::text::marked IS NOT NULL",
    "a domain's check": "SELECT '5'::counted",
    "a row security policy": "SELECT count(*) FROM guarded",
    "attribute notation": "SELECT o.marker FROM one AS o",
    "a builtin's name, shadowed": "SELECT lower('A')",
    "a function that lies": "SELECT liar()",
    "an unlogged table": "SELECT n FROM unlogged_one",
    "the position in the WAL": "SELECT position IS NOT NULL FROM v_position",
    "a large object": "SELECT made > 0 FROM v_large",
}
SILENT = {"a view that locks", "an unlogged table", "the position in the WAL", "a large object"}  # they call nothing of ours

LOGINS = [{"name": "app", "password": "app"}, {"name": "trustuser", "password": "trustpass"},
          {"name": "admin", "password": "admin", "admin": True}]

SCHEMA = """
CREATE TABLE ran (at timestamptz DEFAULT clock_timestamp(), backend int DEFAULT pg_backend_pid());
CREATE FUNCTION mark() RETURNS int LANGUAGE sql VOLATILE SECURITY DEFINER AS 'INSERT INTO public.ran DEFAULT VALUES; SELECT 1';
CREATE TABLE one (n int); INSERT INTO one VALUES (1);
CREATE VIEW v_call AS SELECT mark() AS n;
CREATE VIEW v_above AS SELECT n + 1 AS n FROM v_call;
CREATE VIEW v_lock AS SELECT n FROM one FOR UPDATE;
CREATE FUNCTION add(a int, b int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT mark() - 1 + a + b';
CREATE OPERATOR <+> (LEFTARG = int, RIGHTARG = int, FUNCTION = add);
CREATE TYPE marked AS (t text);
CREATE FUNCTION to_marked(text) RETURNS marked LANGUAGE sql VOLATILE AS 'SELECT ROW($1 || mark())::marked';
CREATE CAST (text AS marked) WITH FUNCTION to_marked(text);
CREATE FUNCTION check_it(int) RETURNS bool LANGUAGE sql VOLATILE AS 'SELECT mark() = 1';
CREATE DOMAIN counted AS int CHECK (check_it(VALUE));
CREATE TABLE guarded (n int); INSERT INTO guarded VALUES (1); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY guard ON guarded USING (mark() = 1);
CREATE FUNCTION marker(one) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT mark()';
CREATE SCHEMA mine; GRANT USAGE ON SCHEMA mine TO public;
CREATE FUNCTION mine.lower(text) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT $1 || public.mark()';
CREATE FUNCTION liar() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN public.mark(); END';
CREATE UNLOGGED TABLE unlogged_one (n int); INSERT INTO unlogged_one VALUES (7);
CREATE VIEW v_position AS SELECT pg_current_wal_lsn() AS position;
CREATE VIEW v_large AS SELECT lo_creat(-1) AS made;
GRANT ALL ON ALL TABLES IN SCHEMA public TO public;
"""


class RunAgain(ClusterCase):
    path = {"search_path": "mine, pg_catalog, public"}
    settings = "max_standby_streaming_delay = 100ms\nhot_standby_feedback = off\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sql(SCHEMA)
        cls.cluster.wait_caught_up()

    def weir_here(self, routing=None, **more):
        # Without the catalog: nothing but the text is known. No read is kept on the primary for what came before it.
        routing = {"catalog_interval": "0s", "consistency": "eventual", "safe_functions": ["liar"], **(routing or {})}
        return self.weir_with_replicas(proxy={"auth_type": "trust"}, routing=routing, **{"user": LOGINS, **more})

    def again(self, weir, cause=None):
        return weir.metric("pgweir_reads_run_again_total", **({"cause": cause} if cause else {}))

    def ran(self):
        return int(self.cluster.primary.value("SELECT count(*) FROM ran", "app"))

    # ---- what no scanner can see

    def ways(self, text):
        """The ways to run a text once; each gives the messages of its answer."""
        extended = w.parse(text) + w.bind() + w.describe() + w.execute() + w.SYNC
        named = w.parse(text, "s") + w.describe("S", "s") + w.bind(name="s") + w.execute() + w.close("S", "s") + w.SYNC
        return (w.query(text), extended, named)

    def answers(self, wire, said):
        wire.send(said)
        messages = wire.read_ready()
        self.assertFalse([m.fields for m in messages if m.tag == "E"])
        return [m.tag for m in messages], [m.values for m in messages if m.tag == "D"]

    def test_what_no_scanner_can_see(self):
        for name, text in HIDDEN.items():
            with self.subTest(name):
                weir = self.weir_here()  # a new one, that has learned nothing
                direct = self.wire(self.cluster.primary.port, user="trustuser", **self.path)
                wire = self.wire(weir.port, user="trustuser", **self.path)
                for said in self.ways(text):
                    expected = self.answers(direct, said)
                    before, done = self.ran(), self.again(weir)
                    self.assertEqual(self.answers(wire, said), expected)
                    if name not in SILENT:
                        self.assertEqual(self.ran(), before + 1, "once, and nowhere else")
                    self.assertEqual(self.again(weir), 1 if said[:1] == b"Q" else done)
                self.assertEqual(self.again(weir, "read_only"), 1, "learned from the first")
                weir.stop()

    def test_what_was_learned(self):
        weir = self.weir_here()
        connection = self.connect(weir)
        for n in (1, 2, 3):
            self.assertEqual(value(connection, f"SELECT n + {n} FROM v_call -- secret{n}"), n + 1)
        self.assertEqual(self.again(weir), 1, "literals and comments make no difference")
        learned = weir.console("SHOW LEARNED")
        self.assertEqual([(r["database"], r["user"], r["query"], r["refusals"], r["uses"]) for r in learned],
                         [("app", "app", "SELECT n + ? FROM v_call", 1, 2)])
        self.assertEqual(weir.metric("pgweir_queries_routed_total", target="primary", reason="learned"), 2)
        # A prepared statement, the second use of which goes straight to the primary.
        wire = self.wire(weir.port, user="app")
        wire.send(w.parse("SELECT n FROM v_above", "p") + w.SYNC)
        wire.read_ready()
        for _ in range(3):
            self.assertEqual(self.answers(wire, w.bind(name="p") + w.execute() + w.SYNC)[1], [["2"]])
        self.assertEqual(self.again(weir), 2)
        # DDL may have changed what it means.
        self.sql("GRANT CREATE ON SCHEMA public TO app")
        with self.connect(weir).cursor() as cursor:
            cursor.execute("CREATE TABLE of_ddl (n int)")
            cursor.execute("DROP TABLE of_ddl")
        until(lambda: weir.console("SHOW LEARNED") == [], "it is forgotten")
        self.assertEqual(value(connection, "SELECT n + 1 FROM v_call"), 2)
        self.assertEqual(self.again(weir), 3)

    # ---- what is never run again

    def refused(self, wire, said, code="25006"):
        wire.send(said)
        messages = wire.read_ready()
        self.assertEqual([m.fields["C"] for m in messages if m.tag == "E"], [code])
        return messages

    def test_never_in_a_transaction(self):
        weir = self.weir_here()
        wire = self.wire(weir.port, user="app")
        wire.ask("BEGIN READ ONLY")
        self.refused(wire, w.query("SELECT * FROM v_call"))
        self.assertEqual(wire.status, "E")
        wire.ask("ROLLBACK")
        self.assertEqual(self.again(weir), 0)

    def test_never_behind_the_first_row(self):
        weir = self.weir_here()
        wire = self.wire(weir.port, user="app")
        text = "SELECT CASE WHEN n < 50 THEN n ELSE liar() END FROM generate_series(1, 60) n"
        before = self.ran()
        messages = self.refused(wire, w.query(text))
        self.assertEqual(len([m for m in messages if m.tag == "D"]), 49)
        self.assertEqual((self.again(weir), self.ran()), (0, before))

    def test_never_what_is_too_long_or_vouched_for_or_not_wanted(self):
        small = self.weir_here({"retry_buffer_size": "1kB"})
        wire = self.wire(small.port, user="app")
        self.refused(wire, w.query("SELECT * FROM v_call -- " + "x" * 2000))
        self.assertEqual(len(self.answers(wire, w.query("SELECT * FROM v_call"))[1]), 1)
        off = self.weir_here({"retry_reads": False})
        self.refused(self.wire(off.port, user="app"), w.query("SELECT * FROM v_call"))
        wire = self.wire(self.weir_here().port, user="app")
        self.refused(wire, w.query("/* pgweir: replica */ SELECT * FROM v_call"))
        # Mistakes are mistakes, and told once.
        self.refused(wire, w.query("SELECT nothing FROM one"), "42703")
        self.refused(wire, w.query("SELECT 1/(n - 1) FROM one"), "22012")
        self.refused(wire, w.parse("SELECT 1", "a") + w.parse("SELECT nothing FROM one", "b") + w.bind(name="b") + w.SYNC, "42703")
        self.assertEqual(self.answers(wire, w.bind(name="a") + w.execute() + w.SYNC)[1], [["1"]], "parsed before the mistake")
        self.refused(wire, w.bind(name="b") + w.SYNC, "26000")

    def test_a_cancelled_one_is_cancelled(self):
        weir = self.weir_here()
        wire = self.wire(weir.port, user="app", options="-c statement_timeout=200")
        self.refused(wire, w.query("SELECT count(*) FROM one, pg_sleep(30)"), "57014")
        self.assertEqual(self.again(weir), 0)

    # ---- what a replica cannot help

    def test_a_conflict_with_recovery(self):
        self.sql("CREATE TABLE busy AS SELECT n FROM generate_series(1, 1000) n; GRANT SELECT ON busy TO app")
        self.cluster.wait_caught_up()
        weir = self.weir_here()
        found, errors = [], []

        def read():
            try:
                found.append(value(connection, "SELECT count(*) FROM (SELECT n, pg_sleep(0.01) FROM busy) x"))
            except psycopg2.Error as error:
                errors.append(str(error))

        connection = self.connect(weir)
        reader = threading.Thread(target=read)
        reader.start()
        running = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND state = 'active' AND query ~ 'busy'"
        until(lambda: any(int(n.value(running)) for n in self.cluster.replicas), "it runs on a replica")
        self.sql("DELETE FROM busy WHERE n > 500")
        self.sql("VACUUM busy")
        reader.join(60)
        self.assertEqual((found, errors), ([500], []), "of after the deletion: run once more")
        self.assertEqual(self.again(weir, "conflict"), 1)

    def test_a_schema_that_has_not_arrived(self):
        weir = self.weir_here(monitor={"interval": "200ms", "timeout": "600ms"})
        for node in self.cluster.replicas:
            node.pause_replay()
        try:
            self.sql("CREATE TABLE brand_new (n int); INSERT INTO brand_new VALUES (42); GRANT SELECT ON brand_new TO app")
            wire = self.wire(weir.port, user="app")
            for said in self.ways("SELECT n FROM brand_new"):
                self.assertEqual(self.answers(wire, said)[1], [["42"]])
            self.assertGreaterEqual(self.again(weir, "schema"), 1)
            self.assertEqual(weir.console("SHOW LEARNED"), [], "it will arrive")
        finally:
            for node in self.cluster.replicas:
                node.resume_replay()

    def test_a_terminated_backend(self):
        weir = self.weir_here()
        connection = self.connect(weir)
        answers = []
        reader = threading.Thread(target=lambda: answers.append(value(connection, "SELECT count(*) FROM one, pg_sleep(1)")))
        reader.start()
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app' AND query ~ 'pg_sleep'"
        until(lambda: any(node.value(end) for node in self.cluster.replicas), "it ran on a replica")
        reader.join(30)
        self.assertEqual(answers, [1])
        self.assertEqual(self.again(weir, "lost"), 1)

    def test_a_killed_replica_is_no_error(self):
        weir = self.weir_here(monitor={"interval": "200ms", "timeout": "600ms"})
        victim = self.cluster.node("replica1")
        with Load(weir, clients=8) as load:
            until(lambda: "replica1" in load.answers_since(0), "it answers")
            begin = time.monotonic()
            victim.kill(signal.SIGKILL)
            until(lambda: len(load.answers_since(begin)) > 2000, "reads go on")
        victim.start()
        self.assertEqual(load.errors, [])


if __name__ == "__main__":
    main()
