"""Limits: waiting in time and number, clients in all, and what an idle client costs."""

import resource
import threading
import time
import unittest

import wire as w
from harness import SLOW, ClusterCase, main, psycopg2, rows, until, value


class Limits(ClusterCase):
    replicas = 1

    def busy(self, weir):
        """A raw client that holds the pool's only connection."""
        wire = self.wire(weir.port, user="app")
        wire.ask("BEGIN")
        return wire

    def test_query_wait_timeout(self):
        weir = self.weir(proxy={"auth_type": "trust"}, pool={"default_pool_size": 1, "query_wait_timeout": "700ms"})
        self.busy(weir)
        waiting = self.wire(weir.port, user="app")
        begun = time.monotonic()
        waiting.send(w.query("/* pgweir: primary */ SELECT 1"))
        messages = waiting.read_to_end()
        took = time.monotonic() - begun
        self.assertEqual([m.fields["S"] for m in messages if m.tag == "E"], ["FATAL"])
        self.assertIn("query_wait_timeout", messages[-1].fields["M"])
        self.assertGreater(took, 0.65)
        self.assertLess(took, 3 * SLOW)
        self.assertEqual(weir.metric("pgweir_wait_timeouts_total"), 1)

    def test_waiters_come_in_the_order_of_their_arrival(self):
        weir = self.weir(proxy={"auth_type": "trust"}, pool={"default_pool_size": 1})
        first = self.busy(weir)
        waiting, order, threads = [], [], []
        for number in range(5):
            wire = self.wire(weir.port, user="app")
            wire.send(w.query("/* pgweir: primary */ SELECT pg_sleep(0.05)"))
            waiting.append(wire)
            until(lambda n=number: self.waiting(weir) == n + 1, f"{number + 1} wait")
            thread = threading.Thread(target=lambda n=number, c=wire: (c.read_ready(), order.append(n)))
            thread.start()
            threads.append(thread)
        first.ask("COMMIT")
        for thread in threads:
            thread.join(20 * SLOW)
        self.assertEqual(order, [0, 1, 2, 3, 4])

    @staticmethod
    def waiting(weir):
        return sum(int(row["cl_waiting"]) for row in weir.console("SHOW POOLS"))

    def test_max_waiters(self):
        weir = self.weir(proxy={"auth_type": "trust"}, pool={"default_pool_size": 1, "max_waiters": 2})
        self.busy(weir)
        for number in range(2):
            self.wire(weir.port, user="app").send(w.query("/* pgweir: primary */ SELECT 1"))
            until(lambda n=number: self.waiting(weir) == n + 1, f"{number + 1} wait")
        third = self.wire(weir.port, user="app")
        third.send(w.query("/* pgweir: primary */ SELECT 1"))
        error = next(m for m in iter(third.read, None) if m.tag == "E")
        self.assertEqual(error.fields["C"], "53300")

    def test_max_client_conn(self):
        weir = self.weir(proxy={"max_client_conn": 5})
        connections = [self.connect(weir) for _ in range(5)]
        with self.assertRaises(psycopg2.OperationalError) as raised:
            psycopg2.connect(weir.dsn(connect_timeout=20))
        self.assertRegex(str(raised.exception), "(?i)too many|no more connections|max_client_conn")
        self.assertEqual(value(connections[0], "SELECT 1"), 1)
        connections.pop().close()
        until(lambda: self.can_connect(weir), "there is room again")

    def can_connect(self, weir):
        psycopg2.connect(weir.dsn(connect_timeout=20)).close()
        return True

    def test_a_pool_of_one_serves_many(self):
        weir = self.weir(pool={"default_pool_size": 1})
        connections = [self.connect(weir) for _ in range(30)]
        for number, connection in enumerate(connections * 2):
            self.assertEqual(value(connection, "/* pgweir: primary */ SELECT %s::int", (number,)), number)
        self.assertEqual(self.backends(self.cluster.primary), 1)

    def test_two_names_of_one_database_have_a_pool_each(self):
        weir = self.weir(proxy={"auth_type": "trust"}, pool={"default_pool_size": 1, "query_wait_timeout": "5s"},
                         database=[{"name": "one", "dbname": "app"}, {"name": "two", "dbname": "app"}])
        for name in ("one", "two", "one"):
            wire = self.wire(weir.port, user="app", database=name)
            self.assertEqual(wire.ask("/* pgweir: primary */ SELECT current_database()"), [["app"]])
        self.assertEqual(self.backends(self.cluster.primary), 2)

    def test_users_that_are_one_on_the_servers_share_its_pool(self):
        users = [{"name": name, "password": "x"} for name in ("anna", "berta")] + [{"name": "admin", "password": "admin", "admin": True}]
        weir = self.weir(proxy={"auth_type": "trust"}, pool={"default_pool_size": 1, "query_wait_timeout": "5s"}, user=users,
                         database=[{"name": "app", "user": "app", "password": "app"}])
        for name in ("anna", "berta", "anna"):
            self.assertEqual(self.wire(weir.port, user=name).ask("/* pgweir: primary */ SELECT current_user"), [["app"]])
        self.assertEqual(self.backends(self.cluster.primary), 1)

    def test_session_mode_keeps_its_connection(self):
        weir = self.weir(pool={"default_pool_size": 3, "pool_mode": "session"})
        a = self.connect(weir)
        pids = {value(a, "SELECT pg_backend_pid()") for _ in range(5)}
        b = self.connect(weir)
        self.assertEqual(len(pids), 1)
        self.assertNotIn(value(b, "SELECT pg_backend_pid()"), pids)
        rows(a, "SET work_mem = '7MB'")
        a.close()
        b.close()
        c = self.connect(weir)
        self.assertEqual(value(c, "SHOW work_mem"), "4MB")

    def test_server_idle_timeout(self):
        weir = self.weir(pool={"server_idle_timeout": "1s"})
        value(self.connect(weir), "/* pgweir: primary */ SELECT 1")
        self.assertEqual(self.backends(self.cluster.primary), 1)
        until(lambda: self.backends(self.cluster.primary) == 0, "the idle server connection is closed")

    def weir_with_other(self, workers=2, **pool):
        """In front of a database that has no entry but "*"."""
        self.sql("CREATE DATABASE other")
        self.addCleanup(self.sql, "DROP DATABASE other WITH (FORCE)")
        self.cluster.wait_caught_up(30)
        return self.weir(proxy={"workers": workers, "auth_type": "trust"}, pool={"autodb_idle_timeout": "1s", "min_pool_size": 1, **pool},
                         database=[{"name": "*"}, {"name": "app"}])

    def pools_without_postgres(self, weir):
        """The databases that have pools when those of one are gone whose last client has gone now, and not before."""
        passing = self.connect(weir, database="postgres")
        value(passing, "/* pgweir: primary */ SELECT 1")
        passing.close()
        gone = lambda: (now := self.pools(weir)) and "postgres" not in now and now  # noqa: E731
        return until(gone, "the pool of a database that nobody uses is gone")

    @staticmethod
    def pools(weir):
        return {row["database"] for row in weir.console("SHOW POOLS")}

    def test_autodb_idle_timeout(self):
        """Pools that only "*" stands for are forgotten when nobody is there any more; others, and those in use, are not."""
        weir = self.weir_with_other()
        named, automatic = self.connect(weir), self.connect(weir, database="other")
        for connection in (named, automatic):
            value(connection, "/* pgweir: primary */ SELECT 1")
        named.close()
        self.assertEqual(self.pools_without_postgres(weir), {"app", "other"})
        self.assertEqual(value(automatic, "/* pgweir: primary */ SELECT 2"), 2)
        automatic.close()
        until(lambda: self.pools(weir) == {"app"}, "the pools are gone, but for the one of a database that has an entry")
        until(lambda: self.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = 'other'")[0][0] == "0", "its connections are closed")
        again = self.connect(weir, database="other")
        self.assertEqual(value(again, "SELECT current_database()::text"), "other")

    def test_autodb_idle_timeout_waits_for_what_still_runs(self):
        """A client has gone, its statement has not: who comes meanwhile is in the same pool, and gets that connection."""
        weir = self.weir_with_other(workers=1, default_pool_size=1)
        left = self.wire(weir.port, user="app", database="other")
        left.send(w.query("/* pgweir: primary */ SELECT pg_sleep(300)"))
        asleep = "FROM pg_stat_activity WHERE datname = 'other' AND query ~ 'pg_sleep' AND state = 'active'"
        until(lambda: self.sql(f"SELECT count(*) {asleep}")[0][0] == "1", "it runs")
        ((pid,),) = self.sql(f"SELECT pid {asleep}")
        left.close()
        self.assertEqual(self.pools_without_postgres(weir), {"other"})
        later = self.wire(weir.port, user="app", database="other")
        later.send(w.query("/* pgweir: primary */ SELECT pg_backend_pid()"))
        until(lambda: any(int(row["cl_waiting"]) for row in weir.console("SHOW POOLS")), "the newcomer waits")
        self.sql(f"SELECT pg_cancel_backend({pid})")
        self.assertEqual([m.values for m in later.read_ready() if m.tag == "D"], [[pid]])
        later.close()
        until(lambda: not self.pools(weir), "the pools are gone")

    def test_min_pool_size(self):
        weir = self.weir(pool={"min_pool_size": 3})
        value(self.connect(weir), "/* pgweir: primary */ SELECT 1")
        until(lambda: self.backends(self.cluster.primary) >= 3, "three connections are kept")

    def test_a_server_connection_that_dies_while_idle(self):
        """57P01 unsolicited, then the end: the next statement gets another one, without an error."""
        weir = self.weir(pool={"default_pool_size": 1})
        connection = self.connect(weir)
        for _ in range(3):
            pid = value(connection, "SELECT pg_backend_pid()")
            self.sql(f"SELECT pg_terminate_backend({pid})", "postgres")
            until(lambda p=pid: self.sql(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {p}")[0][0] == "0", "it is gone")
            until(lambda: weir.metric("pgweir_idle_servers") == 0, "pgweir has noticed")
            self.assertNotEqual(value(connection, "SELECT pg_backend_pid()"), pid)

    def test_workers_have_as_many_clients_each(self):
        weir = self.weir(proxy={"auth_type": "trust", "workers": 3})
        clients = [self.wire(weir.port, user="app") for _ in range(12)]
        self.assertEqual(self.by_worker(weir), [4, 4, 4])
        self.assertEqual([client.ask("SELECT 1") for client in clients], [[["1"]]] * 12)
        for client in clients[:9]:
            client.close()
        until(lambda: sum(self.by_worker(weir)) == 3, "nine have gone")
        clients = clients[9:] + [self.wire(weir.port, user="app") for _ in range(9)]
        self.assertEqual(self.by_worker(weir), [4, 4, 4])

    @staticmethod
    def by_worker(weir):
        """How many clients each of three has, without the console's own."""
        workers = [int(row["worker"]) for row in weir.console("SHOW CLIENTS") if row["user"] == "app"]
        return [workers.count(worker) for worker in range(3)]

    @unittest.skipIf(SLOW != 1, "the sanitizers' own checks need file descriptors")
    def test_without_file_descriptors_clients_wait(self):
        for workers in (1, 2):
            with self.subTest(workers=workers):
                weir = self.weir(proxy={"auth_type": "trust", "workers": workers})
                before = self.wire(weir.port, user="app")
                self.assertEqual(before.ask("SELECT 1"), [["1"]])
                limits = resource.prlimit(weir.pid, resource.RLIMIT_NOFILE)
                # The lowest one that is free is beyond the limit.
                resource.prlimit(weir.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
                waiting = self.wire(weir.port)
                waiting.send(w.startup({"user": "app", "database": "app"}))
                until(lambda: "event=accept_failed" in weir.log_text(), "it has run out")
                self.assertEqual(before.ask("SELECT 1"), [["1"]])
                resource.prlimit(weir.pid, resource.RLIMIT_NOFILE, limits)
                waiting.read_ready()
                self.assertEqual(waiting.ask("SELECT 1"), [["1"]])

    def test_a_client_that_says_nothing_is_sent_away(self):
        weir = self.weir(proxy={"client_login_timeout": "500ms"})
        silent = self.wire(weir.port)
        self.assertIn("client_login_timeout", silent.read_to_end()[-1].fields["M"])

    def test_idle_clients_cost_little(self):
        """A thousand of them; 5,000 by hand with scripts/bench --idle 5000."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        weir = self.weir(proxy={"auth_type": "trust", "max_client_conn": 2000})
        before = weir.usage().rss_bytes()
        clients = [self.wire(weir.port, user="app") for _ in range(1000)]
        grown = weir.usage().rss_bytes() - before
        self.assertEqual(clients[-1].ask("SELECT 1"), [["1"]])
        if SLOW == 1:  # a sanitizer's memory says nothing
            self.assertLess(grown, 4_000_000, f"{grown / 1000:.0f} bytes each")


if __name__ == "__main__":
    main()
