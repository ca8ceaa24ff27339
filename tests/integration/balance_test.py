"""Balancing, health, circuit breakers and slow start with real servers (issue "Topology that heals itself")."""

import signal
import time
from collections import Counter

from harness import ClusterCase, Load, main, psycopg2, rows, until, value, which
from wire import query, simple_statement

REPLICAS = {"replica1", "replica2"}
MONITOR = {"interval": "200ms", "timeout": "600ms"}


class Balance(ClusterCase):
    def weir_here(self, weights=None, zones=None, **settings):
        settings.setdefault("monitor", MONITOR)
        weir = self.make(**settings)
        for server in weir.sections["server"]:
            server["weight"] = (weights or {}).get(server["name"], 1)
            if zones:
                server["zone"] = zones[server["name"]]
        weir.start()
        self.await_rotation(weir, REPLICAS)
        return weir

    def reader(self, weir):
        connection = self.connect(weir)
        rows(connection, "SET pgweir.consistency = 'eventual'")  # else sessions are what is spread
        return connection

    def counts(self, connection, count=100):
        return Counter(which(connection) for _ in range(count))

    def replication(self, weir, server, column):
        return {row["server"]: row for row in weir.console("SHOW REPLICATION")}[server][column]

    def breaker(self, weir, server):
        states = [state for state in ("closed", "open", "half_open") if weir.metric("pgweir_server_breaker", server=server, state=state) == 1]
        self.assertEqual(len(states), 1)
        return states[0]

    # --- Methods.

    def test_weights_with_every_method(self):
        for method in ("round_robin", "weighted", "least_connections", "latency"):
            with self.subTest(method):
                weir = self.weir_here({"replica1": 4, "replica2": 1}, routing={"load_balance": method})
                connection = self.reader(weir)
                self.counts(connection, 40)  # both pools have their connections
                counts = self.counts(connection, 200)
                if method != "latency":  # which looks at the times, too
                    self.assertEqual(set(counts), REPLICAS)
                    self.assertAlmostEqual(counts["replica1"], 160, delta=8)
                weir.stop()

    def test_client_hash(self):
        weir = self.weir_here(routing={"load_balance": "client_hash"})
        first = self.counts(self.reader(weir), 20)
        self.assertEqual(len(first), 1, "one address, one replica")
        self.assertEqual(self.counts(self.reader(weir), 20), first)
        (home,) = first
        node = self.cluster.node(home)
        node.stop()
        self.addCleanup(node.start)
        self.await_rotation(weir, REPLICAS - {home})
        self.assertEqual(set(self.counts(self.reader(weir), 20)), REPLICAS - {home})
        node.start()
        self.await_rotation(weir, REPLICAS)
        connection = self.reader(weir)
        until(lambda: set(self.counts(connection, 20)) == {home}, "it is back where it was, with its weight")

    def test_latency_turns_away_from_a_slow_one(self):
        weir = self.weir_here(routing={"load_balance": "latency"})
        connection = self.reader(weir)
        slow = "SELECT name, pg_sleep(CASE name WHEN 'replica1' THEN 0.05 ELSE 0 END) FROM which_server"
        Counter(value(connection, slow) for _ in range(20))
        counts = Counter(value(connection, slow) for _ in range(60))
        self.assertGreater(counts["replica2"], 54, counts)

    def test_zones(self):
        weir = self.weir_here(zones={"primary": "west", "replica1": "east", "replica2": "west"}, proxy={"zone": "east"})
        self.assertEqual(self.replication(weir, "replica1", "zone"), "east")
        self.assertEqual(set(self.counts(self.reader(weir), 30)), {"replica1"})
        node = self.cluster.node("replica1")
        node.stop()
        self.addCleanup(node.start)
        self.await_rotation(weir, {"replica2"})
        self.assertEqual(set(self.counts(self.reader(weir), 30)), {"replica2"})

    # --- Health.

    def test_a_server_that_hangs_for_less_than_its_threshold(self):
        weir = self.weir_here(monitor=MONITOR | {"unhealthy": 50, "timeout": "200ms"}, routing={"max_lag": "1h"})
        node = self.cluster.node("replica1")
        node.kill(signal.SIGSTOP)
        self.addCleanup(node.resume)
        until(lambda: self.replication(weir, "replica1", "last_error"), "a probe has failed")
        self.assertEqual(weir.in_rotation(), REPLICAS)
        node.resume()
        until(lambda: not self.replication(weir, "replica1", "last_error"), "it answers again")
        self.assertEqual(weir.metric("pgweir_server_transitions_total", server="replica1", event="server_out"), 0)

    def test_healthy_probes_in_a_row(self):
        weir = self.weir_here(monitor=MONITOR | {"healthy": 3})
        node = self.cluster.node("replica1")
        node.stop()
        node.start()
        self.await_rotation(weir, REPLICAS)
        log = weir.log_text()
        self.assertRegex(log, r'event=server_in .* server=replica1 from=unreachable to=in cause="lag .*; after 3 good probes; its weight grows')

    def test_the_end_of_a_session_is_not_the_end_of_its_server(self):
        self.sql("ALTER ROLE app SET idle_session_timeout = '300ms'")
        self.addCleanup(self.sql, "ALTER ROLE app RESET idle_session_timeout")
        self.cluster.wait_caught_up()
        weir = self.weir_here()
        self.assertEqual(set(self.counts(self.reader(weir), 10)), REPLICAS)
        until(lambda: weir.metric("pgweir_server_disconnects_total") >= 2, "the servers have ended both connections")
        for name in REPLICAS:
            self.assertEqual(weir.metric("pgweir_server_transitions_total", server=name, event="server_out"), 0)

    # --- Breaker and slow start.

    def test_the_breaker_of_a_stopped_replica(self):
        weir = self.weir_here(breaker={"failures": 3, "cooldown": "300ms", "max_cooldown": "2s", "trial_requests": 2},
                              routing={"slow_start": "3s", "consistency": "eventual"}, pool={"default_pool_size": 8})
        node = self.cluster.node("replica1")
        with Load(weir, clients=8) as load:
            until(lambda: Counter(a for _, a in load.answers)["replica1"] > 50, "replica1 answers")
            node.kill(signal.SIGKILL)
            self.addCleanup(node.start)
            until(lambda: weir.metric("pgweir_server_transitions_total", server="replica1", event="breaker_opened") >= 1, "it opens")
            until(lambda: weir.in_rotation() == {"replica2"}, "replica1 has left")
            left = time.monotonic()
            until(lambda: len(load.answers_since(left)) > 200, "reads go on")
            self.assertEqual(load.errors_since(left), [])
            node.start()
            until(lambda: weir.in_rotation() == REPLICAS, "replica1 is back")
            self.assertLess(weir.metric("pgweir_server_effective_weight", server="replica1"), 1.0)
            until(lambda: self.breaker(weir, "replica1") == "closed", "its breaker has closed")
            self.assertEqual(self.replication(weir, "replica1", "breaker"), "closed")
            until(lambda: self.replication(weir, "replica1", "weight_percent") == 100, "it has its whole weight")
            self.assertEqual(load.errors_since(left), [])
        log = weir.log_text()
        for event in ("breaker_opened", "breaker_half_open", "breaker_closed", "slow_start_over"):
            self.assertRegex(log, rf'event={event} cluster=\w+ server=replica1 cause="[^"]+"')
        self.assertEqual(weir.metric("pgweir_server_transitions_total", server="replica2", event="breaker_opened"), 0)

    def test_a_full_replica_that_its_probes_find_well(self):
        """53300 for everybody but the monitor: the breaker alone keeps the reads away."""
        self.sql("ALTER ROLE app CONNECTION LIMIT 6")
        self.addCleanup(self.sql, "ALTER ROLE app CONNECTION LIMIT -1")
        self.cluster.wait_caught_up()
        node = self.cluster.node("replica1")
        crowd = [psycopg2.connect(host="127.0.0.1", port=node.port, user="app", password="app", dbname="app") for _ in range(6)]
        for connection in crowd:
            self.addCleanup(connection.close)
        weir = self.weir_here(breaker={"failures": 2, "cooldown": "500ms", "max_cooldown": "1s"},
                              pool={"default_pool_size": 3, "server_login_retry": "100ms"})
        connection = self.reader(weir)

        def opened():
            self.assertEqual(set(self.counts(connection, 5)), {"replica2"})
            return self.replication(weir, "replica1", "state") == "breaker_open"

        until(opened, "its breaker is open")
        self.assertEqual(self.replication(weir, "replica1", "reachable"), "yes")
        self.assertEqual(self.replication(weir, "replica1", "breaker"), "open")
        until(lambda: weir.metric("pgweir_server_transitions_total", server="replica1", event="breaker_opened") >= 2 or
              not self.counts(connection, 5), "a trial has failed")
        for one in crowd:
            one.close()
        until(lambda: self.counts(connection, 10)["replica1"], "replica1 answers")
        until(lambda: self.counts(connection, 10) and self.breaker(weir, "replica1") == "closed", "its breaker has closed")

    # --- The primary's share.

    def test_max_primary_reads(self):
        weir = self.weir_here(routing={"max_primary_reads": 2}, pool={"query_wait_timeout": "30s"})
        for node in self.cluster.replicas:
            node.stop()
            self.addCleanup(node.start)
        self.await_rotation(weir, set())
        sleep = "SELECT name FROM which_server, pg_sleep(0.05)"
        with Load(weir, clients=8, sql=sleep) as load:
            begun = time.monotonic()
            most = 0

            def enough():
                nonlocal most
                most = max(most, self.backends(self.cluster.primary, extra="query LIKE '%pg_sleep(0.05)%' AND state = 'active'"))
                return len(load.answers_since(begun)) > 40

            until(enough, "40 reads of the primary")
            self.assertEqual(set(load.answers_since(begun)), {"primary"})
            self.assertLessEqual(most, 2)
            self.assertGreater(weir.metric("pgweir_primary_read_waits_total"), 0)
            self.assertLessEqual(weir.metric("pgweir_primary_reads"), 2)
            self.cluster.node("replica1").start()
            back = time.monotonic()
            until(lambda: load.answers_since(back).count("replica1") > 40, "a replica has them again")
        self.assertEqual(load.errors, [])
        until(lambda: weir.metric("pgweir_primary_reads") == 0, "every place was given back")

    def test_over_the_cap_for_too_long(self):
        weir = self.weir_here(routing={"max_primary_reads": 1}, pool={"query_wait_timeout": "1s"}, proxy={"auth_type": "trust"})
        holder, other = self.reader(weir), self.wire(weir.port, user="app", password="app", database="app")
        for node in self.cluster.replicas:
            node.stop()
            self.addCleanup(node.start)
        self.await_rotation(weir, set())
        rows(holder, "BEGIN READ ONLY")
        self.assertEqual(which(holder), "primary")
        other.send(query("SELECT 1"))
        refused = other.read_to_end()
        self.assertEqual([(m.tag, m.fields["S"], m.fields["C"]) for m in refused], [("E", "FATAL", "57P03")])
        self.assertIn("max_primary_reads", refused[0].fields["M"])
        rows(holder, "COMMIT")
        self.assertEqual(which(self.reader(weir)), "primary")

    # --- All replicas lag.

    def lagging(self, **routing):
        weir = self.weir_here(routing={"max_lag": "1h", "max_lag_bytes": "64kB"} | routing, proxy={"auth_type": "trust"})
        for node in self.cluster.replicas:
            node.pause_replay()
            self.addCleanup(node.resume_replay)
        self.sql("CREATE TABLE bulk AS SELECT repeat('x', 100) FROM generate_series(1, 5000)")
        self.addCleanup(self.sql, "DROP TABLE bulk")
        self.await_rotation(weir, set())
        return weir

    def test_when_all_lag_the_primary(self):
        weir = self.lagging()
        self.assertEqual(set(self.counts(self.reader(weir), 10)), {"primary"})
        self.assertEqual(weir.metric("pgweir_queries_routed_total", target="primary", reason="replicas_lag"), 10)

    def test_when_all_lag_the_least_lagged(self):
        weir = self.lagging(when_all_lag="least_lagged")
        connection = self.reader(weir)
        self.assertLessEqual(set(self.counts(connection, 10)), REPLICAS)
        self.assertEqual(weir.metric("pgweir_queries_routed_total", target="replica", reason="replicas_lag"), 10)
        rows(connection, "SET pgweir.consistency = 'session'")
        rows(connection, "CREATE TABLE mine ()")
        self.addCleanup(self.sql, "DROP TABLE mine")
        self.assertEqual(which(connection), "primary", "what the session wrote is nowhere else")

    def test_when_all_lag_an_error(self):
        weir = self.lagging(when_all_lag="error")
        connection = self.reader(weir)
        for _ in range(2):
            with self.assertRaises(psycopg2.Error) as refused:
                which(connection)
            self.assertEqual(refused.exception.pgcode, "57P03")
        self.assertEqual(value(connection, "/* pgweir: primary */ SELECT name FROM which_server"), "primary", "the session goes on")
        self.assertEqual(weir.metric("pgweir_reads_refused_total"), 2)
        wire = self.wire(weir.port, user="app", password="app", database="app")
        wire.send(simple_statement("SELECT 1"))
        self.assertEqual([m.tag for m in wire.read_ready()], ["E", "Z"])
        wire.send(query("/* pgweir: primary */ SELECT name FROM which_server"))
        self.assertEqual([m.tag for m in wire.read_ready()], ["T", "D", "C", "Z"])


if __name__ == "__main__":
    main()
