"""Replication connections: PostgreSQL's own programs and a real standby through pgweir (semantics.md H)."""

import signal
import subprocess
import threading

import wire as w
from harness import SLOW, ClusterCase, main, psycopg2, rows, until, value
from tls_test import Authority
from cluster import Node, server_user  # noqa: E402 (harness knows where)
from ports import free_ports  # noqa: E402

USERS = [{"name": "app", "password": "app"}, {"name": "replicator", "password": "replicator"},
         {"name": "admin", "password": "admin", "admin": True}]


class Replication(ClusterCase):
    replicas = 1
    settings = "wal_level = logical\n"

    def replicating(self, **settings):
        return self.weir_with_replicas(**{"user": USERS, **settings})

    def dsn(self, weir, **more):
        return f"host=127.0.0.1 port={weir.port} user=replicator password=replicator " + \
            " ".join(f"{k}={v}" for k, v in more.items())

    def place(self, name):
        """A folder that the servers' user may fill."""
        node = Node(self.cluster, name, free_ports(1)[0])
        self.cluster._make_place(node)
        self.cluster.nodes[name] = node
        self.addCleanup(self.remove, node)
        return node

    def remove(self, node):
        node.stop("immediate")
        self.cluster.nodes.pop(node.name)

    def start_program(self, program, *arguments):
        """One of PostgreSQL's programs, ended when the test ends."""
        user = server_user()
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        process = subprocess.Popen([str(self.cluster.bin / program), *map(str, arguments)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", text=True, **identity)

        def end():
            process.kill()
            process.communicate()
        self.addCleanup(end)
        return process

    def walsenders(self):
        """Of the primary, but for its replica's."""
        return int(self.cluster.primary.value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender' AND "
                                              "application_name !~ '^replica'"))

    def in_app(self, sql):
        return self.cluster.primary.query(sql, "app")

    def psql(self, weir, dbname, command, **more):
        return subprocess.run([str(self.cluster.bin / "psql"), "-XAt", self.dsn(weir, dbname=dbname, **more), "-c", command],
                              capture_output=True, text=True, timeout=30 * SLOW)

    # ---- PostgreSQL's programs

    def test_identify_system(self):
        weir = self.replicating()
        system = self.cluster.primary.value("SELECT system_identifier FROM pg_control_system()")
        for mode in ("database", "true", "on", "yes", "1"):
            with self.subTest(mode=mode):
                answer = self.psql(weir, "app", "IDENTIFY_SYSTEM", replication=mode)
                fields = answer.stdout.strip().split("|")
                self.assertEqual((fields[0], fields[3]), (system, "app" if mode == "database" else ""), answer.stderr)
        # Such a session runs SQL, too, with the client's own settings; and "false" is no replication at all.
        answer = self.psql(weir, "app", "SHOW work_mem", replication="database", options="'-c work_mem=3MB'")
        self.assertEqual(answer.stdout.strip(), "3MB", answer.stderr)
        self.assertEqual(self.psql(weir, "app", "SELECT 1", replication="false").stdout.strip(), "1")
        until(lambda: self.walsenders() == 0, "the connections are closed, not pooled")

    def test_base_backups(self):
        weir = self.replicating()
        for method in ("stream", "fetch"):
            with self.subTest(method=method):
                copy = self.place(f"copy_{method}")
                self.cluster.run("pg_basebackup", "-D", copy.data, "-d", self.dsn(weir), "-c", "fast", "-X", method, "--no-sync")
                self.cluster.run("pg_verifybackup", copy.data)
        copy.start()
        self.assertEqual(copy.value("SELECT name FROM which_server", "app"), copy.name)
        self.assertRegex(weir.log_text(), r"event=replication_begun id=\d+ user=\"replicator\".* server=primary mode=physical")
        self.assertRegex(weir.log_text(), r"event=replication_ended id=\d+ user=\"replicator\"")

    def test_receive_wal(self):
        weir = self.replicating()
        place = self.place("wal")
        program = self.start_program("pg_receivewal", "-D", place.data, "-d", self.dsn(weir), "--no-sync")
        until(lambda: weir.metric("pgweir_replication_connections") == 1, "it streams")
        client = until(lambda: [r for r in weir.console("SHOW CLIENTS") if r["state"] == "replication"], "it is shown")[0]
        self.assertEqual((client["user"], client["link"]), ("replicator", "primary"))
        server = [r for r in weir.console("SHOW SERVERS") if r["state"] == "replication"]
        self.assertEqual([(r["user"], str(r["link"])) for r in server], [("replicator", str(client["id"]))])
        before = self.cluster.primary.value("SELECT pg_walfile_name(pg_current_wal_lsn())")
        self.in_app("CREATE TABLE IF NOT EXISTS filler (x text); INSERT INTO filler SELECT repeat('x', 1000) FROM "
                    "generate_series(1, 20000); SELECT pg_switch_wal()")
        until(lambda: (place.data / before).exists(), f"{before} is complete")
        self.assertEqual((place.data / before).stat().st_size, 16 << 20)
        program.send_signal(signal.SIGINT)
        self.assertEqual(program.wait(20 * SLOW), 0)
        until(lambda: weir.metric("pgweir_replication_connections") == 0 and self.walsenders() == 0, "it has ended everywhere")

    def test_logical_decoding(self):
        weir = self.replicating()
        self.in_app("DROP TABLE IF EXISTS decoded; CREATE TABLE decoded (n int)")
        output = self.place("decoded").data / "out"
        common = ["-d", self.dsn(weir, dbname="app"), "--slot", "through_pgweir"]
        # An option in the connection string would do, but 15 takes the database from its own switch.
        self.cluster.run("pg_recvlogical", *common, "--create-slot", "--plugin", "test_decoding")
        program = self.start_program("pg_recvlogical", *common, "--start", "-f", output, "--fsync-interval", "0")
        self.in_app("INSERT INTO decoded VALUES (4711)")
        until(lambda: output.exists() and "INSERT: n[integer]:4711" in output.read_text(), "the change has arrived")
        program.send_signal(signal.SIGINT)
        self.assertEqual(program.wait(20 * SLOW), 0)
        until(lambda: self.walsenders() == 0, "it is free")
        self.cluster.run("pg_recvlogical", *common, "--drop-slot")

    def test_a_standby(self):
        weir = self.replicating()
        standby = self.place("standby")
        self.cluster.run("pg_basebackup", "-R", "-D", standby.data, "-d", self.dsn(weir), "-c", "fast", "--no-sync")
        standby.start()
        found = "SELECT state FROM pg_stat_replication WHERE application_name = 'standby'"
        until(lambda: self.cluster.primary.value(found) == "streaming", "it streams through pgweir")
        self.in_app("DROP TABLE IF EXISTS seen; CREATE TABLE seen (n int); INSERT INTO seen VALUES (1)")
        until(lambda: standby.value("SELECT to_regclass('seen')", "app") and standby.value("SELECT n FROM seen", "app") == "1",
              "it follows")
        # Its connection is lost, and it comes back by itself.
        self.cluster.primary.query("SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE application_name = 'standby'")
        self.in_app("INSERT INTO seen VALUES (2)")
        until(lambda: standby.value("SELECT max(n) FROM seen", "app") == "2", "it follows again")
        # pgweir goes down at once, though the standby would never leave.
        weir.process.send_signal(signal.SIGTERM)
        self.assertEqual(weir.process.wait(10 * SLOW), 0)
        until(lambda: "pgweir is shutting down" in standby.log.read_text(), "it was told why")

    def test_tls_and_two_workers(self):
        authority = Authority(self.folder / "tls")
        certificate, key = authority.issue("proxy", "localhost")
        weir = self.replicating(proxy={"workers": 2},
                                client_tls={"sslmode": "require", "cert_file": str(certificate), "key_file": str(key)})
        copy = self.place("copy_tls")
        self.cluster.run("pg_basebackup", "-D", copy.data, "-d", self.dsn(weir, sslmode="require"), "-c", "fast", "--no-sync")
        self.cluster.run("pg_verifybackup", copy.data)

    # ---- its ends

    def replication_session(self, weir, **more):
        return self.connect(weir, "replicator", "replicator", replication="database", **more)

    def test_cancel(self):
        weir = self.replicating(proxy={"workers": 2})
        connections, errors = [self.replication_session(weir) for _ in range(2)], [[], []]

        def sleep(connection, found):
            try:
                rows(connection, "SELECT pg_sleep(60)")
            except psycopg2.Error as error:
                found.append(error.pgcode)
        threads = [threading.Thread(target=sleep, args=pair, daemon=True) for pair in zip(connections, errors)]
        for thread in threads:
            thread.start()
        until(lambda: self.backends(self.cluster.primary, "replicator", "query ~ 'pg_sleep' AND state = 'active'") == 2, "both run")
        connections[1].cancel()
        threads[1].join(20 * SLOW)
        self.assertEqual(errors, [[], ["57014"]])
        self.assertEqual(value(connections[1], "SELECT 1"), 1)
        connections[0].cancel()
        threads[0].join(20 * SLOW)
        self.assertEqual(errors, [["57014"]] * 2)

    def test_the_client_goes_away(self):
        weir = self.replicating()
        connection = self.replication_session(weir)
        self.assertEqual(self.walsenders(), 1)
        connection.close()
        until(lambda: self.walsenders() == 0 and not [r for r in weir.console("SHOW SERVERS") if r["user"] == "replicator"],
              "its server connection has ended")

    def test_the_server_goes_away(self):
        weir = self.replicating(proxy={"auth_type": "trust"})
        raw = self.wire(weir.port, user="replicator", database="app", replication="database")
        self.cluster.primary.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'walsender' "
                                   "AND application_name !~ '^replica'")
        self.assertEqual([(m.tag, m.fields["C"]) for m in raw.read_to_end()], [("E", "57P01")])
        until(lambda: weir.metric("pgweir_replication_connections") == 0, "the client is gone")

    def test_waiting_for_a_primary(self):
        impatient, patient = self.replicating(pool={"query_wait_timeout": "1s"}), self.replicating()
        found = []
        thread = threading.Thread(target=lambda: found.append(value(self.replication_session(patient), "SELECT 1")), daemon=True)
        self.cluster.primary.stop()
        try:
            thread.start()
            with self.assertRaisesRegex(psycopg2.OperationalError, "query_wait_timeout"):
                self.replication_session(impatient)
            self.assertEqual([r["state"] for r in patient.console("SHOW CLIENTS") if r["user"] == "replicator"], ["waiting"])
        finally:
            self.cluster.primary.start()
        thread.join(30 * SLOW)
        self.assertEqual(found, [1])

    # ---- back-pressure

    def test_a_client_that_does_not_read(self):
        """pgweir keeps no more of the answer than fits, and the rest comes when the client reads on."""
        weir = self.replicating(proxy={"auth_type": "trust"})
        raw = self.wire(weir.port, user="replicator", database="app", replication="database")
        memory = weir.usage().rss_bytes()
        size, count = 40_000_000, 80
        raw.send(w.query(f"SELECT repeat('x', {size // count}) FROM generate_series(1, {count})"))
        sent = until(lambda: self.stalled(weir), "the stream has stopped")
        self.assertLess(sent, size / 2)
        self.assertLess(weir.usage().rss_bytes() - memory, 20_000_000)
        answer = raw.read_ready()
        self.assertEqual([len(m.body) for m in answer if m.tag == "D"], [size // count + 6] * count)

    def stalled(self, weir):
        """How many bytes went to clients, once that does not change any more."""
        before = weir.metric("pgweir_stats_sent_bytes_total")
        threading.Event().wait(0.5)
        after = weir.metric("pgweir_stats_sent_bytes_total")
        return after if after == before and after > 100_000 else None

    # ---- refusals

    def refusal(self, weir, user="replicator", database="app", **parameters):
        try:
            self.wire(weir.port, user=user, database=database, **parameters)
        except PermissionError as error:
            return error.args[0]
        self.fail("it came in")

    def test_refusals(self):
        databases = [{"name": "app"}, {"name": "forced", "dbname": "app", "user": "app", "password": "app"},
                     {"name": "reads", "dbname": "app", "read_only": True}]
        weir = self.replicating(proxy={"auth_type": "trust"}, database=databases)
        self.assertEqual(self.refusal(weir, database="forced", replication="true")["C"], "28000")
        self.assertEqual(self.refusal(weir, database="forced", replication="database")["C"], "28000")
        self.assertEqual(self.refusal(weir, database="reads", replication="true")["C"], "28000")
        self.assertEqual(self.refusal(weir, database="reads", replication="database")["C"], "28000")
        self.assertEqual(self.refusal(weir, database="nowhere", replication="database")["C"], "3D000")
        # The server's own word: no right to replicate, a bad setting.
        self.assertEqual(self.refusal(weir, user="app", replication="database")["C"], "42501")
        self.assertEqual(self.refusal(weir, replication="database", work_mem="nonsense")["C"], "22023")
        self.assertEqual(self.refusal(weir, replication="perhaps")["C"], "22023")
        self.wire(weir.port, user="replicator", database="anything", replication="true")

    def test_more_than_one_cluster(self):
        servers = [{"name": n.name, "host": "127.0.0.1", "port": n.port} for n in self.cluster.nodes.values()]
        servers.append({"name": "other", "host": "127.0.0.1", "port": free_ports(1)[0], "cluster": "other"})
        databases = [{"name": "app"}, {"name": "other", "cluster": "other"}]
        weir = self.make(user=USERS, proxy={"auth_type": "trust"}, server=servers, database=databases)
        weir.start(wait=False)
        until(lambda: weir.running and self.port_open(weir), "it listens")
        refused = self.refusal(weir, database="replication", replication="true")
        self.assertEqual(refused["C"], "3D000")
        self.assertRegex(refused["M"], r"\[\[database\]\]")
        until(lambda: weir.get("/metrics")[0] == 200, "it runs")
        self.wire(weir.port, user="replicator", database="app", replication="true")

    def port_open(self, weir):
        try:
            self.wire(weir.port)
            return True
        except OSError:
            return False


if __name__ == "__main__":
    main()
