"""target_session_attrs of libpq and strings with several hosts, as psql and psycopg2 use them (semantics.md H): pgweir is a
primary for whoever asks, though reads go to replicas behind it."""

import os
import socket
import subprocess

from harness import SLOW, ClusterCase, main, psycopg2, value, which

ACCEPTED, REFUSED = ("any", "primary", "read-write", "prefer-standby"), ("standby", "read-only")
SAYS = {"standby": "server is not in hot standby mode", "read-only": "session is not read-only"}


class SessionAttributes(ClusterCase):
    replicas = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        keeper = cls("psql")  # a test case of nobody: the proxies are the class's
        cls.proxy, cls.second = keeper.weir_with_replicas(), keeper.weir_with_replicas()
        for weir in (cls.proxy, cls.second):
            cls.addClassCleanup(keeper._check_end, weir)

    def setUp(self):
        # Bound and not listening: refuses connections, and nobody else can take the port.
        self.closed = socket.socket()
        self.addCleanup(self.closed.close)
        self.closed.bind(("127.0.0.1", 0))

    @property
    def closed_port(self):
        return self.closed.getsockname()[1]

    def psql(self, host, port, wanted, sql="SELECT 1"):
        string = f"host={host} port={port} user=app dbname=app target_session_attrs={wanted} connect_timeout={int(20 * SLOW)}"
        return subprocess.run(["psql", "-X", "-A", "-t", string, "-c", sql], capture_output=True, text=True, timeout=60 * SLOW,
                              stdin=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], "PGPASSWORD": "app", "LC_ALL": "C"})

    def refusal(self, **settings):
        with self.assertRaises(psycopg2.OperationalError) as raised:
            psycopg2.connect(self.proxy.dsn(connect_timeout=int(20 * SLOW), **settings))
        return str(raised.exception)

    def test_what_a_primary_is_accepted_for(self):
        for wanted in ACCEPTED:
            with self.subTest(wanted=wanted):
                self.assertEqual(value(self.connect(self.proxy, target_session_attrs=wanted), "SELECT 1"), 1)
                done = self.psql("127.0.0.1", self.proxy.port, wanted)
                self.assertEqual((done.stdout, done.stderr, done.returncode), ("1\n", "", 0))

    def test_what_a_primary_is_refused_for(self):
        for wanted in REFUSED:
            with self.subTest(wanted=wanted):
                self.assertIn(SAYS[wanted], self.refusal(target_session_attrs=wanted))
                done = self.psql("127.0.0.1", self.proxy.port, wanted)
                self.assertIn(SAYS[wanted], done.stderr)
                self.assertEqual(done.returncode, 2)

    def test_what_the_session_shows(self):
        """What libpq asks of servers before 14, and what the reports say after reads on a replica."""
        connection = self.connect(self.proxy, target_session_attrs="read-write",
                                  options="-c pgweir.consistency=eventual")  # not held to what pg_is_in_recovery() may have done
        for _ in range(3):
            self.assertEqual(which(connection), "replica1")
            self.assertEqual(value(connection, "SHOW transaction_read_only"), "off")
            self.assertIs(value(connection, "SELECT pg_catalog.pg_is_in_recovery()"), False)
            self.assertEqual(connection.info.parameter_status("in_hot_standby"), "off")
            self.assertEqual(connection.info.parameter_status("default_transaction_read_only"), "off")

    def test_a_session_that_is_read_only_by_its_own_wish(self):
        wish = "-c default_transaction_read_only=on"
        self.assertEqual(value(self.connect(self.proxy, target_session_attrs="read-only", options=wish), "SELECT 1"), 1)
        self.assertIn("session is read-only", self.refusal(target_session_attrs="read-write", options=wish))

    def test_several_hosts(self):
        for wanted in ACCEPTED:
            with self.subTest(wanted=wanted):
                connection = self.connect(self.proxy, host="127.0.0.1,127.0.0.1", port=f"{self.closed_port},{self.proxy.port}",
                                          target_session_attrs=wanted)
                self.assertEqual(value(connection, "SELECT 1"), 1)
                self.assertEqual(connection.info.port, self.proxy.port)
                done = self.psql("127.0.0.1,127.0.0.1", f"{self.closed_port},{self.proxy.port}", wanted, "\\echo :PORT")
                self.assertEqual(done.stdout, f"{self.proxy.port}\n")

    def test_no_host_is_a_standby(self):
        ports = f"{self.closed_port},{self.proxy.port},{self.second.port}"
        text = self.refusal(host="127.0.0.1,127.0.0.1,127.0.0.1", port=ports, target_session_attrs="standby")
        self.assertEqual(text.count("server is not in hot standby mode"), 2)
        self.assertIn("Connection refused", text)

    def test_the_primary_among_replicas_and_proxies(self):
        """A string with a replica itself in front of pgweir ends at pgweir when a primary is wanted, and at the replica else."""
        ports = f"{self.cluster.replicas[0].port},{self.proxy.port}"
        for wanted, port in (("primary", self.proxy.port), ("read-write", self.proxy.port), ("standby", self.cluster.replicas[0].port)):
            with self.subTest(wanted=wanted):
                connection = self.connect(self.proxy, host="127.0.0.1,127.0.0.1", port=ports, target_session_attrs=wanted)
                self.assertEqual(connection.info.port, port)

    def test_the_second_proxy_when_the_first_stops(self):
        first = self.weir_with_replicas()
        string = {"host": "127.0.0.1,127.0.0.1", "port": f"{first.port},{self.second.port}", "target_session_attrs": "read-write"}
        self.assertEqual(self.connect(first, **string).info.port, first.port)
        first.stop()
        self.assertEqual(self.connect(first, **string).info.port, self.second.port)


if __name__ == "__main__":
    main()
