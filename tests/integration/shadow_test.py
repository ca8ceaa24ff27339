"""split = "shadow" counts what would have gone where, sends everything to the primary, and compares a share of the answers with a
replica's; split_percent splits for a share of the sessions."""

import signal
import threading
import time
from collections import Counter

import wire as w
from harness import ClusterCase, main, psycopg2, rows, until, value, which


class ShadowCase(ClusterCase):
    replicas = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sql("CREATE TABLE t (n int PRIMARY KEY, s text); INSERT INTO t SELECT n, 'row ' || n FROM generate_series(1, 500) n;"
                "GRANT ALL ON t TO app")
        cls.cluster.wait_caught_up()

    def shadow(self, **routing):
        return self.weir_with_replicas(proxy={"auth_type": "trust"}, routing={"split": "shadow", "consistency": "eventual", **routing})

    def routed(self, weir):
        return {(r["target"], r["reason"]): r["count"] for r in weir.console("SHOW SHADOW") if r["what"] == "routed"}


class Shadow(ShadowCase):
    def test_all_on_the_primary_and_counted(self):
        weir = self.shadow()
        connection = self.connect(weir)
        for _ in range(20):
            self.assertEqual(which(connection), "primary")
        self.assertEqual(value(connection, "/* pgweir: replica */ SELECT pg_is_in_recovery()"), False)
        rows(connection, "INSERT INTO t VALUES (1001, 'new')")
        rows(connection, "DELETE FROM t WHERE n = 1001")
        self.assertEqual(self.routed(weir), {("replica", "read"): 20, ("replica", "hint_replica"): 1, ("primary", "write"): 2})
        self.assertEqual(weir.metric("pgweir_shadow_routed_total", target="replica", reason="read"), 20)
        self.assertEqual(weir.metric("pgweir_queries_routed_total", target="primary", reason="shadow"), 23)
        self.assertEqual(weir.metric("pgweir_queries_routed_total", target="replica"), 0)
        self.assertEqual(self.backends(self.cluster.replicas[0]), 0, "nobody has connected to it")

    def test_transactions(self):
        weir = self.shadow()
        connection = self.connect(weir)
        for begin in ("BEGIN READ ONLY", "BEGIN"):
            rows(connection, begin)
            for _ in range(3):
                self.assertEqual(value(connection, "/* pgweir: replica */ SELECT pg_is_in_recovery()"), False)
            rows(connection, "COMMIT")
        self.assertEqual(self.routed(weir), {("replica", "read_only_transaction"): 5, ("primary", "transaction"): 5})

    def test_a_transaction_does_not_move(self):
        connection = self.connect(self.shadow())
        rows(connection, "SET pgweir.read_preference = 'primary'")
        rows(connection, "BEGIN READ ONLY")
        rows(connection, "SET LOCAL pgweir.read_preference = 'replica'")
        self.assertFalse(value(connection, "SELECT pg_is_in_recovery()"))
        rows(connection, "COMMIT")
        self.assertEqual(which(connection), "primary")

    def test_extended_protocol(self):
        weir = self.shadow()
        wire = self.wire(weir.port, user="app")
        for text in ("SELECT count(*) FROM t", "SELECT nextval('no_sequence')"):
            wire.send(w.parse(text) + w.bind() + w.execute() + w.SYNC)
            wire.read_ready()
        self.assertEqual(self.routed(weir), {("replica", "read"): 1, ("primary", "function_not_allowed"): 1})

    def test_a_session_that_wrote_is_held_back(self):
        """As under "on": the read right behind a write is for the primary, and soon reads are for replicas again."""
        weir = self.shadow(consistency="session")
        connection = self.connect(weir)
        rows(connection, "UPDATE t SET s = s || '.' WHERE n = 1")
        value(connection, "SELECT s FROM t WHERE n = 1")
        self.assertEqual(self.routed(weir), {("primary", "write"): 1, ("primary", "awaiting_sample"): 1})
        until(lambda: value(connection, "SELECT 1") and ("replica", "read") in self.routed(weir), "reads are for replicas again")

    def test_without_a_replica(self):
        weir = self.shadow()
        self.cluster.replicas[0].stop()
        try:
            self.await_rotation(weir, set())
            self.assertEqual(which(self.connect(weir)), "primary")
            self.assertEqual(self.routed(weir), {("primary", "no_replica"): 1})
        finally:
            self.cluster.replicas[0].start()

    def test_a_database_of_its_own(self):
        weir = self.weir_with_replicas(routing={"consistency": "eventual"},
                                       database=[{"name": "app", "split": "shadow"}, {"name": "other", "dbname": "app"}])
        self.assertEqual(which(self.connect(weir)), "primary")
        self.assertEqual(which(self.connect(weir, database="other")), "replica1")
        self.assertEqual(self.routed(weir), {("replica", "read"): 1})


