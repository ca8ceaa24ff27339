"""Reload (SIGHUP, the console's RELOAD): every kind of change takes hold under load without an error, and what cannot is named."""

import signal
import threading
from pathlib import Path

import psycopg2
from authority import Authority
from harness import ClusterCase, Load, main, rows, until, value, which


class Reload(ClusterCase):
    replicas = 2

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sql("CREATE TABLE IF NOT EXISTS written (n int); GRANT ALL ON written TO public;"
                "CREATE OR REPLACE FUNCTION spot() RETURNS text LANGUAGE sql VOLATILE AS 'SELECT name FROM which_server'")
        if not cls.sql("SELECT 1 FROM pg_database WHERE datname = 'other'"):
            cls.sql("CREATE DATABASE other")

    # ---- how

    def give(self, weir, command="RELOAD"):
        """A console command without rows; what it warned of."""
        connection = psycopg2.connect(weir.dsn("admin", "admin", "pgweir"))
        try:
            connection.autocommit = True
            connection.cursor().execute(command)
            return list(connection.notices)
        finally:
            connection.close()

    def reload(self, weir, **sections):
        """Changes sections of the file and brings them into force."""
        for name, content in sections.items():
            if isinstance(content, dict):
                weir.sections.setdefault(name, {}).update(content)
            else:
                weir.sections[name] = content
        weir.write_config()
        return self.give(weir)

    def shown(self, weir, key):
        return {row["key"]: row["value"] for row in weir.console("SHOW CONFIG")}.get(key)

    def servers(self, weir, but=(), **changes):
        """The [[server]] sections without `but`, with changes by name."""
        nodes = [{"name": n.name, "host": "127.0.0.1", "port": n.port} for n in self.cluster.nodes.values()]
        return [{**node, **changes.get(node["name"], {})} for node in nodes if node["name"] not in but]

    def listed(self, weir):
        return {row["server"] for row in weir.console("SHOW REPLICATION")}

    # ---- servers

    def test_servers_come_and_go_under_load(self):
        weir = self.weir_with_replicas(proxy={"workers": 2}, routing={"consistency": "eventual"})
        first, second = (node.name for node in self.cluster.replicas)
        node = next(n for n in self.cluster.replicas if n.name == second)
        with Load(weir, clients=6) as reads, Load(weir, clients=2, sql="INSERT INTO written VALUES (1) RETURNING 'primary'") as writes:
            for round_ in range(4):
                self.reload(weir, server=self.servers(weir, but=[second]))
                self.assertEqual(self.listed(weir), {"primary", first})
                until(lambda: self.backends(node) == 0, "its connections are closed")
                until(lambda: self.backends(node, user="pgweir_monitor") == 0, "it is not probed")
                until(lambda: second not in {dict(labels).get("server") for (_, labels) in weir.metrics()}, "no metric names it")
                mark = len(reads.answers)
                until(lambda: len(reads.answers) > mark + 100, "the load goes on")
                self.assertNotIn(second, {answer for _, answer in reads.answers[mark + 50:]})
                self.reload(weir, server=self.servers(weir), pool={"default_pool_size": 3 + round_})
                mark = len(reads.answers)
                until(lambda: second in {answer for _, answer in reads.answers[mark:]}, "it gets reads again")
            self.reload(weir, server=self.servers(weir, **{second: {"weight": 0}}))
            until(lambda: weir.in_rotation() == {first}, "weight 0 takes it out")
            self.reload(weir, server=self.servers(weir, **{second: {"weight": 3}}))
            until(lambda: weir.in_rotation() == {first, second}, "and brings it back")
        self.assertEqual(reads.errors, [])
        self.assertEqual(writes.errors, [])
        self.assertEqual(weir.metric("pgweir_server_weight", server=second), 3)

    def test_a_transaction_on_a_server_that_leaves_is_finished_there(self):
        weir = self.weir_with_replicas()
        connection = self.connect(weir)
        rows(connection, "BEGIN READ ONLY")
        replica = which(connection)
        self.assertIn(replica, {n.name for n in self.cluster.replicas})
        self.reload(weir, server=self.servers(weir, but=[replica]))
        node = next(n for n in self.cluster.replicas if n.name == replica)
        self.assertEqual(which(connection), replica)
        rows(connection, "COMMIT")
        until(lambda: self.backends(node) == 0, "then its connection is closed")
        self.assertNotEqual(which(connection), replica)

    def test_a_primary_that_leaves(self):
        """Writes wait for another one, here for the same one's return."""
        weir = self.weir_with_replicas(pool={"failover_wait": "60s"})
        connection = self.connect(weir)
        self.reload(weir, server=self.servers(weir, but=["primary"]))
        done = threading.Event()

        def write():
            rows(connection, "INSERT INTO written VALUES (2)")
            done.set()

        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        until(lambda: any(row["state"] in ("waiting", "held") for row in weir.console("SHOW CLIENTS")), "the write waits")
        self.assertFalse(done.is_set())
        self.reload(weir, server=self.servers(weir))
        thread.join(20)
        self.assertTrue(done.is_set())

    # ---- pools, routing, users

    def test_pool_sizes(self):
        weir = self.weir_with_replicas(pool={"default_pool_size": 4}, routing={"split": "off"}, proxy={"workers": 2})
        primary = self.cluster.primary
        with Load(weir, clients=8) as load:
            until(lambda: self.backends(primary) == 4, "the pool is full")
            self.reload(weir, pool={"default_pool_size": 2})
            until(lambda: self.backends(primary) == 2, "it shrinks")
            self.reload(weir, pool={"default_pool_size": 6})
            until(lambda: self.backends(primary) == 6, "it grows")
            self.assertEqual({row["pool_size"] for row in weir.console("SHOW POOLS") if row["server"] == "primary"} or {6}, {6})
        self.assertEqual(load.errors, [])
        self.reload(weir, pool={"server_idle_timeout": "1s"})
        until(lambda: self.backends(primary) == 0, "idle connections go by the new time")

    def test_routing_counts_for_those_who_are_there(self):
        weir = self.weir_with_replicas()
        connection = self.connect(weir)
        primary, replicas = "primary", {n.name for n in self.cluster.replicas}
        self.assertIn(which(connection), replicas)
        self.reload(weir, routing={"split": "off"})
        until(lambda: which(connection) == primary, "reads stay")
        self.reload(weir, routing={"split": "on"})
        until(lambda: which(connection) in replicas, "reads are spread again")
        self.assertEqual(value(connection, "SELECT spot()"), primary)
        self.reload(weir, routing={"safe_functions": ["spot"]})
        until(lambda: value(connection, "SELECT spot()") in replicas, "the function is known as safe")
        self.reload(weir, routing={"safe_functions": []}, database=[{"name": "*", "safe_functions": ["spot"]}])
        until(lambda: value(connection, "SELECT spot()") in replicas, "here it is the database's list")
        self.reload(weir, database=[{"name": "*"}])
        until(lambda: value(connection, "SELECT spot()") == primary, "and it is not any more")

    def test_users_and_passwords(self):
        weir = self.weir_with_replicas()
        users = [{"name": "app", "password": "app"}, {"name": "admin", "password": "admin", "admin": True}]
        with self.assertRaises(psycopg2.OperationalError):
            psycopg2.connect(weir.dsn("newcomer", "secret"))
        self.sql("SELECT 1 FROM pg_roles WHERE rolname = 'newcomer'") or self.sql("CREATE ROLE newcomer LOGIN PASSWORD 'secret'")
        with Load(weir, clients=3) as load:
            self.reload(weir, user=[*users, {"name": "newcomer", "password": "secret"}])
            inside = self.connect(weir, "newcomer", "secret")
            self.assertEqual(value(inside, "SELECT 1"), 1)
            self.sql("ALTER ROLE newcomer PASSWORD 'changed'")
            self.reload(weir, user=[*users, {"name": "newcomer", "password": "changed"}])
            with self.assertRaises(psycopg2.OperationalError):
                psycopg2.connect(weir.dsn("newcomer", "secret"))
            self.assertEqual(value(self.connect(weir, "newcomer", "changed"), "SELECT 1"), 1)
            self.reload(weir, user=users)
            with self.assertRaises(psycopg2.OperationalError):
                psycopg2.connect(weir.dsn("newcomer", "changed"))
            self.assertEqual(value(inside, "SELECT 1"), 1, "who is inside stays")
        self.assertEqual(load.errors, [])
        log = weir.log_text()
        self.assertIn('event=config_added what="user.newcomer"', log)
        self.assertIn('event=config_changed key="user.newcomer.password" from="<hidden>" to="<hidden>"', log)
        self.assertNotIn("changed\"", log.replace('"changed"', ""))

    def test_the_file_of_users_and_the_rules_of_access(self):
        userlist = self.folder / "userlist.txt"
        userlist.write_text('"reader" "one"\n')
        weir = self.weir_with_replicas(proxy={"auth_file": str(userlist), "auth_failure_delay": "0ms"})
        self.sql("SELECT 1 FROM pg_roles WHERE rolname = 'reader'") or self.sql("CREATE ROLE reader LOGIN PASSWORD 'two'")
        userlist.write_text('"reader" "two"\n')
        self.give(weir)
        self.assertEqual(value(self.connect(weir, "reader", "two"), "SELECT 1"), 1)
        rules = [{"name": "console", "user": ["admin"]}, {"name": "no-reader", "user": ["reader"], "method": "reject"}, {"name": "rest"}]
        self.reload(weir, access=rules)
        with self.assertRaises(psycopg2.OperationalError):
            psycopg2.connect(weir.dsn("reader", "two"))
        self.reload(weir, access=[rules[0], rules[2], rules[1]])
        self.assertEqual(value(self.connect(weir, "reader", "two"), "SELECT 1"), 1)
        self.assertIn('key="access" from="console, no-reader, rest" to="console, rest, no-reader"', weir.log_text())

    # ---- databases

    def test_a_database_that_is_another_one_now(self):
        weir = self.weir_with_replicas(proxy={"workers": 2}, database=[{"name": "app"}, {"name": "alias", "dbname": "app"}])
        idle, busy, apart = (self.connect(weir, database=name) for name in ("alias", "alias", "app"))
        for connection in (idle, apart):
            value(connection, "SELECT 1")
        rows(busy, "BEGIN")
        self.assertEqual(value(busy, "SELECT current_database()"), "app")
        self.reload(weir, database=[{"name": "app"}, {"name": "alias", "dbname": "other"}])
        self.assertEqual(value(busy, "SELECT current_database()"), "app", "a transaction goes on where it began")
        rows(busy, "COMMIT")
        for connection in (idle, busy):
            with self.assertRaises(psycopg2.Error) as raised:
                value(connection, "SELECT 1")
            self.assertRegex(str(raised.exception), "not configured any more|closed")
        for _ in range(10):
            self.assertEqual(value(self.connect(weir, database="alias"), "/* pgweir: primary */ SELECT current_database()"), "other")
        self.assertEqual(value(apart, "SELECT 1"), 1)
        self.reload(weir, database=[{"name": "app"}])
        with self.assertRaises(psycopg2.OperationalError):
            psycopg2.connect(weir.dsn(database="alias"))
        until(lambda: not [row for row in weir.console("SHOW POOLS") if row["database"] == "alias"], "its pools are gone")

    # ---- TLS

    def test_tls_is_switched_on_and_its_certificate_replaced(self):
        authority = Authority(self.folder / "tls")
        certificate, key = authority.issue("proxy", "localhost")
        weir = self.weir_with_replicas()
        plain = self.connect(weir)
        self.assertFalse(plain.info.ssl_in_use)
        with Load(weir, clients=3) as load:
            self.reload(weir, client_tls={"sslmode": "prefer", "cert_file": str(certificate), "key_file": str(key)})
            encrypted = self.connect(weir, sslmode="require")
            self.assertTrue(encrypted.info.ssl_in_use)
            authority.issue("proxy", "localhost")
            self.give(weir)
            self.assertEqual(value(self.connect(weir, sslmode="require"), "SELECT 1"), 1)
            key.write_text("broken")
            with self.assertRaisesRegex(psycopg2.Error, "key"):
                self.give(weir)
            self.assertEqual(value(self.connect(weir, sslmode="require"), "SELECT 1"), 1)
        self.assertEqual(load.errors, [])
        for connection in (plain, encrypted):
            self.assertEqual(value(connection, "SELECT 1"), 1)

    # ---- the file

    def test_options_of_tcp_count_for_who_comes_now(self):
        weir = self.weir(proxy={"auth_type": "trust"})
        before = self.wire(weir.port, user="app")
        self.assertTrue(self.keeps_alive(weir, before))
        self.reload(weir, tcp={"keepalive": False})
        after = self.wire(weir.port, user="app")
        self.assertFalse(self.keeps_alive(weir, after))
        self.assertTrue(self.keeps_alive(weir, before))
        self.reload(weir, tcp={"keepalive": True})
        self.assertTrue(self.keeps_alive(weir, self.wire(weir.port, user="app")))

    @staticmethod
    def keeps_alive(weir, wire):
        """Whether the proxy's end of a connection has a timer that runs for keepalive: 02 in its line of /proc/net/tcp."""
        theirs = wire.socket.getsockname()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, _, _, timer, *_ = line.split()
            if local.endswith(f":{weir.port:04X}") and remote.endswith(f":{theirs:04X}"):
                return timer.startswith("02:")
        raise AssertionError("no such connection")

    def test_a_bad_file_changes_nothing(self):
        weir = self.weir_with_replicas(pool={"default_pool_size": 7})
        weir.sections["pool"]["default_pool_size"] = 0
        weir.sections["routing"]["split"] = "off"
        weir.write_config()
        with self.assertRaises(psycopg2.Error) as raised:
            self.give(weir)
        self.assertEqual(raised.exception.pgcode, "F0000")
        self.assertRegex(str(raised.exception), rf"{weir.config_file.name}:\d+:\d+: pool.default_pool_size")
        self.assertEqual(self.shown(weir, "pool.default_pool_size"), "7")
        self.assertEqual(self.shown(weir, "routing.split"), "on")
        weir.config_file.write_text("[pool\n")
        weir.process.send_signal(signal.SIGHUP)
        until(lambda: weir.metric("pgweir_config_reloads_total", result="failure") == 2, "the failure is counted")
        self.assertIn("event=config_not_reloaded", weir.log_text())
        weir.config_file.unlink()
        with self.assertRaisesRegex(psycopg2.Error, "(?i)no such file"):
            self.give(weir)
        self.assertEqual(value(self.connect(weir), "SELECT 1"), 1)
        self.assertEqual(weir.metric("pgweir_config_reloads_total", result="success"), 0)

    def test_the_log_is_rotated(self):
        """As logrotate does it: moved away, then SIGHUP; with a broken configuration, too."""
        log, old = self.folder / "rotated.log", self.folder / "rotated.log.1"
        weir = self.weir_with_replicas(log={"file": str(log)}, proxy={"workers": 2})
        with Load(weir, clients=4, sql="SELECT 1"):
            for text in (None, "[pool\n"):
                if text:
                    weir.config_file.write_text(text)
                log.rename(old)
                weir.process.send_signal(signal.SIGHUP)
                until(lambda: log.exists() and "event=config_" in log.read_text(), "the new file is written to")
                size = old.stat().st_size
                self.connect(weir).close()
                until(lambda: "event=client_closed" in log.read_text(), "it goes on there")
                self.assertEqual(old.stat().st_size, size, "and not in the old one")
                self.assertTrue(old.read_bytes().endswith(b"\n"))
        self.assertEqual(weir.log_text(), "")

    def test_what_needs_a_restart_is_named(self):
        weir = self.weir_with_replicas()
        port = str(weir.sections["proxy"]["listen_port"])
        warnings = self.reload(weir, proxy={"listen_port": 1, "workers": 3}, pool={"max_waiters": 77})
        self.assertEqual(len(warnings), 2)
        self.assertIn("proxy.listen_port", warnings[0])
        self.assertIn("proxy.workers", warnings[1])
        self.assertEqual(self.shown(weir, "proxy.listen_port"), port)
        self.assertEqual(self.shown(weir, "pool.max_waiters"), "77")
        self.assertIn(f'event=config_needs_restart key="proxy.listen_port" running="{port}" configured="1"', weir.log_text())

    def test_sighup(self):
        weir = self.weir_with_replicas()
        before = weir.metric("pgweir_config_last_reload_timestamp_seconds")
        weir.sections["log"] = {"level": "debug"}
        weir.write_config()
        weir.process.send_signal(signal.SIGHUP)
        until(lambda: self.shown(weir, "log.level") == "debug", "the file is read")
        self.assertIn('event=config_changed key="log.level" from="info" to="debug"', weir.log_text())
        self.connect(weir).close()
        until(lambda: "level=debug" in weir.log_text(), "the level counts")
        self.assertGreater(weir.metric("pgweir_config_last_reload_timestamp_seconds"), before)
        with self.assertRaisesRegex(psycopg2.Error, "administrator|console"):
            connection = psycopg2.connect(weir.dsn("app", "app", "pgweir"))
            connection.autocommit = True
            connection.cursor().execute("RELOAD")


if __name__ == "__main__":
    main()
