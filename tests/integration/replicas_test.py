"""Reads spread over the replicas; a replica that lags, hangs or dies leaves, and comes back (semantics.md F, issue 2)."""

import signal
import time
from collections import Counter

from harness import ClusterCase, Load, main, psycopg2, rows, until, value, which

INTERVAL = 0.2
REPLICAS = {"replica1", "replica2"}


class Replicas(ClusterCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sql("CREATE TABLE ticks (n bigint); INSERT INTO ticks VALUES (0); GRANT ALL ON ticks TO app")
        cls.cluster.wait_caught_up()

    def weir_here(self, **settings):
        settings.setdefault("monitor", {"interval": "200ms", "timeout": "600ms"})
        return self.weir_with_replicas(**settings)

    def read_counts(self, connection, count=60):
        rows(connection, "SET pgweir.consistency = 'eventual'")  # else sessions are what is spread
        return Counter(which(connection) for _ in range(count))

    def test_reads_are_spread_evenly(self):
        counts = self.read_counts(self.connect(self.weir_here()))
        self.assertEqual(set(counts), REPLICAS)
        self.assertLessEqual(abs(counts["replica1"] - counts["replica2"]), 6, counts)

    def test_weights(self):
        weir = self.make(monitor={"interval": "200ms", "timeout": "600ms"})
        for server in weir.sections["server"]:
            server["weight"] = {"primary": 1, "replica1": 3, "replica2": 1}[server["name"]]
        weir.start()
        self.await_rotation(weir, REPLICAS)
        # The weight of a server that has just come in may ramp up.
        connection = self.connect(weir)
        until(lambda: 2.0 <= self.share(self.read_counts(connection)) <= 4.5, "three of four reads go to replica1")

    @staticmethod
    def share(counts):
        return counts["replica1"] / max(counts["replica2"], 1)

    def test_a_weight_of_nothing(self):
        weir = self.make()
        for server in weir.sections["server"]:
            server["weight"] = 0 if server["name"] == "replica1" else 1
        weir.start()
        self.await_rotation(weir, {"replica2"})
        self.assertEqual(set(self.read_counts(self.connect(weir))), {"replica2"})

    def test_splitting_off(self):
        weir = self.weir_here(routing={"split": "off"})
        self.assertEqual(set(self.read_counts(self.connect(weir), 20)), {"primary"})

    def test_least_connections(self):
        weir = self.weir_here(routing={"load_balance": "least_connections"})
        with Load(weir, clients=8) as load:
            started = time.monotonic()
            # While a pool's connections are still being opened, the other replica answers nearly all.
            until(lambda: min(Counter(load.answers_since(started))[name] for name in REPLICAS) > 50, "both have answered")
            begun = time.monotonic()
            until(lambda: len(load.answers_since(begun)) > 1000, "1000 reads")
        self.assertEqual(load.errors, [])
        counts = Counter(load.answers_since(begun))
        self.assertEqual(set(counts), REPLICAS)
        self.assertGreater(min(counts.values()), 0.1 * sum(counts.values()), counts)

    def test_what_the_primary_has_not_flushed_is_no_lag(self):
        """What a failed statement logs (pruning, or this) stays unflushed, but for whole pages, until something commits."""
        primary = psycopg2.connect(host=str(self.cluster.sockets), port=self.cluster.primary.port, user="postgres")
        self.addCleanup(primary.close)
        primary.autocommit = True
        for size in (1, 9000):  # within a page, and across its end: then half a record is sent
            with self.subTest(size=size):
                until(lambda s=size: self.rotates_while_unflushed(primary, s), "in rotation while something is unflushed", 60)

    def rotates_while_unflushed(self, primary, size):
        """False when somebody else made the primary flush."""
        def unflushed():
            return value(primary, "SELECT pg_current_wal_insert_lsn() > pg_current_wal_flush_lsn()")

        def in_pages():
            return value(primary, "SELECT (pg_current_wal_flush_lsn() - '0/0') % 8192 = 0")

        with self.assertRaises(psycopg2.errors.InvalidTextRepresentation):
            rows(primary, f"SELECT pg_logical_emit_message(false, 'pgweir', repeat('x', {size}))::text::int")
        until(lambda: size == 1 or in_pages() or not unflushed(), "the page is flushed")
        weir = self.make(routing={"max_lag": "1s"}).start()
        until(lambda: weir.in_rotation() == REPLICAS or not unflushed(), "the replicas are in rotation")
        rotates = weir.in_rotation() == REPLICAS and weir.metric("pgweir_server_lag_bytes") == 0
        weir.stop()
        return unflushed() and rotates

    def test_replay_paused_leaves_and_returns(self):
        """Out within two probe intervals of passing max_lag, back after resume, and no client sees an error."""
        weir = self.weir_here(routing={"max_lag": "1s", "max_lag_bytes": "1GB"})
        victim = self.cluster.node("replica1")
        # A write now and then, or there would be nothing to lag behind.
        with Load(weir, clients=4) as load, Load(weir, clients=1, sql="UPDATE ticks SET n = n + 1 RETURNING n", pause=0.02) as writes:
            victim.pause_replay()
            self.addCleanup(victim.resume_replay)
            paused = time.monotonic()
            until(lambda: weir.in_rotation() == {"replica2"}, "replica1 has left", 1.0 + 10)
            took = time.monotonic() - paused
            # max_lag plus two intervals; the sampler's own step and a busy machine on top.
            self.assertLess(took, (1.0 + 2 * INTERVAL + 1.0) * max(1, self.slow()), "it left late")
            left = time.monotonic()
            until(lambda: len(load.answers_since(left)) > 200, "200 reads without replica1")
            # Those that were on their way at that moment are answered; later ones go elsewhere.
            self.assertNotIn("replica1", load.answers_since(left)[50:])
            self.assertEqual(weir.metric("pgweir_server_replay_paused", server="replica1"), 1)
            self.assertEqual(weir.metric("pgweir_server_replay_paused"), 1, "another server's is said to be paused")
            self.assertRegex(weir.log_text(), r"event=server_out .*replica1.*its replay is paused")
            victim.resume_replay()
            until(lambda: weir.in_rotation() == REPLICAS, "replica1 is back", 15)
            self.assertEqual(weir.metric("pgweir_server_replay_paused"), 0)
            back = time.monotonic()
            until(lambda: "replica1" in load.answers_since(back), "replica1 answers again")
        self.assertEqual(load.errors, [])
        self.assertEqual(writes.errors, [])

    @staticmethod
    def slow():
        import harness
        return harness.SLOW

    def test_out_over_max_lag_bytes(self):
        weir = self.weir_here(routing={"max_lag": "1h", "max_lag_bytes": "64kB"})
        victim = self.cluster.node("replica2")
        victim.pause_replay()
        self.addCleanup(victim.resume_replay)
        self.sql("CREATE TABLE bulk AS SELECT repeat('x', 100) FROM generate_series(1, 5000)")
        self.addCleanup(self.sql, "DROP TABLE bulk")
        self.await_rotation(weir, {"replica1"})
        victim.resume_replay()
        self.await_rotation(weir, REPLICAS)

    def test_an_idle_primary_is_no_lag(self):
        """now() - pg_last_xact_replay_timestamp() would grow here."""
        weir = self.weir_here(routing={"max_lag": "500ms"})
        begun = time.monotonic()
        until(lambda: time.monotonic() - begun > 2.0 or weir.in_rotation() != REPLICAS, "two seconds pass")
        self.assertEqual(weir.in_rotation(), REPLICAS)

    def test_a_replica_killed_under_load(self):
        weir = self.weir_here()
        victim = self.cluster.node("replica1")
        with Load(weir, clients=8) as load:
            killed_from = time.monotonic()
            victim.kill(signal.SIGKILL)
            self.addCleanup(victim.start)
            until(lambda: weir.in_rotation() == {"replica2"}, "replica1 has left")
            left = time.monotonic()
            until(lambda: len(load.answers_since(left)) > 400, "400 reads without replica1")
            self.assertEqual(load.errors_since(left), [], "no read fails once the replica is out")
            # In flight means: at most one error of each client.
            self.assertLessEqual(len(load.errors_since(killed_from)), 8, load.errors)
            victim.start()
            until(lambda: weir.in_rotation() == REPLICAS, "replica1 is back")
            back = time.monotonic()
            until(lambda: "replica1" in load.answers_since(back), "replica1 answers again")
            self.assertEqual(load.errors_since(left), [])

    def test_a_replica_stopped_in_order(self):
        """A fast shutdown ends its connections with 57P01; new statements go elsewhere at once."""
        weir = self.weir_here()
        connection = self.connect(weir)
        self.read_counts(connection, 10)
        victim = self.cluster.node("replica2")
        victim.stop()
        self.addCleanup(victim.start)
        self.await_rotation(weir, {"replica1"})
        self.assertEqual(set(self.read_counts(connection, 30)), {"replica1"})

    def test_a_replica_that_hangs(self):
        """SIGSTOP: its connections stay open and nobody answers; the probe's timeout takes it out."""
        weir = self.weir_here()
        connection = self.connect(weir)
        self.read_counts(connection, 10)
        victim = self.cluster.node("replica1")
        victim.kill(signal.SIGSTOP)
        self.addCleanup(victim.resume)
        self.await_rotation(weir, {"replica2"})
        self.assertEqual(set(self.read_counts(connection, 30)), {"replica2"})
        victim.resume()
        self.await_rotation(weir, REPLICAS)
        until(lambda: "replica1" in self.read_counts(connection, 10), "replica1 answers again")

    def test_without_any_replica_the_primary_reads(self):
        weir = self.weir_here()
        connection = self.connect(weir)
        for victim in self.cluster.replicas:
            victim.stop()
            self.addCleanup(victim.start)
        self.await_rotation(weir, set())
        self.assertEqual(set(self.read_counts(connection, 20)), {"primary"})
        self.assertGreaterEqual(weir.metric("pgweir_queries_routed_total", target="primary", reason="no_replica"), 20)

    def test_it_starts_with_a_replica_down(self):
        victim = self.cluster.node("replica1")
        victim.stop()
        self.addCleanup(victim.start)
        weir = self.weir()
        self.await_rotation(weir, {"replica2"})
        self.assertEqual(which(self.connect(weir)), "replica2")

    def test_a_dead_primary_is_an_error_for_writes_only(self):
        weir = self.weir_here(pool={"query_wait_timeout": "1s", "server_connect_timeout": "1s"})
        reader = self.connect(weir)
        self.read_counts(reader, 4)
        self.cluster.primary.kill(signal.SIGKILL)
        self.addCleanup(self.cluster.start)
        writer = None
        with self.assertRaises(psycopg2.Error):
            writer = psycopg2.connect(weir.dsn(connect_timeout=20))
            writer.autocommit = True
            value(writer, "UPDATE ticks SET n = n + 1 RETURNING n")
        self.cluster.start()
        until(lambda: self.writes(weir), "writes work again after the primary's restart")

    def writes(self, weir):
        connection = psycopg2.connect(weir.dsn(connect_timeout=5))
        try:
            connection.autocommit = True
            return value(connection, "UPDATE ticks SET n = n + 1 RETURNING n")
        finally:
            connection.close()


if __name__ == "__main__":
    main()
