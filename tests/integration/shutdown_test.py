"""SIGTERM: no new clients, transactions finish within a limit, exit status 0."""

import signal
import subprocess
import time

import wire as w
from harness import SLOW, ClusterCase, Load, main, psycopg2, rows, until, value


class Shutdown(ClusterCase):
    replicas = 1

    def refuses(self, weir):
        try:
            psycopg2.connect(weir.dsn(connect_timeout=5)).close()
        except psycopg2.OperationalError:
            return True
        return False

    def wait_exit(self, weir, timeout):
        return weir.process.wait(timeout * SLOW)

    def test_idle_clients_do_not_keep_it(self):
        weir = self.weir_with_replicas()
        connections = [self.connect(weir) for _ in range(5)]
        for connection in connections:
            value(connection, "SELECT 1")
        weir.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.wait_exit(weir, 5), 0)
        with self.assertRaises(psycopg2.Error):
            value(connections[0], "SELECT 1")

    def test_a_transaction_finishes(self):
        self.sql("DROP TABLE IF EXISTS t; CREATE TABLE t (n int); GRANT ALL ON t TO public")
        weir = self.weir_with_replicas(proxy={"workers": 2})
        inside, idle = self.connect(weir), self.connect(weir)
        value(idle, "SELECT 1")
        rows(inside, "BEGIN")
        rows(inside, "INSERT INTO t VALUES (1)")
        weir.process.send_signal(signal.SIGTERM)
        until(lambda: self.refuses(weir), "new clients are refused")
        self.assertIsNone(weir.process.poll(), "it waits for the transaction")
        rows(inside, "INSERT INTO t VALUES (2)")
        rows(inside, "COMMIT")
        self.assertEqual(self.wait_exit(weir, 5), 0)
        self.assertEqual(self.sql("SELECT count(*) FROM t")[0][0], "2")

    def test_the_answer_on_its_way_arrives(self):
        weir = self.weir_with_replicas(proxy={"auth_type": "trust"})
        raw = self.wire(weir.port, user="app")
        raw.send(w.query("SELECT pg_sleep(1), 'arrived'"))
        until(lambda: self.backends(self.cluster.primary, extra="query LIKE '%arrived%' AND state = 'active'") or
              self.backends(self.cluster.replicas[0], extra="query LIKE '%arrived%' AND state = 'active'"), "it runs")
        weir.process.send_signal(signal.SIGTERM)
        self.assertIn("arrived", [m.values[1] for m in raw.read_to_end() if m.tag == "D"])
        self.assertEqual(self.wait_exit(weir, 5), 0)

    def test_the_limit(self):
        weir = self.weir_with_replicas(proxy={"shutdown_timeout": "1s"})
        inside = self.connect(weir)
        rows(inside, "BEGIN")
        value(inside, "SELECT 1")
        begun = time.monotonic()
        weir.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.wait_exit(weir, 10), 0)
        self.assertGreater(time.monotonic() - begun, 0.8)
        with self.assertRaises(psycopg2.Error):
            value(inside, "SELECT 1")
        until(lambda: self.backends(self.cluster.primary) == 0, "nothing is left on the server")

    def test_under_load(self):
        """Clients see the end of their connection and nothing stranger."""
        weir = self.weir_with_replicas(proxy={"workers": 2})
        with Load(weir, clients=8) as load:
            until(lambda: len(load.answers) > 200, "the load runs")
            begun = time.monotonic()
            weir.process.send_signal(signal.SIGTERM)
            self.assertEqual(self.wait_exit(weir, 10), 0)
            self.assertLess(time.monotonic() - begun, 8 * SLOW)
        for _, error in load.errors:
            self.assertRegex(error, "(?i)terminat|shut|closed|refused|reset|57P0")

    def test_sigint_too(self):
        weir = self.weir_with_replicas()
        weir.process.send_signal(signal.SIGINT)
        self.assertEqual(self.wait_exit(weir, 5), 0)

    def test_the_port_is_taken(self):
        weir = self.weir_with_replicas()
        second = subprocess.run([str(weir.binary), str(weir.config_file)], capture_output=True, text=True, timeout=30 * SLOW)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn(str(weir.port), second.stderr + second.stdout)
        self.assertEqual(value(self.connect(weir), "SELECT 1"), 1)

    def test_restart_on_the_same_port(self):
        """Connections in TIME_WAIT do not keep the port."""
        weir = self.weir_with_replicas()
        value(self.connect(weir), "SELECT 1")
        weir.stop()
        weir.start(timeout=20 * SLOW)
        self.assertEqual(value(self.connect(weir), "SELECT 1"), 1)


if __name__ == "__main__":
    main()
