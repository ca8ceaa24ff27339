"""Reading one's own writes (semantics.md E, issue 4): histories of many clients while replay stops and goes on, tokens, waiting,
failover."""

import io
import random
import signal
import threading
import time
from contextlib import closing, contextmanager

import harness
import wire as w
from harness import ClusterCase, main, psycopg2, rows, until, value

REPLICAS = {"replica1", "replica2"}
CLIENTS = 50
READ = "SELECT c.value, s.name FROM counters c, which_server s WHERE c.id = %s"


class Causal(ClusterCase):
    """What the tests below share: two replicas whose replay they stop, and a counter for every client."""

    settings = "max_standby_streaming_delay = -1\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sql(f"""
            CREATE TABLE counters (id int PRIMARY KEY, value bigint NOT NULL);
            INSERT INTO counters SELECT n, 0 FROM generate_series(0, {CLIENTS}) n;
            CREATE FUNCTION bump(which int, wanted bigint) RETURNS void LANGUAGE sql
                AS 'UPDATE counters SET value = wanted WHERE id = which';
            GRANT ALL ON counters TO public""")
        cls.cluster.wait_caught_up()

    def setUp(self):
        self.addCleanup(self.resume)

    def proxy(self, consistency=None, database=None, workers=1, **routing):
        routing = {"max_lag": "0s", "max_lag_bytes": 0, "consistency": consistency, **routing}
        more = {"database": database} if database else {}
        return self.weir_with_replicas(routing=routing, proxy={"workers": workers}, pool={"default_pool_size": 20},
                                       monitor={"interval": "200ms", "timeout": "2s"}, **more)

    def pause(self, *names):
        for name in names or REPLICAS:
            self.cluster.node(name).pause_replay()

    def resume(self, *names):
        for node in self.cluster.replicas:
            if node.name in (names or REPLICAS) and node.accepts() and node.in_recovery():
                node.resume_replay()

    def caught_up(self):
        self.resume()
        self.cluster.wait_caught_up()

    @staticmethod
    def read(connection, which_one=0):
        """A counter's value, and the server that told it."""
        return rows(connection, READ, (which_one,))[0]

    def next_value(self):
        Causal.counter = getattr(Causal, "counter", 1000) + 1
        return Causal.counter

    def write(self, connection, which_one=0):
        wanted = self.next_value()
        rows(connection, "UPDATE counters SET value = %s WHERE id = %s", (wanted, which_one))
        return wanted

    @contextmanager
    def in_background(self, what):
        answer = []

        def run():
            try:
                answer.append(what())
            except psycopg2.Error as error:
                answer.append(error.pgcode)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield answer
        thread.join(20 * harness.SLOW)
        self.assertFalse(thread.is_alive(), "it hangs")


