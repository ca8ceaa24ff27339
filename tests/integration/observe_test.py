"""What an operator sees: the console through psql, metrics, health, the log."""

import json
import signal
import subprocess

from harness import ClusterCase, Load, main, until, value

# PgBouncer's columns, which dashboards and scripts know.
POOLS = ("database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel "
         "sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode").split()
STATS = ("database total_xact_count total_query_count total_received total_sent total_xact_time total_query_time "
         "total_wait_time avg_xact_count avg_query_count avg_recv avg_sent avg_xact_time avg_query_time avg_wait_time").split()


class Console(ClusterCase):
    def setUp(self):
        self.proxy = self.weir_with_replicas()

    def psql(self, command, user="admin", password="admin", database="pgweir"):
        return subprocess.run(["psql", "-X", "-A", "-F", "\t", "-c", command], capture_output=True, text=True, timeout=60,
                              env=self.proxy.environment(user, password, database))

    def test_every_command_through_psql(self):
        value(self.connect(self.proxy), "SELECT 1")
        for command in ("POOLS", "STATS", "SERVERS", "CLIENTS", "DATABASES", "CONFIG", "VERSION", "REPLICATION"):
            with self.subTest(command=command):
                done = self.psql(f"SHOW {command};")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertGreaterEqual(len(done.stdout.splitlines()), 2)

    def test_pools_has_pgbouncers_columns(self):
        connection = self.connect(self.proxy)
        value(connection, "/* pgweir: primary */ SELECT 1")
        rows = self.proxy.console("SHOW POOLS")
        self.assertLessEqual(set(POOLS), set(rows[0]))
        mine = [r for r in rows if (r["database"], r["user"]) == ("app", "app")]
        self.assertEqual(sum(int(r["sv_idle"]) for r in mine), 1)

    def test_stats_has_pgbouncers_columns(self):
        rows = self.proxy.console("SHOW STATS")
        self.assertLessEqual(set(STATS) - {"database"}, set(rows[0]))

    def test_replication(self):
        rows = {r["server"]: r for r in self.proxy.console("SHOW REPLICATION")}
        self.assertEqual({n: r["role"] for n, r in rows.items()},
                         {"primary": "primary", "replica1": "replica", "replica2": "replica"})
        self.assertEqual(rows["replica1"]["state"], "in")
        self.assertEqual(len({r["system_identifier"] for r in rows.values()}), 1)

    def test_clients_and_servers(self):
        connection = self.connect(self.proxy, application_name="shown here")
        pid = value(connection, "SELECT pg_backend_pid()")
        self.assertIn("shown here", [r["application_name"] for r in self.proxy.console("SHOW CLIENTS")])
        self.assertIn(pid, [int(r["remote_pid"]) for r in self.proxy.console("SHOW SERVERS")])

    def test_wrong_commands(self):
        for command in ("SHOW NONSENSE", "SELECT 1", "DROP TABLE t", "SHOW POOLS; SHOW POOLS", "", "show"):
            with self.subTest(command=command):
                self.psql(command)  # whatever it says
                self.assertEqual(self.psql("SHOW VERSION").returncode, 0)
        self.assertNotEqual(self.psql("SHOW NONSENSE").returncode, 0)


class Http(ClusterCase):
    def test_metrics(self):
        weir = self.weir_with_replicas()
        with Load(weir, clients=2) as load:
            until(lambda: len(load.answers) > 100, "some reads")
        value(self.connect(weir), "CREATE TABLE IF NOT EXISTS m (n int)")
        samples = weir.metrics()
        reads = sum(v for (n, labels), v in samples.items() if n == "pgweir_queries_routed_total" and
                    ("target", "replica") in labels and ("reason", "read") in labels)
        self.assertGreater(reads, 100)
        self.assertEqual(sum(v for (n, labels), v in samples.items() if n == "pgweir_queries_routed_total" and
                             ("target", "primary") in labels and ("reason", "ddl") in labels), 1)
        self.assertEqual(weir.metric("pgweir_server_in_rotation"), 2)
        self.assertEqual(weir.metric("pgweir_server_is_primary", server="primary"), 1)
        self.assertGreater(weir.metric("pgweir_query_duration_seconds_count", target="replica"), 100)
        self.assertIsNotNone(weir.metric("pgweir_server_lag_seconds", server="replica1"))

    def test_histograms_are_cumulative(self):
        weir = self.weir_with_replicas()
        value(self.connect(weir), "SELECT 1")
        series = {}
        for (name, labels), count in weir.metrics().items():
            if name.endswith("_bucket"):
                rest = tuple(pair for pair in labels if pair[0] != "le")
                series.setdefault((name, rest), []).append((float(dict(labels)["le"].replace("+Inf", "inf")), count))
        self.assertTrue(series)
        for key, buckets in series.items():
            counts = [count for _, count in sorted(buckets)]
            self.assertEqual(counts, sorted(counts), key)
            self.assertEqual(max(buckets)[0], float("inf"), key)

    def test_health_and_ready(self):
        weir = self.weir_with_replicas()
        status, body = weir.get("/health")
        self.assertEqual(status, 200)
        health = json.loads(body)
        self.assertEqual(health["status"], "ok")
        self.assertIn("uptime", health)
        self.assertEqual(weir.get("/ready")[0], 200)
        self.assertEqual(weir.get("/nothing-here")[0], 404)

    def test_not_healthy_without_any_server(self):
        weir = self.weir_with_replicas(monitor={"interval": "100ms", "timeout": "300ms"})
        for node in self.cluster.nodes.values():
            node.kill(signal.SIGKILL)
        self.addCleanup(self.cluster.start)
        until(lambda: weir.get("/health")[0] == 503, "/health says 503")
        self.assertNotIn('"ok"', weir.get("/health")[1])
        self.cluster.start()
        until(lambda: weir.get("/health")[0] == 200, "/health says 200 again")

    def test_nobody_is_disturbed_by_bad_http(self):
        weir = self.weir_with_replicas()
        for data in (b"\0" * 100, b"GET /metrics HTTP/9.9\r\n\r\n", b"GET " + b"x" * 100_000, b"POST /metrics HTTP/1.1\r\n\r\n"):
            with self.subTest(data=data[:20]):
                wire = self.wire(weir.http_port)
                try:
                    wire.send(data)
                    wire.receive()
                except (ConnectionError, TimeoutError):
                    pass
                wire.close()
                self.assertEqual(weir.get("/health")[0], 200)

    def test_the_log_says_who_came_and_went(self):
        weir = self.weir_with_replicas(log={"level": "info", "connections": True, "disconnections": True})
        connection = self.connect(weir, application_name="logged")
        value(connection, "SELECT 1")
        connection.close()
        until(lambda: weir.log_text().count("app") >= 2, "the log has both lines")
        self.assertNotIn("\x00", weir.log_text())


if __name__ == "__main__":
    main()
