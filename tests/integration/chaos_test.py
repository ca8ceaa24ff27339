"""What happens to replicas, under clients that keep a history: killed, hung, paused, cut off, slow (issue 5; semantics.md F, G). Reads
go on without an error, and without a stale one."""

import random
import signal
import threading
import time
import unittest
from contextlib import closing

import harness
import network
from harness import Clients, ClusterCase, main, psycopg2, rows, until, which

CLIENTS = 8
READ = "SELECT c.value, s.name FROM counters c, which_server s WHERE c.id = %s"


class History(Clients):
    """Clients that raise a counter of their own now and then, and read it. Kept: each read's time, server and error."""

    limit = 60.0

    def __init__(self, weir, seed=1):
        super().__init__(CLIENTS)
        self.weir, self.seed = weir, seed
        self.reads = []    # (begun, took, server, client)
        self.errors = []   # (when, SQLSTATE, text)
        self.stale = []    # (client, found, written)

    def _begun(self):
        self.go_on("the load runs")

    def _client(self, number):
        dice = random.Random(f"{self.seed}/{number}")
        while not self.done.is_set():
            try:
                with closing(psycopg2.connect(self.weir.dsn())) as connection:
                    connection.autocommit = True
                    self._work(connection, number, dice)
            except psycopg2.Error as error:
                self.errors.append((time.monotonic(), error.pgcode, str(error).strip()))

    def _work(self, connection, number, dice):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE counters SET value = value + 1 WHERE id = %s RETURNING value", (number,))
            mine = cursor.fetchone()[0]
            while not self.done.is_set():
                if dice.random() < 0.1:
                    cursor.execute("UPDATE counters SET value = value + 1 WHERE id = %s RETURNING value", (number,))
                    mine = cursor.fetchone()[0]
                for _ in range(5):
                    begun = time.monotonic()
                    cursor.execute(READ, (number,))
                    found, server = cursor.fetchone()
                    self.reads.append((begun, time.monotonic() - begun, server, number))
                    if found != mine:
                        self.stale.append((number, found, mine))
                self.done.wait(0.005)

    def go_on(self, what, servers=(), timeout=30.0):
        """Until every client has new reads, and each of `servers` has answered some."""
        moment = time.monotonic()

        def going():
            new = self.since(moment)
            return {read[3] for read in new} == set(range(CLIENTS)) and set(servers) <= {read[2] for read in new}
        until(going, what, timeout)

    def since(self, moment):
        return [read for read in list(self.reads) if read[0] > moment]

    def quantile(self, begin, end, part):
        took = sorted(read[1] for read in list(self.reads) if begin <= read[0] < end)
        return took[int(part * (len(took) - 1))] if took else 0.0


