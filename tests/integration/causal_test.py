"""Histories of many clients that write and read while replay stops and goes on, and a failover: nobody reads what could not be
(semantics.md E, issue 4)."""

import random
import signal
import threading
from contextlib import closing

import harness
from counters import CLIENTS, REPLICAS, Causal
from harness import main, psycopg2, rows, until


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
        history = self.History(self, weir, seed, level).run(min(harness.SECONDS, 4))
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