class Histories(Causal):
    """Every client writes its own counter and reads counters; afterwards nobody may have read what could not be."""

    class History:
        def __init__(self, test, weir, seed, level):
            self.test, self.weir, self.seed, self.level = test, weir, seed, level
            self.done = threading.Event()
            self.acknowledged = [0] * (CLIENTS + 1)  # by counter: what its writer knows to be committed
            self.stale, self.backwards, self.missed, self.errors = [], [], [], []
            self.reads = {"primary": 0, "replica1": 0, "replica2": 0}
            self.writes = 0
            self.lock = threading.Lock()

        def run(self, seconds):
            threads = [threading.Thread(target=self._client, args=(number,), daemon=True) for number in range(CLIENTS)]
            threads.append(threading.Thread(target=self._trouble, daemon=True))
            for thread in threads:
                thread.start()
            self.done.wait(seconds)
            until(lambda: self.errors or self._telling(), f"the reads tell something ({self.level}): {self.reads}", 30)
            self.done.set()
            for thread in threads:
                thread.join(60 * harness.SLOW)
            self.test.assertFalse(any(thread.is_alive() for thread in threads), "a client hangs")
            self.test.caught_up()
            return self

        def _telling(self):
            replicas = self.reads["replica1"] + self.reads["replica2"]
            return self.writes > 500 and (self.stale if self.level == "eventual" else replicas > 200 or self.level == "global")

        def _client(self, number):
            try:
                with closing(psycopg2.connect(self.weir.dsn())) as connection:
                    connection.autocommit = True
                    self._work(number, connection, random.Random(f"{self.seed}/{number}"))
            except Exception as error:  # a test must see whatever it is
                self.errors.append(repr(error))

        def _work(self, number, connection, dice):
            seen, mine = [0] * (CLIENTS + 1), self.acknowledged[number]
            while not self.done.is_set():
                if dice.random() < 0.3:
                    mine += 1
                    self._write(number, mine, connection, dice)
                    seen[number] = self.acknowledged[number] = mine
                    with self.lock:
                        self.writes += 1
                for _ in range(dice.randint(1, 4)):
                    other = number if dice.random() < 0.5 else dice.randrange(CLIENTS)
                    known = self.acknowledged[other]  # before the read is sent
                    found, server = Causal.read(connection, other)
                    self._judge(number, other, found, mine, seen[other], known, server)
                    seen[other] = max(seen[other], found)
                if dice.random() < 0.5:
                    self.done.wait(dice.random() * 0.04)

        def _judge(self, number, other, found, mine, seen, known, server):
            with self.lock:
                self.reads[server] += 1
            if other == number and found != mine:
                self.stale.append((server, number, found, mine))
            elif found < seen:
                self.backwards.append((server, number, other, found, seen))
            if found < known:
                self.missed.append((server, number, other, found, known))

        def _write(self, number, wanted, connection, dice):
            ways = ("UPDATE counters SET value = {1} WHERE id = {0}", "SELECT bump({0}, {1})",
                    "WITH x AS (UPDATE counters SET value = {1} WHERE id = {0} RETURNING 1) SELECT * FROM x",
                    "SELECT 1; UPDATE counters SET value = {1} WHERE id = {0}",
                    "DO $$ BEGIN PERFORM bump({0}, {1}); END $$",
                    "BEGIN; UPDATE counters SET value = {1} WHERE id = {0}; COMMIT")
            rows(connection, dice.choice(ways).format(number, wanted))

        def _trouble(self):
            dice = random.Random(f"{self.seed}/trouble")
            try:
                while not self.done.is_set():
                    node = self.test.cluster.node(dice.choice(sorted(REPLICAS)))
                    dice.choice((node.pause_replay, node.resume_replay, node.resume_replay))()
                    if dice.random() < 0.2:
                        self.test.sql("SELECT pg_switch_wal()")
                    self.done.wait(dice.random() * 0.2)
            except Exception as error:
                self.errors.append(repr(error))

    def history(self, level, seed=1, **settings):
        self.sql("UPDATE counters SET value = 0")
        self.caught_up()
        weir = self.proxy(level, workers=2, **settings)
        history = self.History(self, weir, seed, level).run(min(harness.SECONDS, 6))
        print(f"\n  {level}: {history.writes} writes, reads {history.reads}, stale {len(history.stale)}, "
              f"backwards {len(history.backwards)}, missed {len(history.missed)}", flush=True)
        self.assertEqual(history.errors, [])
        return history

    def replica_reads(self, history):
        return history.reads["replica1"] + history.reads["replica2"]

    def test_eventual_reads_are_stale(self):
        """The checker can fail."""
        history = self.history("eventual")
        self.assertTrue(history.stale)
        self.assertTrue(history.missed)

    def test_session(self):
        history = self.history("session")
        self.assertEqual(history.stale[:5], [])
        self.assertEqual(history.backwards[:5], [])
        self.assertGreater(self.replica_reads(history), 200)
        self.assertTrue(history.missed)  # others' writes may be missed

    def test_session_that_waits(self):
        history = self.history("session", seed=2, causal_wait="50ms")
        self.assertEqual(history.stale[:5], [])
        self.assertEqual(history.backwards[:5], [])
        self.assertGreater(self.replica_reads(history), 200)

    def test_session_with_asynchronous_commits(self):
        self.sql("ALTER SYSTEM SET synchronous_commit = off")
        self.sql("SELECT pg_reload_conf()")
        self.addCleanup(self.sql, "SELECT pg_reload_conf()")
        self.addCleanup(self.sql, "ALTER SYSTEM RESET synchronous_commit")
        history = self.history("session", seed=3)
        self.assertEqual(history.stale[:5], [])
        self.assertEqual(history.backwards[:5], [])
        self.assertGreater(self.replica_reads(history), 200)

    def test_global(self):
        for wait in ("0s", "50ms"):
            with self.subTest(wait=wait):
                history = self.history("global", seed=4, causal_wait=wait)
                self.assertEqual(history.stale[:5], [])
                self.assertEqual(history.backwards[:5], [])
                self.assertEqual(history.missed[:5], [])
                if wait == "0s":
                    self.assertEqual(self.replica_reads(history), 0)
                else:
                    self.assertGreater(self.replica_reads(history), 0)


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
            raw.send(w.parse(f"UPDATE counters SET value = {wanted} WHERE id = 0") + w.bind() + w.EXECUTE + w.SYNC)
            raw.read_ready()
            raw.send(w.parse("SELECT value FROM counters WHERE id = 0") + w.bind() + w.EXECUTE + w.SYNC)
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


class Tokens(Causal):
    def setUp(self):
        super().setUp()
        self.caught_up()

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
            raw.send(w.parse("SHOW pgweir.lsn", name) + w.describe("S", name) + w.bind(name=name) + w.EXECUTE + w.SYNC)
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


class Waiting(Causal):
    def setUp(self):
        super().setUp()
        self.caught_up()

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


class Failover(Causal):
    """One way only: the primary dies, replica1 takes over."""

    def test_sessions_live_on(self):
        weir = self.proxy()
        connection, idle = self.connect(weir), self.connect(weir)
        wanted = self.write(connection)
        until(lambda: self.read(connection)[1] in REPLICAS, "a replica answers", interval=0.05)
        self.assertIn(self.read(idle)[1], REPLICAS)
        self.cluster.wait_caught_up()
        self.pause("replica2")
        self.cluster.primary.kill(signal.SIGKILL)
        promoted, other = self.cluster.node("replica1"), self.cluster.node("replica2")
        promoted.promote()
        until(lambda: weir.metric("pgweir_server_is_primary", server="replica1") == 1, "the new primary is known")
        # Positions of the old history are worth nothing now; replica2 is not on the new one.
        self.assertEqual(self.read(connection), (wanted, "replica1"))
        self.assertEqual(self.read(idle), (wanted, "replica1"))
        again = self.write(connection)
        self.assertEqual(self.read(connection), (again, "replica1"))
        other.resume_replay()
        self.cluster.follow("replica2", "replica1")
        self.await_rotation(weir, {"replica2"}, 60)
        until(lambda: self.read(connection)[1] == "replica2", "replica2 answers", interval=0.05)
        self.assertEqual(self.read(connection), (again, "replica2"))
        self.assertEqual(self.read(idle)[0], again)


if __name__ == "__main__":
    main()
