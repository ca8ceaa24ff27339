"""Databases with read_only = true: who gets in, where everything runs, and that nothing is written (docs/routing.md)."""

import wire as w
from harness import ClusterCase, main, psycopg2, rows, until, value, which

DATABASES = [{"name": "app"}, {"name": "reads", "dbname": "app", "read_only": True}]


class ReadOnly(ClusterCase):
    replicas = 2

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sql("CREATE TABLE t (n int); INSERT INTO t VALUES (1); GRANT ALL ON t TO public")
        cls.cluster.wait_caught_up()

    def proxy(self, **settings):
        return self.weir_with_replicas(**{"database": DATABASES, **settings})

    def lonely(self, **settings):
        """In front of the primary only."""
        node = self.cluster.primary
        return self.weir(**{"database": DATABASES, "server": [{"name": "primary", "host": "127.0.0.1", "port": node.port}],
                            **settings})

    def reads(self, weir, **more):
        return self.connect(weir, database="reads", **more)

    def code(self, connection, sql):
        try:
            rows(connection, sql)
        except psycopg2.Error as error:
            return error.pgcode
        return None

    def untouched(self):
        self.assertEqual(self.sql("SELECT n FROM t"), [("1",)])

    def test_target_session_attrs(self):
        for weir in (self.proxy(), self.lonely()):
            for wanted in ("any", "standby", "read-only", "prefer-standby"):
                with self.subTest(wanted=wanted):
                    self.assertEqual(value(self.reads(weir, target_session_attrs=wanted), "SELECT n FROM t"), 1)
            for wanted, why in (("primary", "server is in hot standby mode"), ("read-write", "session is read-only")):
                with self.subTest(wanted=wanted), self.assertRaisesRegex(psycopg2.OperationalError, why):
                    self.reads(weir, target_session_attrs=wanted)
            for wanted in ("primary", "read-write"):
                self.connect(weir, target_session_attrs=wanted)

    def test_two_ports(self):
        """One connection string: the reading name is skipped for what wants to write, and taken for what wants to read."""
        normal, reading = self.proxy(), self.proxy(database=[{"name": "app", "read_only": True}])
        for wanted, port in (("read-write", normal.port), ("primary", normal.port), ("standby", reading.port),
                             ("prefer-standby", reading.port)):
            with self.subTest(wanted=wanted):
                hosts = f"host=127.0.0.1,127.0.0.1 port={reading.port},{normal.port} user=app password=app dbname=app " \
                    f"target_session_attrs={wanted}"
                connection = psycopg2.connect(hosts)
                self.addCleanup(connection.close)
                self.assertEqual(connection.info.port, port)

    def test_everything_runs_on_replicas(self):
        weir = self.proxy()
        connection = self.reads(weir)
        self.assertEqual({which(self.reads(weir)) for _ in range(4)}, {"replica1", "replica2"})
        for sql, expected in (("SHOW transaction_read_only", "on"), ("SHOW in_hot_standby", "on"),
                              ("SELECT pg_catalog.pg_is_in_recovery()", True), ("SHOW default_transaction_read_only", "on")):
            self.assertEqual(value(connection, sql), expected, sql)
        self.assertRegex(value(connection, "/* pgweir: primary */ SELECT name FROM which_server"), "^replica")
        self.assertEqual(weir.metric("pgweir_queries_routed_total", target="primary"), 0)
        self.assertGreater(weir.metric("pgweir_queries_routed_total", target="replica", reason="read_only_database"), 5)
        rows(connection, "BEGIN")
        self.assertRegex(which(connection), "^replica")
        self.assertEqual(self.code(connection, "INSERT INTO t VALUES (2)"), "25006")
        rows(connection, "ROLLBACK")
        # State of the session that a standby can have: it stays with its replica.
        rows(connection, "SET work_mem = '3MB'")
        self.assertEqual([value(connection, "SHOW work_mem") for _ in range(3)], ["3MB"] * 3)
        self.untouched()

    WRITES = ("INSERT INTO t VALUES (2)", "CREATE TABLE u (n int)", "CREATE TEMP TABLE u (n int)", "LISTEN a", "NOTIFY a",
              "SELECT nextval('no_such')", "SET default_transaction_read_only = off", "BEGIN READ WRITE", "SELECT n FROM t FOR UPDATE",
              "/* pgweir: primary */ DELETE FROM t", "WITH gone AS (DELETE FROM t RETURNING n) SELECT n FROM gone", "VACUUM t")

    TRICKS = ("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
              "SELECT set_config('default_transaction_read_only', 'off', false)",
              "DO $$ BEGIN PERFORM set_config('default_transaction_read_only', 'off', false); END $$",
              "RESET default_transaction_read_only", "RESET ALL", "DISCARD ALL",
              "SET default_transaction_read_only = off; SELECT 1", "BEGIN READ WRITE; INSERT INTO t VALUES (2); COMMIT",
              "BEGIN; SET TRANSACTION READ WRITE; INSERT INTO t VALUES (2); COMMIT",
              "DO $$ BEGIN SET LOCAL transaction_read_only = off; INSERT INTO t VALUES (2); END $$")

    def refuses_all(self, weir):
        connection = self.reads(weir)
        for sql in self.WRITES:
            with self.subTest(sql=sql):
                codes = {"25006", "42P01"} if "no_such" in sql else {"25006"}
                self.assertIn(self.code(connection, sql), codes)
        for sql in self.TRICKS:
            with self.subTest(trick=sql):
                tricky = self.reads(weir)
                self.code(tricky, sql)
                self.code(tricky, "ROLLBACK")
                for _ in range(2):
                    self.assertEqual(self.code(tricky, "INSERT INTO t VALUES (2)"), "25006")
                self.code(tricky, "BEGIN; SET TRANSACTION READ WRITE")
                self.assertIsNotNone(self.code(tricky, "INSERT INTO t VALUES (2)"))
                self.code(tricky, "ROLLBACK")
                self.assertEqual(value(tricky, "SELECT n FROM t"), 1)
        self.untouched()

    def test_nothing_is_written_on_replicas(self):
        self.refuses_all(self.proxy())

    def test_nothing_is_written_on_the_primary(self):
        weir = self.lonely()
        self.refuses_all(weir)
        connection = self.reads(weir)
        self.assertEqual(which(connection), "primary")
        self.assertEqual(value(connection, "SHOW transaction_read_only"), "on")
        rows(connection, "BEGIN")
        self.assertEqual(value(connection, "SHOW transaction_read_only"), "on")
        rows(connection, "COMMIT")
        self.assertGreater(weir.metric("pgweir_queries_routed_total", target="primary", reason="no_replica"), 0)

    def test_the_extended_protocol(self):
        for weir in (self.proxy(proxy={"auth_type": "trust"}), self.lonely(proxy={"auth_type": "trust"})):
            raw = self.wire(weir.port, user="app", database="reads")
            self.assertEqual((raw.parameters["in_hot_standby"], raw.parameters["default_transaction_read_only"]), ("on", "on"))
            for sql in ("INSERT INTO t VALUES (2)", "SET default_transaction_read_only = off", "BEGIN READ WRITE"):
                raw.send(w.simple_statement(sql))
                self.assertEqual([m.fields["C"] for m in raw.read_ready() if m.tag == "E"], ["25006"], sql)
            raw.send(w.parse("SET default_transaction_read_only = off") + w.bind() + w.execute() +
                     w.parse("INSERT INTO t VALUES (2)") + w.bind() + w.execute() + w.SYNC)
            self.assertEqual([m.fields["C"] for m in raw.read_ready() if m.tag == "E"], ["25006"])
            # Behind a Flush, more comes than was planned.
            raw.send(w.parse("SELECT 1") + w.bind() + w.execute() + w.message("H") +
                     w.parse("INSERT INTO t VALUES (2)") + w.bind() + w.execute() + w.SYNC)
            self.assertEqual([m.fields["C"] for m in raw.read_ready() if m.tag == "E"], ["25006"])
            raw.send(w.simple_statement("SELECT n FROM t"))
            self.assertEqual([m.values for m in raw.read_ready() if m.tag == "D"], [["1"]])
            self.assertEqual(raw.parameters["in_hot_standby"], "on")
        self.untouched()

    def test_a_startup_setting_does_not_turn_it_off(self):
        weir = self.lonely()
        connection = self.reads(weir, options="-c default_transaction_read_only=off")
        self.assertEqual(value(connection, "SHOW default_transaction_read_only"), "on")
        self.assertEqual(self.code(connection, "INSERT INTO t VALUES (2)"), "25006")

    def test_without_a_primary(self):
        """Reading goes on, for new clients as well."""
        weir = self.proxy()
        connection = self.reads(weir)
        self.assertRegex(which(connection), "^replica")
        self.cluster.primary.stop()
        try:
            self.assertRegex(which(connection), "^replica")
            self.assertRegex(which(self.reads(weir)), "^replica")
        finally:
            self.cluster.primary.start()
            self.cluster.wait_streaming()

    def test_replicas_go_and_come(self):
        weir = self.proxy()
        connection = self.reads(weir)
        for node in self.cluster.replicas:
            node.stop()
        try:
            until(lambda: not weir.in_rotation(), "no replica is left")
            self.assertEqual(which(connection), "primary")
            self.assertEqual(self.code(connection, "INSERT INTO t VALUES (2)"), "25006")
        finally:
            for node in self.cluster.replicas:
                node.start()
        self.await_rotation(weir, {"replica1", "replica2"}, 40)
        self.assertRegex(which(connection), "^replica")
        self.untouched()


if __name__ == "__main__":
    main()