class Percent(ShadowCase):
    def sessions(self, weir, count):
        """Which server the reads of so many sessions go to; each session's go to one."""
        counts = Counter()
        for _ in range(count):
            connection = psycopg2.connect(weir.dsn())
            connection.autocommit = True
            seen = {which(connection) for _ in range(3)}
            self.assertEqual(len(seen), 1, "one session, one behaviour")
            counts[seen.pop()] += 1
            if counts.total() == 1 or counts.total() % 50 == 0:  # whatever is drawn
                self.assertEqual(value(connection, "/* pgweir: replica */ SELECT pg_is_in_recovery()"), True)
            connection.close()
        return counts

    def weir_of(self, percent):
        return self.weir_with_replicas(routing={"split_percent": percent, "consistency": "eventual"})

    def test_none(self):
        weir = self.weir_of(0)
        self.assertEqual(self.sessions(weir, 20), {"primary": 20})
        self.assertEqual(weir.metric("pgweir_queries_routed_total", target="primary", reason="split_percent"), 60)

    def test_half(self):
        weir = self.weir_of(50)
        counts = self.sessions(weir, 200)
        self.assertAlmostEqual(counts["primary"], 100, delta=6)
        connections = [self.connect(weir) for _ in range(4)]
        for connection in connections:  # those of 4 sessions in a row that are not drawn
            rows(connection, "SET pgweir.read_preference = 'replica'")
        self.assertEqual({which(connection) for connection in connections}, {"primary", "replica1"})

    def test_all(self):
        self.assertEqual(self.sessions(self.weir_of(100), 20), {"replica1": 20})


# The function writes, and nothing but its body shows it. `ran` has a row for each run.
HIDDEN = """
CREATE TABLE ran (at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION mark() RETURNS int LANGUAGE sql VOLATILE SECURITY DEFINER AS 'INSERT INTO public.ran DEFAULT VALUES; SELECT 1';
CREATE VIEW v_mark AS SELECT mark() AS n;
CREATE FUNCTION mark_the_primary() RETURNS int LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS
    'BEGIN IF pg_is_in_recovery() THEN RETURN 0; END IF; RETURN public.mark(); END';
CREATE VIEW v_mark_the_primary AS SELECT mark_the_primary() AS n;
CREATE TABLE busy (n bigint); INSERT INTO busy VALUES (0);
GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
"""


