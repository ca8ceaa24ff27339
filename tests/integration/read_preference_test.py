"""Read preferences and bounds on lag at every place that they can be given (issue 4; docs/routing.md)."""

import os
import signal
import time
from contextlib import contextmanager

import wire as w
from counters import REPLICAS, Causal
from harness import main, psycopg2, rows, until, value, which

WHICH = "SELECT name FROM which_server"


class Preferences(Causal):
    def weir_of(self, **settings):
        return self.proxy("eventual", **settings)

    def servers_of(self, connection, count=40, sql=WHICH):
        return {value(connection, sql) for _ in range(count)}

    def fails(self, connection, sql):
        with self.assertRaises(psycopg2.Error) as caught:
            rows(connection, sql)
        return caught.exception

    def test_at_every_place(self):
        weir = self.weir_of(database=[{"name": "*"}, {"name": "writes", "dbname": "app", "read_preference": "primary"}])
        self.assertEqual(self.servers_of(self.connect(weir)), REPLICAS)
        self.assertEqual(self.servers_of(self.connect(weir, database="writes")), {"primary"})
        session = self.connect(weir, database="writes", options="-c pgweir.read_preference=replica_preferred")
        self.assertEqual(self.servers_of(session), REPLICAS)
        rows(session, "SET pgweir.read_preference = 'primary'")
        self.assertEqual(which(session), "primary")
        rows(session, "RESET pgweir.read_preference")
        self.assertIn(which(session), REPLICAS)
        self.assertEqual(value(session, "/* pgweir: primary */ " + WHICH), "primary")
        self.assertEqual(value(session, "/* pgweir: read_preference=primary_preferred */ " + WHICH), "primary")
        self.assertIn(value(self.connect(weir, database="writes"), "/* pgweir: read_preference=replica */ " + WHICH), REPLICAS)
        with self.assertRaisesRegex(psycopg2.OperationalError, "read_preference"):
            self.connect(weir, options="-c pgweir.read_preference=replicas")

    def test_of_the_user(self):
        self.sql("CREATE ROLE reporter LOGIN PASSWORD 'reporter'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reporter")
        self.addCleanup(self.sql, "DROP OWNED BY reporter; DROP ROLE reporter")
        users = [{"name": "app", "password": "app"}, {"name": "reporter", "password": "reporter", "read_preference": "primary"}]
        weir = self.proxy("eventual", user=users)
        self.assertEqual(self.servers_of(self.connect(weir, user="reporter", password="reporter")), {"primary"})
        self.assertEqual(self.servers_of(self.connect(weir)), REPLICAS)

    def test_nearest_takes_all_that_are_near(self):
        session = self.connect(self.weir_of(read_preference="nearest"))
        seen = set()

        def all_seen():  # on a busy machine the probes of one may be slow for a while
            seen.update(self.servers_of(session, 20))
            return seen == REPLICAS | {"primary"}
        until(all_seen, "all three are near", 30)

    @contextmanager
    def no_replicas(self, weir):
        for name in REPLICAS:
            self.cluster.node(name).stop("immediate")
        try:
            self.await_rotation(weir, set())
            yield
        finally:
            for name in REPLICAS:
                self.cluster.node(name).start()
            self.await_rotation(weir, REPLICAS)

    def test_without_a_replica(self):
        weir = self.weir_of()
        session = self.connect(weir)
        with self.no_replicas(weir):
            self.assertEqual(which(session), "primary")
            for preference in ("primary_preferred", "nearest"):
                rows(session, f"SET pgweir.read_preference = '{preference}'")
                self.assertEqual(which(session), "primary")
            rows(session, "SET pgweir.read_preference = 'replica'")
            error = self.fails(session, WHICH)
            self.assertEqual(error.pgcode, "57P03")
            self.assertIn("no replica is available", str(error))
            # The session goes on: writes and what asks for the primary work.
            self.assertEqual(value(session, "/* pgweir: primary */ " + WHICH), "primary")
            rows(session, "UPDATE counters SET value = value WHERE id = 0")
            self.assertEqual(self.fails(session, "BEGIN READ ONLY").pgcode, "57P03")
            self.assertEqual(session.info.transaction_status, psycopg2.extensions.TRANSACTION_STATUS_IDLE)
            wire = self.wire(weir.port, user="app", database="app")
            wire.ask("SET pgweir.read_preference = 'replica'")
            wire.send(w.simple_statement(WHICH) + w.query("SHOW pgweir.max_lag"))
            self.assertEqual([m.tag for m in wire.read_ready(2)], ["E", "Z", "T", "D", "C", "Z"])
        self.assertIn(which(session), REPLICAS)

    def test_without_a_primary(self):
        weir = self.weir_of()
        session = self.connect(weir)
        rows(session, "SET pgweir.read_preference = 'primary_preferred'")
        self.assertEqual(which(session), "primary")
        primary = self.cluster.primary
        primary.kill(signal.SIGSTOP)
        try:
            until(lambda: weir.metric("pgweir_server_up", server="primary") == 0, "the primary is missed")
            self.assertEqual(self.servers_of(session), REPLICAS)
        finally:
            primary.resume()
        until(lambda: which(session) == "primary", "the primary is preferred again", 30)

    def test_set_local_moves_a_transaction_that_has_only_begun(self):
        weir = self.weir_of()
        session = self.connect(weir)
        rows(session, "BEGIN READ ONLY")
        rows(session, "SET LOCAL pgweir.read_preference = 'primary'")
        self.assertEqual(which(session), "primary")
        self.assertEqual(value(session, "SHOW transaction_read_only"), "on")
        rows(session, "COMMIT")
        self.assertEqual(value(session, "SHOW pgweir.read_preference"), "replica_preferred")
        self.assertIn(which(session), REPLICAS)
        rows(session, "SET pgweir.read_preference = 'primary'")
        rows(session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        rows(session, "SET LOCAL pgweir.read_preference = 'replica'")
        self.assertIn(which(session), REPLICAS)
        self.assertEqual(value(session, "SHOW transaction_isolation"), "repeatable read")
        rows(session, "SET LOCAL pgweir.read_preference = 'primary'")  # too late
        self.assertIn(which(session), REPLICAS)
        rows(session, "ROLLBACK")
        self.assertEqual(which(session), "primary")
        # No transaction is left open on a server that was left.
        for node in self.cluster.nodes.values():
            until(lambda node=node: self.backends(node, extra="state LIKE 'idle in transaction%'") == 0, f"{node.name} has none open")

    def test_a_moved_transaction_that_loses_its_server_is_not_forgotten(self):
        """Else what comes next would run outside of it, and stay."""
        weir = self.weir_of()
        wire = self.wire(weir.port, user="app", database="app")
        wire.ask("SET pgweir.read_preference = 'primary'")
        wire.ask("BEGIN READ ONLY")
        wire.ask("SET LOCAL pgweir.read_preference = 'replica'")

        def holder():
            for node in self.cluster.replicas:
                found = node.query("SELECT pid FROM pg_stat_activity WHERE usename = 'app' AND state = 'idle in transaction'")
                if found:
                    return int(found[0][0])
            return None
        os.kill(until(holder, "it has begun on a replica"), signal.SIGKILL)
        wire.send(w.query("UPDATE counters SET value = -1 WHERE id = 1"))
        ended = wire.read_to_end()
        self.assertEqual([m.tag for m in ended if m.tag in "CEZ"], ["E"])
        self.assertNotEqual(self.sql("SELECT value FROM counters WHERE id = 1")[0][0], "-1")
        for node in self.cluster.replicas:  # a killed backend takes its server through a restart
            until(node.accepts, f"{node.name} is up again")
        self.await_rotation(weir, REPLICAS)

    def test_many_moves_at_once(self):
        weir = self.weir_of()
        wire = self.wire(weir.port, user="app", database="app")
        for turn in range(60):
            wanted = ("primary", "replica")[turn % 2]
            wire.send(w.query("BEGIN READ ONLY") + w.query(f"SET LOCAL pgweir.read_preference = '{wanted}'") + w.query(WHICH) +
                      w.query("COMMIT"))
            told = [m.values[0] for m in wire.read_ready(4) if m.tag == "D"]
            self.assertEqual([name == "primary" for name in told], [wanted == "primary"])

    def test_a_bad_annotation_is_a_notice_and_the_primary(self):
        weir = self.weir_of()
        session = self.connect(weir)
        self.assertEqual(value(session, "/* pgweir: read_preference=nearst */ " + WHICH), "primary")
        self.assertEqual(len(session.notices), 1)
        self.assertIn("/* pgweir: read_preference=nearst */", session.notices[0])
        self.assertEqual(value(session, "/* pgweir: max_lag=5 */ " + WHICH), "primary")
        self.assertEqual(len(session.notices), 2)
        self.assertIn(value(session, "/* pgweir: max_lag=5s */ " + WHICH), REPLICAS)
        self.assertEqual(len(session.notices), 2)


class Bounds(Causal):
    """Replay stands still, and the replicas stay in rotation: [routing] max_lag is off."""

    def test_max_lag(self):
        weir = self.proxy("eventual")
        session = self.connect(weir)
        self.caught_up()
        self.pause()
        began = time.monotonic()
        wanted = self.write(session)
        self.assertIn(self.read(session)[1], REPLICAS)  # without a bound
        rows(session, "SET pgweir.max_lag = '1s'")

        def at_primary():
            found, server = self.read(session)
            if server != "primary":  # what it tells is at most a second old
                self.assertLess(time.monotonic() - began, 1.0 + 1.0)
                return False
            self.assertEqual(found, wanted)
            return True
        until(at_primary, "the replicas are known to be too far behind")
        self.assertGreater(weir.metric("pgweir_queries_routed_total", target="primary", reason="max_lag"), 0)
        rows(session, "SET pgweir.read_preference = 'replica'")
        with self.assertRaises(psycopg2.Error) as caught:
            self.read(session)
        self.assertEqual(caught.exception.pgcode, "57P03")
        self.assertIn("max_lag", str(caught.exception))
        found, server = rows(session, "/* pgweir: max_lag=1h */ SELECT c.value, s.name FROM counters c, which_server s WHERE c.id = 0")[0]
        self.assertIn(server, REPLICAS)
        self.assertNotEqual(found, wanted)
        rows(session, "RESET pgweir.read_preference")
        self.caught_up()
        until(lambda: self.read(session)[1] in REPLICAS, "the replicas are near enough again")
        self.assertEqual(self.read(session)[0], wanted)

    def test_a_bound_shorter_than_the_probes_interval(self):
        weir = self.proxy("eventual", causal_wait="2s")
        session = self.connect(weir)
        rows(session, "SET pgweir.max_lag = '50ms'")
        self.caught_up()
        servers = {self.read(session)[1] for _ in range(30)}
        # Whose news comes first is read, which may be the same one for long.
        until(lambda: servers.add(self.read(session)[1]) or servers >= REPLICAS, "each replica has been read")
        self.assertEqual(servers, REPLICAS)  # each waits for the news that it needs

    def test_of_the_database(self):
        weir = self.proxy("eventual", database=[{"name": "app", "max_lag": "500ms"}])
        session = self.connect(weir)
        self.assertEqual(value(session, "SHOW pgweir.max_lag"), "500ms")
        self.caught_up()
        self.pause("replica1")
        self.write(session)
        until(lambda: {self.read(session)[1] for _ in range(10)} <= {"primary", "replica2"}, "only what is near is read")


if __name__ == "__main__":
    main()
