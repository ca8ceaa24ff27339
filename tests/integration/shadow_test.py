"""split = "shadow" counts what would have gone where and sends everything to the primary; split_percent splits for a share of
the sessions."""

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


if __name__ == "__main__":
    main()