class Chaos(ClusterCase):
    replicas = 3

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sql(f"""CREATE TABLE counters (id int PRIMARY KEY, value bigint NOT NULL); GRANT ALL ON counters TO app;
                    INSERT INTO counters SELECT n, 0 FROM generate_series(0, {CLIENTS - 1}) n""")
        cls.cluster.wait_caught_up()
        cls.names = {node.name for node in cls.cluster.replicas}

    def setUp(self):
        self.victim = self.cluster.replicas[0]
        self.others = self.names - {self.victim.name}
        self.addCleanup(self.heal)

    def heal(self):
        self.victim.resume()
        self.victim.start()
        self.cluster.wait_streaming()

    def here(self, **settings):
        weir = self.weir(**{"proxy": {"workers": 2}, "monitor": {"interval": "100ms", "timeout": "400ms"}, **settings})
        self.await_rotation(weir, self.names)
        return weir

    def check(self, load):
        self.assertEqual(load.stale, [])
        self.assertEqual(load.errors, [])

    def report(self, what, load, moment, end):
        print(f"\n    {what}: errors {len(load.errors)}, reads {len(load.since(moment))}, slowest "
              f"{max((r[1] for r in load.since(moment)), default=0) * 1000:.0f} ms, p99 before "
              f"{load.quantile(0, moment, .99) * 1000:.1f} ms, during {load.quantile(moment, end, .99) * 1000:.1f} ms", flush=True)

    # ---- a replica dies, hangs, falls behind

    def test_killed_and_started_again(self):
        weir = self.here()
        with History(weir) as load:
            load.go_on("every replica reads", self.names)
            killed = time.monotonic()
            self.victim.kill(signal.SIGKILL)
            self.await_rotation(weir, self.others)
            out = time.monotonic()
            load.go_on("the others read", self.others)
            self.victim.start()
            self.await_rotation(weir, self.names, 60)
            load.go_on("it reads again", self.names, 60)
        self.report(f"SIGKILL of a replica, out of rotation after {(out - killed) * 1000:.0f} ms", load, killed, out + 1)
        self.check(load)

    def test_hung(self):
        weir = self.here()
        with History(weir) as load:
            load.go_on("every replica reads", self.names)
            stopped = time.monotonic()
            self.victim.kill(signal.SIGSTOP)
            self.await_rotation(weir, self.others)
            out = time.monotonic()
            load.go_on("the others read", self.others)
            end = time.monotonic()
            slowest = max(read[1] for read in load.since(stopped - 1))
            self.victim.resume()
            self.await_rotation(weir, self.names, 60)
            load.go_on("it reads again", self.names, 60)
        self.report(f"SIGSTOP of a replica, out of rotation after {(out - stopped) * 1000:.0f} ms", load, stopped, end)
        self.check(load)
        # What waited for the hung one was run elsewhere as soon as it was out.
        self.assertLess(slowest, (out - stopped) + 2 * harness.SLOW)

    def test_replay_paused(self):
        weir = self.here(routing={"max_lag": "1s"})
        with History(weir) as load:
            load.go_on("every replica reads", self.names)
            paused = time.monotonic()
            self.victim.pause_replay()
            self.await_rotation(weir, self.others)
            out = time.monotonic()
            load.go_on("the others read", self.others)
            self.victim.resume_replay()
            self.await_rotation(weir, self.names, 60)
            load.go_on("it reads again", self.names, 60)
        self.report(f"replay paused, out of rotation after {(out - paused) * 1000:.0f} ms", load, paused, out)
        self.check(load)

    def test_cut_off_from_the_primary(self):
        weir = self.here(routing={"max_lag": "1s"})
        with History(weir) as load:
            load.go_on("every replica reads", self.names)
            cut = time.monotonic()
            before = self.victim.value("SHOW primary_conninfo")
            self.victim.query("ALTER SYSTEM SET primary_conninfo = ''")
            self.victim.query("SELECT pg_reload_conf()")
            try:
                self.await_rotation(weir, self.others)
                out = time.monotonic()
                load.go_on("the others read", self.others)
            finally:
                self.victim.query("ALTER SYSTEM SET primary_conninfo = '{}'".format(before.replace("'", "''")))
                self.victim.query("SELECT pg_reload_conf()")
            self.await_rotation(weir, self.names, 60)
            load.go_on("it reads again", self.names, 60)
        self.report(f"the walreceiver cut, out of rotation after {(out - cut) * 1000:.0f} ms", load, cut, out)
        self.check(load)

    # ---- the way to a replica

    def weir_behind_a_link(self, **settings):
        if not network.available():
            raise unittest.SkipTest("no right to make network namespaces here")
        link = network.Link(self.victim)
        self.addCleanup(link.close)
        servers = [{"name": n.name, "host": link.address if n is self.victim else "127.0.0.1", "port": n.port}
                   for n in self.cluster.nodes.values()]
        return link, self.here(server=servers, **settings)

    def test_the_network_is_cut(self):
        link, weir = self.weir_behind_a_link()
        with History(weir) as load:
            load.go_on("every replica reads", self.names)
            cut = time.monotonic()
            link.cut()
            self.await_rotation(weir, self.others)
            out = time.monotonic()
            load.go_on("the others read", self.others)
            end = time.monotonic()
            link.mend()
            self.await_rotation(weir, self.names, 60)
            load.go_on("it reads again", self.names, 60)
        self.report(f"the network to a replica cut, out of rotation after {(out - cut) * 1000:.0f} ms", load, cut, end)
        self.check(load)

    def test_the_network_is_cut_in_a_transaction(self):
        """It cannot go elsewhere: [tcp] says how long it waits, be it for an acknowledgement or for an answer."""
        ways = (({"user_timeout": "2s"}, False), ({"keepidle": "1s", "keepintvl": "1s", "keepcnt": 2}, True))
        for tcp, under_way in ways:
            with self.subTest(**tcp):
                link, weir = self.weir_behind_a_link(tcp=tcp, routing={"safe_functions": ["pg_sleep"]},
                                                     proxy={"workers": 1, "shutdown_timeout": "1s"})
                connection = self.transaction_on_the_victim(weir)
                sql = "SELECT pg_sleep(100)" if under_way else "SELECT 1"
                found = []
                waiting = threading.Thread(target=self.ask, args=(connection, sql, found), daemon=True)
                if under_way:
                    waiting.start()
                    until(lambda: self.backends(self.victim, extra="query ~ 'pg_sleep' AND state = 'active'") == 1, "it runs there")
                    until(link.acknowledged, "all that was sent has been acknowledged")
                link.silence()
                cut = time.monotonic()
                if not under_way:
                    waiting.start()
                waiting.join(20 * harness.SLOW)
                took = time.monotonic() - cut
                link.mend()
                self.assertEqual(len(found), 1, "it still waits")
                self.assertGreater(took, 1.5, f"not by [tcp]: {found}")
                self.assertRegex(weir.log_text(), 'event=client_closed .*cause="?the server connection was lost')

    def transaction_on_the_victim(self, weir):
        while True:
            connection = self.connect(weir)
            rows(connection, "BEGIN READ ONLY")
            if which(connection) == self.victim.name:
                return connection

    @staticmethod
    def ask(connection, sql, found):
        try:
            rows(connection, sql)
            found.append("an answer")
        except psycopg2.Error as error:
            found.append(str(error))

    def test_the_network_is_slow(self):
        """Not an error, and no reason to wait for ever: what the slow one owes comes, or is run elsewhere."""
        link, weir = self.weir_behind_a_link()
        with History(weir) as load:
            load.go_on("every replica reads", self.names)
            slow = time.monotonic()
            link.slow()
            load.go_on("the others read", self.others)
            end = time.monotonic()
            link.mend()
            self.await_rotation(weir, self.names, 60)
            load.go_on("it reads again", self.names, 60)
        self.report("a slow network to a replica", load, slow, end)
        self.check(load)


if __name__ == "__main__":
    main()