class Verify(ShadowCase):
    settings = "max_standby_streaming_delay = 100ms\nhot_standby_feedback = off\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sql(HIDDEN)
        cls.cluster.wait_caught_up()

    def verifying(self, routing=None, **more):
        # Without the catalog, which knows of the views over volatile functions.
        more.setdefault("monitor", {"interval": "200ms", "timeout": "600ms"})
        return self.weir_with_replicas(
            proxy={"auth_type": "trust"},
            routing={"split": "shadow", "shadow_verify_percent": 100, "catalog_interval": "0s", **(routing or {})}, **more)

    def found(self, weir, what="verified"):
        return {r["reason"]: r["count"] for r in weir.console("SHOW SHADOW") if r["what"] == what and r["count"]}

    def await_found(self, weir, expected, what="verified"):
        """These are the verdicts, and there are no others."""
        until(lambda: sum(self.found(weir).values()) >= sum(expected.values()), f"{expected}: {self.found(weir)}")
        self.assertEqual(self.found(weir, what), expected, weir.console("SHOW SHADOW"))

    def each(self, weir, asks, verdict):
        """Each of the questions, one after the other, has this verdict."""
        for count, ask in enumerate(asks, 1 + self.found(weir).get(verdict, 0)):
            ask()
            self.await_found(weir, {verdict: count})

    def ran(self):
        return int(self.cluster.primary.value("SELECT count(*) FROM ran", "app"))

    def log_lines(self, weir):
        return [line for line in weir.log_text().splitlines() if "event=shadow_difference" in line]

    def test_the_same(self):
        weir = self.verifying()
        connection = self.connect(weir)
        wire = self.wire(weir.port, user="app")

        def extended(*messages):
            def ask():
                wire.send(b"".join(messages) + w.SYNC)
                self.assertIn("C", [m.tag for m in wire.read_ready()])
            return ask

        texts = ("SELECT * FROM t", "SELECT count(*), sum(n) FROM t", "SELECT 1 WHERE false", "TABLE t",
                 "SELECT repeat('x', n * 1000) FROM t WHERE n <= 200")
        self.each(weir, [lambda text=text: rows(connection, text) for text in texts], "same")
        self.each(weir, [extended(w.parse("SELECT s FROM t WHERE n = $1", types=(23,)), w.bind(("7",)), w.describe(), w.execute())], "same")
        wire.send(w.parse("SELECT s FROM t WHERE n < $1", "s", types=(23,)) + w.describe("S", "s") + w.SYNC)
        wire.read_ready()  # only prepares: nothing to compare
        self.each(weir, [extended(w.bind(("9",), name="s"), w.execute()), extended(w.bind(("3",), name="s"), w.execute())], "same")
        self.assertEqual(self.found(weir, "skipped"), {})
        self.assertEqual(self.log_lines(weir), [])
        self.assertEqual(weir.metric("pgweir_queries_routed_total", target="replica"), 0)
        self.assertEqual(weir.metric("pgweir_shadow_verified_total", result="same"), self.found(weir)["same"])
        self.assertLessEqual(self.backends(self.cluster.replicas[0]), 4)

    def test_errors_are_answers_too(self):
        weir = self.verifying()
        connection = self.connect(weir)

        def divide():
            with self.assertRaises(psycopg2.errors.DivisionByZero):
                rows(connection, "SELECT 1 / (n - 1) FROM t")

        self.each(weir, [divide, divide], "same")

    def test_with_the_clients_settings(self):
        weir = self.verifying()
        connection = self.connect(weir, options="-c TimeZone=Asia/Tokyo -c search_path=nowhere,public")
        read = "SELECT '2020-01-01 00:00+00'::timestamptz::text, s, current_schemas(false) FROM t WHERE n = 1"
        self.each(weir, [lambda: rows(connection, read)], "same")
        rows(connection, "SET TimeZone = 'America/Lima'")
        rows(connection, "SET DateStyle = 'German, DMY'")
        other = self.connect(weir)
        self.each(weir, [lambda: rows(connection, read), lambda: rows(other, read)], "same")

    def test_a_difference(self):
        weir = self.verifying()
        connection = self.connect(weir)
        secret = "SELECT name FROM which_server WHERE 'the secret' <> 'x'"
        self.each(weir, [lambda: self.assertEqual(value(connection, secret), "primary"),
                         lambda: self.assertEqual(value(connection, secret + " AND true"), "primary")], "different")
        lines = self.log_lines(weir)
        self.assertEqual(len(lines), 2)
        self.assertIn('result=different database="app" user="app" server=replica1 primary="1 rows" replica="1 rows"', lines[0])
        self.assertIn('statement="SELECT name FROM which_server WHERE ? <> ?"', lines[0])
        self.assertEqual(weir.metric("pgweir_shadow_verified_total", result="different"), 2)
        for _ in range(10):  # the log is not flooded
            value(connection, secret)
        until(lambda: sum(self.found(weir).values()) == 12, "all are compared or skipped")
        self.assertLessEqual(len(self.log_lines(weir)), 5)

    def test_what_is_vouched_for_runs_once(self):
        weir = self.verifying()
        connection = self.connect(weir)
        before = self.ran()
        rows(connection, "/* pgweir: replica */ SELECT mark()")
        until(lambda: sum(self.found(weir).values()) == 1, "it is skipped")
        self.assertEqual(weir.metric("pgweir_shadow_verified_total", result="skipped"), 1)
        self.assertEqual(self.ran(), before + 1)

    def test_a_hidden_write(self):
        """Refused by the replica, and run once."""
        weir = self.verifying()
        connection = self.connect(weir)
        before = self.ran()
        self.each(weir, [lambda: rows(connection, "SELECT * FROM v_mark")], "refused")
        self.assertEqual(self.ran(), before + 1)
        self.assertIn('replica="25006"', self.log_lines(weir)[0])

    def test_a_write_on_the_primary_only(self):
        """The replica answers, differently. The primary is asked again, where it cannot write."""
        weir = self.verifying()
        connection = self.connect(weir)
        before = self.ran()
        self.each(weir, [lambda: rows(connection, "SELECT * FROM v_mark_the_primary")], "refused")
        self.assertEqual(self.ran(), before + 1)

    def test_no_place_to_ask_the_primary_again(self):
        weir = self.verifying(pool={"default_pool_size": 1})
        connection = self.connect(weir)
        self.each(weir, [lambda: which(connection)], "unsettled")
        self.assertEqual(self.log_lines(weir), [])

    def test_lag_is_no_difference(self):
        weir = self.verifying(routing={"max_lag": "1h"})
        connection = self.connect(weir)
        replica = self.cluster.replicas[0]
        replica.pause_replay()
        try:
            for n in (2001, 2002):
                rows(connection, f"INSERT INTO t VALUES ({n}, 'new')")
                self.assertEqual(value(connection, f"SELECT count(*) FROM t WHERE n = {n}"), 1)
                if n == 2001:
                    self.await_found(weir, {"behind": 1}, "skipped")
            replica.resume_replay()
            self.await_found(weir, {"skipped": 1, "same": 1})
        finally:
            replica.resume_replay()
            rows(connection, "DELETE FROM t WHERE n > 1000")

    def test_writes_in_between_are_no_difference(self):
        weir = self.verifying()
        done = threading.Event()

        def write():
            writer = psycopg2.connect(weir.dsn())
            writer.autocommit = True
            while not done.is_set():
                rows(writer, "UPDATE busy SET n = n + 1")
            writer.close()

        thread = threading.Thread(target=write)
        thread.start()
        try:
            connection = self.connect(weir)
            for count in range(1, 41):
                value(connection, "SELECT n FROM busy")
                until(lambda: sum(self.found(weir).values()) >= count, "it is compared")
        finally:
            done.set()
            thread.join()
        found = self.found(weir)
        self.assertNotIn("different", found)
        self.assertNotIn("refused", found)
        self.assertGreater(found.get("same", 0) + found.get("unsettled", 0), 30, found)

    def test_what_is_not_compared(self):
        weir = self.verifying()
        connection = self.connect(weir)
        wire = self.wire(weir.port, user="app")
        value(connection, "SELECT now()")
        value(connection, "SELECT count(*) FROM t WHERE random() < 2")
        wire.send((w.parse("SELECT 1") + w.bind() + w.execute()) * 2 + w.SYNC)
        wire.read_ready()
        value(connection, "SELECT length('" + "x" * 70000 + "')")
        rows(connection, "BEGIN READ ONLY")
        value(connection, "SELECT 1")
        rows(connection, "COMMIT")
        self.assertEqual(self.found(weir, "skipped"), {"varies": 2, "not_alone": 1, "too_large": 1})
        self.assertEqual(self.found(weir), {"skipped": 4})

    def test_a_share(self):
        weir = self.verifying(routing={"shadow_verify_percent": 25})
        connection = self.connect(weir)
        for _ in range(200):
            value(connection, "SELECT 1")
        until(lambda: 45 <= sum(self.found(weir).values()) <= 55, f"50 of 200: {self.found(weir)}")
        self.assertEqual(set(self.found(weir)) - {"same", "skipped"}, set())

    def test_nobody_waits_for_it(self):
        """The replica's answer takes its time, and the client has its own; its next statements do not wait either."""
        weir = self.verifying(pool={"default_pool_size": 2})
        connection = self.connect(weir)
        value(connection, "SELECT 1")
        started = time.monotonic()
        for _ in range(8):
            value(connection, "SELECT pg_sleep(0.25)")
        self.assertLess(time.monotonic() - started, 8 * 0.25 + 0.9)
        until(lambda: sum(self.found(weir).values()) == 9, "all have their verdict")
        self.assertEqual(set(self.found(weir)) - {"same", "skipped"}, set())
        self.assertLessEqual(set(self.found(weir, "skipped")), {"busy"})

    def test_a_replica_that_dies(self):
        weir = self.verifying()
        replica = self.cluster.replicas[0]
        connection = self.connect(weir)
        self.each(weir, [lambda: value(connection, "SELECT 1")], "same")
        try:
            value(connection, "SELECT 1 FROM pg_sleep(1)")
            until(lambda: self.backends(replica, extra="query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()") == 1,
                  "it runs on the replica")
            replica.kill(signal.SIGKILL)
            for _ in range(20):
                self.assertEqual(value(connection, "SELECT 1"), 1)
            self.await_rotation(weir, set())
            self.assertEqual(value(connection, "SELECT 2"), 2)
            until(lambda: self.found(weir).get("skipped", 0) == 22, f"all were skipped: {weir.console('SHOW SHADOW')}")
            self.assertEqual(self.found(weir), {"same": 1, "skipped": 22})
            self.assertIn("lost", self.found(weir, "skipped"))
        finally:
            replica.start()
        self.await_rotation(weir, {"replica1"}, 60)
        until(lambda: value(connection, "SELECT 1") and self.found(weir)["same"] > 1, "compared again", 60)


if __name__ == "__main__":
    main()
