"""Single sessions that read their own writes: whatever writes, moving between servers, levels, tokens, waiting (semantics.md E,
issue 4)."""

import io
import signal
import time

import harness
import wire as w
from counters import CLIENTS, REPLICAS, Causal
from harness import main, psycopg2, rows, until, value


class Sessions(Causal):
    def setUp(self):
        super().setUp()
        self.caught_up()

    def test_whatever_may_have_written(self):
        weir = self.proxy()
        connection = self.connect(weir)
        rows(connection, "SET pgweir.consistency = 'session'")
        self.pause()
        ways = ["UPDATE counters SET value = {0} WHERE id = 0", "SELECT bump(0, {0})", "SELECT 1; UPDATE counters SET value = {0} WHERE id = 0",
                "WITH x AS (UPDATE counters SET value = {0} WHERE id = 0 RETURNING 1) SELECT * FROM x",
                "DO $$ BEGIN PERFORM bump(0, {0}); END $$", "BEGIN; SELECT bump(0, {0}); COMMIT",
                "/* pgweir: primary */ SELECT bump(0, {0})", "UPDATE counters SET value = {0} WHERE id = 0; SELECT 1/0"]
        for way in ways:
            with self.subTest(way=way):
                fresh = self.connect(weir)
                wanted = self.next_value()
                try:
                    rows(fresh, way.format(wanted))
                except psycopg2.errors.DivisionByZero:
                    wanted = self.read(fresh)[0]  # rolled back, but who knows
                self.assertEqual(self.read(fresh), (wanted, "primary"))
                self.assertEqual(self.read(fresh), (wanted, "primary"))
        with self.subTest(way="COPY"):
            with connection.cursor() as cursor:
                cursor.copy_expert("COPY counters FROM STDIN", io.StringIO(f"{CLIENTS + 1}\t7\n"))
            self.assertEqual(self.read(connection, CLIENTS + 1), (7, "primary"))
        with self.subTest(way="extended"):
            raw = self.wire(weir.port, user="app", password="app", database="app")
            wanted = self.next_value()
            raw.send(w.parse(f"UPDATE counters SET value = {wanted} WHERE id = 0") + w.bind() + w.execute() + w.SYNC)
            raw.read_ready()
            raw.send(w.parse("SELECT value FROM counters WHERE id = 0") + w.bind() + w.execute() + w.SYNC)
            self.assertEqual([m.values for m in raw.read_ready() if m.tag == "D"], [[str(wanted)]])
        self.assertGreater(weir.metric("pgweir_queries_routed_total", target="primary", reason="replica_behind")
                           + weir.metric("pgweir_queries_routed_total", target="primary", reason="awaiting_sample"), 8)
        self.sql(f"DELETE FROM counters WHERE id > {CLIENTS}")

    def test_reads_return_to_the_replicas(self):
        """Also where the log has been switched and nothing writes any more (the liveness trap)."""
        connection = self.connect(self.proxy())
        for trouble in ("SELECT 1", "SELECT pg_switch_wal()", "CHECKPOINT"):
            with self.subTest(trouble=trouble):
                self.pause()
                wanted = self.write(connection)
                self.sql(trouble)
                self.assertEqual(self.read(connection), (wanted, "primary"))
                self.resume()
                until(lambda: self.read(connection)[1] in REPLICAS, "a replica answers again", interval=0.05)
                self.assertEqual(self.read(connection)[0], wanted)

    def test_the_write_itself_at_a_switch(self):
        connection = self.connect(self.proxy())
        for _ in range(3):
            wanted = self.write(connection)
            self.sql("SELECT pg_switch_wal()")
            until(lambda: self.read(connection)[1] in REPLICAS, "a replica answers", interval=0.05)
            self.assertEqual(self.read(connection)[0], wanted)

    def test_a_session_without_pauses_leaves_the_primary(self):
        weir = self.proxy()
        connection = self.connect(weir)
        self.write(connection)
        until(lambda: self.read(connection)[1] in REPLICAS, "a replica answers", interval=0)
        answers = [self.read(connection)[1] for _ in range(50)]
        self.assertEqual(len(set(answers)), 1, "it stays where it has read, without a pause")
        self.assertIn(answers[0], REPLICAS)

    def test_only_one_replica_has_it(self):
        connection = self.connect(self.proxy())
        self.pause("replica1")
        wanted = self.write(connection)
        until(lambda: self.read(connection)[1] == "replica2", "replica2 answers", interval=0.05)
        for _ in range(20):
            self.assertEqual(self.read(connection), (wanted, "replica2"))
            time.sleep(0.02)

    def test_read_only_transactions(self):
        connection = self.connect(self.proxy())
        self.pause()
        wanted = self.write(connection)
        rows(connection, "BEGIN READ ONLY")
        self.assertEqual(self.read(connection), (wanted, "primary"))
        rows(connection, "COMMIT")
        self.resume()

        def on_a_replica():
            rows(connection, "BEGIN READ ONLY")
            found = self.read(connection)
            rows(connection, "COMMIT")
            self.assertEqual(found[0], wanted)
            return found[1] in REPLICAS
        until(on_a_replica, "it begins on a replica", interval=0.05)

    def test_monotonic_over_the_primary(self):
        """What was read on the primary is not taken back by a replica."""
        weir = self.proxy()
        reader, writer = self.connect(weir), self.connect(weir)
        self.pause()
        wanted = self.write(writer)
        self.assertIn(self.read(reader)[1], REPLICAS)
        rows(reader, "BEGIN")
        self.assertEqual(self.read(reader), (wanted, "primary"))
        rows(reader, "COMMIT")
        self.assertEqual(self.read(reader), (wanted, "primary"))
        self.resume()
        until(lambda: self.read(reader)[1] in REPLICAS, "a replica answers", interval=0.05)
        self.assertEqual(self.read(reader)[0], wanted)

    def test_monotonic_over_the_replicas(self):
        weir = self.proxy()
        reader, writer = self.connect(weir), self.connect(weir)
        self.pause("replica2")
        wanted = self.write(writer)
        until(lambda: self.cluster.node("replica1").value("SELECT value FROM counters WHERE id = 0", "app") == str(wanted),
              "replica1 has replayed it")
        until(lambda: self.read(reader) == (wanted, "replica1"), "read on replica1", interval=0.3)
        for _ in range(20):
            self.assertEqual(self.read(reader), (wanted, "replica1"))
            time.sleep(0.05)  # long enough for samples, which replica2 has not reached
        self.cluster.node("replica1").kill(signal.SIGSTOP)
        self.addCleanup(self.cluster.node("replica1").kill, signal.SIGCONT)
        self.await_rotation(weir, {"replica2"})
        self.assertEqual(self.read(reader), (wanted, "primary"))  # replica2 has not what it has seen

    def test_sessions_move_when_a_replica_comes_back(self):
        weir = self.proxy()
        node = self.cluster.node("replica1")
        node.stop()
        self.addCleanup(lambda: node.accepts() or node.start())
        self.await_rotation(weir, {"replica2"})
        busy = [self.connect(weir) for _ in range(8)]
        for connection in busy:
            self.assertEqual(self.read(connection)[1], "replica2")
        node.start()

        def spread():
            return {self.read(connection)[1] for connection in busy} == REPLICAS
        until(spread, "both replicas answer", interval=0)

    def test_levels(self):
        weir = self.proxy("eventual", database=[{"name": "app"}, {"name": "strict", "dbname": "app", "consistency": "session"}])
        eventual, strict = self.connect(weir), self.connect(weir, database="strict")
        chosen = self.connect(weir, options="-c pgweir.consistency=global")
        self.assertEqual([value(c, "SHOW pgweir.consistency") for c in (eventual, strict, chosen)], ["eventual", "session", "global"])
        self.pause()
        before = self.read(eventual)[0]
        wanted = self.write(eventual)
        found, server = self.read(eventual)
        self.assertEqual(found, before)
        self.assertIn(server, REPLICAS)
        rows(eventual, "SET pgweir.consistency = 'session'")  # what it wrote before counts
        self.assertEqual(self.read(eventual), (wanted, "primary"))
        self.assertEqual(self.read(strict)[0], before)
        self.assertEqual(self.read(chosen), (wanted, "primary"))
        rows(chosen, "SET pgweir.consistency = 'eventual'")
        self.assertEqual(self.read(chosen)[0], before)
        rows(chosen, "RESET pgweir.consistency")
        self.assertEqual(self.read(chosen), (wanted, "primary"))
        with self.assertRaises(psycopg2.errors.InvalidParameterValue):
            rows(chosen, "SET pgweir.consistency = 'perhaps'")
        with self.assertRaisesRegex(psycopg2.OperationalError, "pgweir.consistency"):
            self.connect(weir, options="-c pgweir.consistency=perhaps")

    # --- Tokens.

    def test_a_token_carries_a_write_to_another_connection(self):
        weir = self.proxy("eventual")
        writer, reader = self.connect(weir), self.connect(weir)
        self.pause()
        before = self.read(reader)[0]
        wanted = self.write(writer)
        token = value(writer, "SHOW pgweir.lsn")
        self.assertRegex(token, r"^[0-9A-F]+/[0-9A-F]+$")
        self.assertEqual(self.read(reader)[0], before)
        rows(reader, f"SET pgweir.read_after = '{token}'")
        self.assertEqual(value(reader, "SHOW pgweir.read_after"), token)
        self.assertEqual(self.read(reader), (wanted, "primary"))
        self.resume("replica1")
        until(lambda: self.read(reader)[1] == "replica1", "replica1 has it", interval=0.05)
        for _ in range(10):
            self.assertEqual(self.read(reader), (wanted, "replica1"))
        for undo in ("SET pgweir.read_after = ''", "RESET pgweir.read_after", "DISCARD ALL"):
            with self.subTest(undo=undo):
                rows(reader, f"SET pgweir.read_after = '{token}'")
                rows(reader, undo)
                self.assertEqual(value(reader, "SHOW pgweir.read_after"), "")
                self.assertEqual({self.read(reader)[1] for _ in range(4)}, REPLICAS)
        with self.assertRaises(psycopg2.errors.InvalidParameterValue):
            rows(reader, "SET pgweir.read_after = 'yesterday'")

    def test_the_position_can_be_asked_for_in_every_way(self):
        weir = self.proxy()
        connection = self.connect(weir)
        rows(connection, "BEGIN")
        self.write(connection)
        self.assertRegex(value(connection, "SHOW pgweir.lsn"), "/")
        rows(connection, "COMMIT")
        raw = self.wire(weir.port, user="app", password="app", database="app")
        for name in ("", "s", "s2"):
            raw.send(w.parse("SHOW pgweir.lsn", name) + w.describe("S", name) + w.bind(name=name) + w.execute() + w.SYNC)
            answer = raw.read_ready()
            self.assertEqual([m.tag for m in answer], ["1", "t", "T", "2", "D", "C", "Z"], answer)
            self.assertIn(b"pgweir.lsn", next(m.body for m in answer if m.tag == "T"))

    def test_a_read_only_database_waits_for_the_token(self):
        weir = self.proxy(database=[{"name": "app"}, {"name": "reads", "dbname": "app", "read_only": True}])
        writer, reader = self.connect(weir), self.connect(weir, database="reads")
        self.pause()
        wanted = self.write(writer)
        rows(reader, f"SET pgweir.read_after = '{value(writer, 'SHOW pgweir.lsn')}'")
        with self.in_background(lambda: self.read(reader)) as answer:
            until(lambda: weir.metric("pgweir_waiting_clients") == 1, "it waits")
            self.resume("replica2")
        self.assertEqual(answer, [(wanted, "replica2")])

    # --- causal_wait.

    def waiter(self, wait="10s"):
        """A connection whose next read has to wait."""
        weir = self.proxy(causal_wait=wait)
        connection = self.connect(weir)
        self.pause()
        return weir, connection, self.write(connection)

    @staticmethod
    def wait_over(weir):
        until(lambda: weir.metric("pgweir_waiting_clients") == 1, "it waits")

    def test_until_a_replica_has_it(self):
        weir, connection, wanted = self.waiter()
        with self.in_background(lambda: self.read(connection)) as answer:
            self.wait_over(weir)
            other = self.connect(weir)  # served by the same thread meanwhile
            self.assertIn(self.read(other)[1], REPLICAS)
            self.resume("replica1")
        self.assertEqual(answer, [(wanted, "replica1")])
        self.assertEqual(weir.metric("pgweir_freshness_waits_total"), 1)
        self.assertEqual(weir.metric("pgweir_freshness_wait_timeouts_total"), 0)
        self.assertGreater(weir.metric("pgweir_freshness_wait_seconds_total"), 0)

    def test_until_the_time_is_over(self):
        weir, connection, wanted = self.waiter("300ms")
        begun = time.monotonic()
        self.assertEqual(self.read(connection), (wanted, "primary"))
        took = time.monotonic() - begun
        self.assertGreaterEqual(took, 0.3)
        self.assertLess(took, 0.3 + 0.08 * harness.SLOW + 0.1)
        self.assertEqual(weir.metric("pgweir_freshness_wait_timeouts_total"), 1)

    def test_a_cancel_ends_it(self):
        weir, connection, _ = self.waiter()
        with self.in_background(lambda: self.read(connection)) as answer:
            self.wait_over(weir)
            connection.cancel()
        self.assertEqual(answer, ["57014"])
        until(lambda: weir.metric("pgweir_waiting_clients") == 0, "nobody waits")
        self.resume()
        self.assertEqual(value(connection, "SELECT 1"), 1)

    def test_a_client_that_leaves_is_forgotten(self):
        weir, connection, _ = self.waiter()
        raw = self.wire(weir.port, user="app", password="app", database="app")
        raw.ask("UPDATE counters SET value = value WHERE id = 1")
        raw.send(w.query("SELECT value FROM counters WHERE id = 1"))
        self.wait_over(weir)
        raw.close()
        until(lambda: weir.metric("pgweir_used_clients") == 1, "it is gone")
        self.resume()
        until(lambda: self.read(connection)[1] in REPLICAS, "a replica answers")

    def test_nothing_else_is_read_while_it_waits(self):
        weir, connection, _ = self.waiter()
        del connection
        raw = self.wire(weir.port, user="app", password="app", database="app")
        wanted = self.next_value()
        raw.ask(f"UPDATE counters SET value = {wanted} WHERE id = 1")
        raw.send(w.query("SELECT value FROM counters WHERE id = 1") + w.query("UPDATE counters SET value = 0 WHERE id = 1"))
        self.wait_over(weir)
        self.assertEqual(self.sql("SELECT value FROM counters WHERE id = 1"), [(str(wanted),)])
        self.resume()
        answer = raw.read_ready(2)
        self.assertEqual([m.values for m in answer if m.tag == "D"], [[str(wanted)]])


if __name__ == "__main__":
    main()
