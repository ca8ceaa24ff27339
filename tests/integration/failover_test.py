"""The primary dies, hangs, or is changed by hand: what is held, what fails, and what must never happen (semantics.md G)."""

import re
import signal
import threading
import time
import unittest
from contextlib import closing

import harness
import network
from harness import Clients, ClusterCase, main, psycopg2, rows, until, value, which
from wire import message, query, startup, text

CANNOT_CONNECT = "57P03"
UNKNOWN = "08007"
TEXTS = {"took effect is unknown": UNKNOWN, "server connection was lost": "08006", "not the primary any more": "57P01"}
LOST = {UNKNOWN, "08006", "57P01"}  # what a statement or a transaction under way may get


class History(Clients):
    """Clients that write numbered rows and remember which ones were acknowledged. Every error is kept with its SQLSTATE."""

    limit = 60.0

    def __init__(self, weir, clients=6, pause=0.005):
        super().__init__(clients)
        self.weir, self.pause = weir, pause
        self.acknowledged = [[] for _ in range(clients)]  # (when, n) of each client
        self.errors = [[] for _ in range(clients)]        # (when, n, SQLSTATE, text)
        self.slowest = 0.0

    def _begun(self):
        self.wait_for_more("the load runs")

    def _client(self, client):
        n = 0
        while not self.done.is_set():
            try:
                with closing(psycopg2.connect(self.weir.dsn())) as connection:
                    connection.autocommit = True
                    with connection.cursor() as cursor:
                        while not self.done.is_set():
                            n += 1
                            begun = time.monotonic()
                            try:
                                cursor.execute("INSERT INTO history VALUES (%s, %s)", (client, n))
                            finally:
                                self.slowest = max(self.slowest, time.monotonic() - begun)
                            self.acknowledged[client].append((time.monotonic(), n))
                            self.done.wait(self.pause)
            except psycopg2.Error as error:
                # PQexec() often forgets the error that ended the connection over the end itself: who cannot tell does not know.
                code = error.pgcode or next((code for words, code in TEXTS.items() if words in str(error)), UNKNOWN)
                self.errors[client].append((time.monotonic(), n, code, str(error)))

    def wait_for_more(self, what, timeout=30.0):
        """Until every client has been acknowledged something new."""
        before = [len(mine) for mine in self.acknowledged]
        until(lambda: all(len(mine) > old + 2 for mine, old in zip(self.acknowledged, before)), what, timeout)

    def first_after(self, moment):
        return min(when for mine in self.acknowledged for when, _ in mine if when > moment)

    def all_errors(self):
        return [error for mine in self.errors for error in mine]


class Failover(ClusterCase):
    replicas = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sql("CREATE TABLE history (client int, n bigint); GRANT ALL ON history TO app")
        cls.cluster.wait_caught_up()

    def setUp(self):
        """Whoever is the primary now, and its replica: the tests change places."""
        for node in self.cluster.nodes.values():
            node.resume()
            node.start()
        self.old, self.new = sorted(self.cluster.nodes.values(), key=lambda node: node.in_recovery())
        self.old.query("TRUNCATE history", "app")

    def here(self, **settings):
        settings.setdefault("proxy", {}).setdefault("state_dir", str(self.folder / f"state-{self.id()}"))
        weir = self.weir(**settings)
        self.await_rotation(weir, {self.new.name})
        return weir

    def command(self, weir, text):
        with closing(psycopg2.connect(weir.dsn("admin", "admin", "pgweir"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(text)

    def servers(self, weir):
        return {row["server"]: row for row in weir.console("SHOW REPLICATION")}

    def rejoin_later(self):
        self.addCleanup(self.cluster.rejoin, self.old.name, self.new.name)

    def check_history(self, load, node):
        """Nothing acknowledged is missing, nothing is there twice, and nothing is there that nobody sent."""
        found = [(int(c), int(n)) for c, n in node.query("SELECT client, n FROM history", "app")]
        self.assertEqual(len(found), len(set(found)), "a write was applied twice")
        acknowledged = {(client, n) for client, mine in enumerate(load.acknowledged) for _, n in mine}
        unknown = {(client, n) for client, mine in enumerate(load.errors) for _, n, code, _ in mine if code == UNKNOWN}
        self.assertEqual(acknowledged - set(found), set(), "an acknowledged write is lost")
        self.assertEqual(set(found) - acknowledged - unknown, set(), "a write that failed for sure was applied")

    def write_fails(self, connection, code=CANNOT_CONNECT):
        with self.assertRaises(psycopg2.Error) as caught:
            rows(connection, "INSERT INTO history VALUES (-1, 1)")
        self.assertEqual(caught.exception.pgcode, code, caught.exception)

    # ---- the primary dies

    def test_a_killed_primary_and_its_return(self):
        self.old.query("ALTER SYSTEM SET synchronous_standby_names = '*'")  # then a promoted one has all that was acknowledged
        self.old.query("SELECT pg_reload_conf()")
        until(lambda: self.old.value("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1", "a synchronous replica")
        weir = self.here(pool={"failover_wait": "30s"}, proxy={"workers": 2})
        with History(weir) as load:
            self.old.kill(signal.SIGKILL)
            self.rejoin_later()
            until(lambda: weir.metric("pgweir_held_clients") == len(load.threads), "every client is held")
            ordered = time.monotonic()
            self.new.promote()
            load.wait_for_more("all clients write again")
        print(f"\n    from the order to promote to the first write: {(load.first_after(ordered) - ordered) * 1000:.0f} ms, "
              f"slowest statement {load.slowest:.2f} s, errors {len(load.all_errors())}", flush=True)
        self.check_history(load, self.new)
        self.assertLess(load.slowest, 30 * harness.SLOW)
        for mine in load.errors:
            self.assertLessEqual(len(mine), 1, "only what was under way fails")
            self.assertLessEqual({code for _, _, code, _ in mine}, LOST, mine)
        self.assertGreaterEqual(weir.metric("pgweir_holds_total", cause="failover"), len(load.threads))
        self.assertGreater(weir.metric("pgweir_hold_seconds_total"), 0)
        self.assertEqual(weir.metric("pgweir_hold_timeouts_total"), 0)
        self.assertEqual(weir.metric("pgweir_primary_changes_total"), 2)
        self.check_return(weir)
        self.check_restart(weir)

    def check_return(self, weir):
        """The old primary is back and still thinks that it is one."""
        self.old.start()
        self.assertFalse(self.old.in_recovery())
        until(lambda: self.servers(weir)[self.old.name]["state"] == "fenced", "it is fenced")
        self.assertEqual(weir.metric("pgweir_server_fenced", server=self.old.name), 1)
        self.assertRegex(weir.log_text(), rf"level=error event=alarm cluster=main server={self.old.name} cause=.*fenced")
        connection = self.connect(weir)
        for n in range(50):
            rows(connection, "INSERT INTO history VALUES (-2, %s)", (n,))
            which(connection)
        self.assertEqual(self.old.value("SELECT count(*) FROM history WHERE client = -2", "app"), "0")
        self.assertEqual(self.backends(self.old), 0)

    def check_restart(self, weir):
        """Alone, it is not believed by a new process, either."""
        state = weir.sections["proxy"]["state_dir"]
        weir.stop()
        self.new.stop()
        again = self.make(proxy={"state_dir": state}, pool={"failover_wait": "500ms"})
        again.start(wait=False)
        until(lambda: again.get("/health")[0] == 200 and self.servers(again)[self.old.name]["state"] == "fenced", "it is fenced")
        self.assertEqual(again.get("/ready")[0], 503)
        with self.assertRaisesRegex(psycopg2.OperationalError, "no primary is known"):
            self.connect(again)
        self.new.start()
        again.wait_ready()
        connection = self.connect(again)
        rows(connection, "INSERT INTO history VALUES (-3, 1)")
        self.assertEqual(self.new.value("SELECT count(*) FROM history WHERE client = -3", "app"), "1")
        again.stop()

    def test_what_was_under_way(self):
        """Where libpq is not in between: each state of a session, when its server dies."""
        weir = self.here(proxy={"auth_type": "trust"})
        with closing(psycopg2.connect(host=self.cluster.sockets, port=self.old.port, user="postgres", dbname="app")) as locker:
            rows(locker, "LOCK TABLE history")
            write, idle, busy, commit = (self.wire(weir.port, user="app") for _ in range(4))
            for one in (idle, busy, commit):
                for statement in ("BEGIN", "CREATE TEMP TABLE mine (n int)", "INSERT INTO mine VALUES (1)"):
                    one.send(query(statement))
                    one.read_ready()
            write.send(query("INSERT INTO history VALUES (-9, 1)"))
            busy.send(query("INSERT INTO history VALUES (-9, 2)"))
            commit.send(query("INSERT INTO history VALUES (-9, 3); COMMIT"))
            until(lambda: self.old.value("SELECT count(*) FROM pg_locks WHERE NOT granted") == "3", "three wait for the lock")
            self.old.kill(signal.SIGSTOP)  # or one of its processes might notice that the others are dead, and say so
            self.old.kill(signal.SIGKILL)
            self.addCleanup(self.old.start)
            for one, expected in ((write, UNKNOWN), (idle, "08006"), (busy, "08006"), (commit, UNKNOWN)):
                answer = one.read_to_end()[-1]
                self.assertEqual((answer.tag, answer.fields["S"], answer.fields["C"]), ("E", "FATAL", expected))

    def test_a_promotion_while_the_old_primary_hangs(self):
        weir = self.here(pool={"failover_wait": "30s"})
        open_one, idle = self.connect(weir, autocommit=False), self.connect(weir)
        rows(open_one, "INSERT INTO history VALUES (-4, 1)")
        rows(idle, "INSERT INTO history VALUES (-4, 2)")
        self.cluster_caught_up()
        self.old.kill(signal.SIGSTOP)
        self.addCleanup(self.old.resume)
        self.rejoin_later()
        until(lambda: self.servers(weir)[self.old.name]["reachable"] == "no", "the hanging one is noticed")
        held = threading.Thread(target=rows, args=(idle, "INSERT INTO history VALUES (-4, 3)"))
        held.start()
        until(lambda: weir.metric("pgweir_held_clients") == 1, "the write is held")
        self.new.promote()
        held.join(20 * harness.SLOW)
        self.assertFalse(held.is_alive())
        # The transaction was on a server that is fenced now, and has lost nothing but itself.
        until(lambda: re.search('event=client_closed .*cause="?the server is not the primary any more', weir.log_text()), "it is told")
        with self.assertRaises(psycopg2.Error):
            rows(open_one, "INSERT INTO history VALUES (-4, 4)")
        self.old.resume()
        until(lambda: self.servers(weir)[self.old.name]["state"] == "fenced", "it is fenced")
        until(lambda: self.backends(self.old) == 0, "nobody is connected to it")
        for node in (self.old, self.new):
            self.assertEqual(node.value("SELECT count(*) FROM history WHERE n IN (1, 4)", "app"), "0")
        self.assertEqual(self.new.value("SELECT array_agg(n ORDER BY n) FROM history WHERE client = -4", "app"), "{2,3}")

    def cluster_caught_up(self):
        target = self.old.value("SELECT pg_current_wal_lsn()")
        until(lambda: self.new.value(f"SELECT pg_last_wal_replay_lsn() >= '{target}'") == "t", "the replica has it all")

    def test_a_primary_that_hangs_for_a_moment(self):
        weir = self.here()
        open_one, idle = self.connect(weir, autocommit=False), self.connect(weir)
        rows(open_one, "INSERT INTO history VALUES (-5, 1)")
        rows(idle, "INSERT INTO history VALUES (-5, 2)")
        self.old.kill(signal.SIGSTOP)
        self.addCleanup(self.old.resume)
        until(lambda: self.servers(weir)[self.old.name]["reachable"] == "no", "it is noticed")
        held = threading.Thread(target=rows, args=(idle, "INSERT INTO history VALUES (-5, 3)"))
        held.start()
        until(lambda: weir.metric("pgweir_held_clients") == 1, "the write is held")
        self.old.resume()
        held.join(20 * harness.SLOW)
        rows(open_one, "INSERT INTO history VALUES (-5, 4)")
        open_one.commit()
        self.assertEqual(self.old.value("SELECT array_agg(n ORDER BY n) FROM history WHERE client = -5", "app"), "{1,2,3,4}")
        log = weir.log_text()
        self.assertRegex(log, rf"event=primary_away cluster=main server={self.old.name} cause=")
        self.assertRegex(log, rf"event=primary_back cluster=main server={self.old.name} cause=")

    @unittest.skipUnless(network.available(), "needs root and iproute2")
    def test_a_demotion_that_a_write_finds(self):
        """The primary's machine loses power and comes back as a standby; between two probes that are far apart nobody notices."""
        link = network.Link(self.old)
        self.addCleanup(link.close)
        servers = [{"name": self.old.name, "host": link.address, "port": link.port},
                   {"name": self.new.name, "host": "127.0.0.1", "port": self.new.port}]
        weir = self.here(server=servers, routing={"catalog_interval": "0s"},
                         pool={"server_idle_timeout": "1s", "failover_wait": "20s"})
        connection = self.connect(weir)
        rows(connection, "INSERT INTO history VALUES (-10, 1)")
        self.cluster_caught_up()
        weir.sections["monitor"].update(interval="60s", timeout="60s")
        weir.write_config()
        self.command(weir, "RELOAD")
        until(lambda: self.backends(self.old) == 0, "nothing is kept for the next write")
        for node in (self.old, self.new):
            until(lambda n=node: self.backends(n, "pgweir_monitor", "state = 'idle' AND query ~ 'pg_is_in_recovery'") == 1, "it has been asked")
        link.lose_power()
        self.new.promote()
        self.cluster.rejoin(self.old.name, self.new.name)
        link.start()
        self.assertEqual([self.servers(weir)[node.name]["role"] for node in (self.old, self.new)], ["primary", "replica"])
        self.write_fails(connection, "25006")
        n = self.first_write(connection, 2)  # the probe may take longer than the client to come again
        until(lambda: [self.servers(weir)[node.name]["role"] for node in (self.old, self.new)] == ["replica", "primary"], "they are known")
        self.assertEqual(self.new.value("SELECT array_agg(n ORDER BY n) FROM history WHERE client = -10", "app"), f"{{1,{n}}}")
        self.assertRegex(weir.log_text(), rf"event=primary_changed cluster=main server={self.new.name} cause=\"it answers as the primary on timeline")

    @staticmethod
    def first_write(connection, n):
        """The number of the first one that is not refused with 25006."""
        while True:
            try:
                rows(connection, "INSERT INTO history VALUES (-10, %s)", (n,))
                return n
            except psycopg2.errors.ReadOnlySqlTransaction:
                n += 1

    def test_replication_streams_end_with_their_primary(self):
        weir = self.here(proxy={"auth_type": "trust"}, user=[{"name": name, "password": name} for name in ("app", "replicator")] +
                         [{"name": "admin", "password": "admin", "admin": True}])
        session = {"user": "replicator", "database": "app", "replication": "database"}
        idle, asking = (self.wire(weir.port, **session) for _ in range(2))
        asking.send(query("SELECT repeat('x', 10000) FROM generate_series(1, 1000000)"))  # in the middle of messages, mostly
        self.assertEqual(asking.read().tag, "T")
        self.old.kill(signal.SIGSTOP)
        self.addCleanup(self.old.resume)
        self.rejoin_later()
        until(lambda: self.servers(weir)[self.old.name]["reachable"] == "no", "the hanging one is noticed")
        self.assertEqual(weir.metric("pgweir_replication_connections"), 2, "away is not gone")
        self.new.promote()
        answer = idle.read_to_end()
        self.assertEqual([(m.tag, m.fields["C"], m.fields["M"]) for m in answer], [("E", "57P01", "the server is not the primary any more")])
        until(lambda: weir.metric("pgweir_replication_connections") == 0, "both have ended")
        again = self.wire(weir.port, **session)
        again.send(query("SELECT current_setting('cluster_name')"))
        self.assertIn(self.new.name.encode(), next(m for m in again.read_ready() if m.tag == "D").body)
        self.old.resume()
        until(lambda: self.backends(self.old, "replicator", "application_name = ''") == 0, "nobody is connected to the old one")

    # ---- two primaries, and nothing shows which is wrong

    def split_brain(self):
        """The replica starts as a primary without a promotion: the same system, the same timeline."""
        self.cluster_caught_up()
        self.addCleanup(self.cluster.rejoin, self.new.name, self.old.name)
        self.new.stop()
        (self.new.data / "standby.signal").unlink()
        self.new.start()
        self.assertFalse(self.new.in_recovery())

    def both_fenced(self, weir):
        until(lambda: {row["state"] for row in self.servers(weir).values()} == {"fenced"}, "both are fenced")
        self.assertEqual(len({(row["timeline"], row["system_identifier"]) for row in self.servers(weir).values()}), 1)
        self.assertEqual(weir.metric("pgweir_server_fenced"), 2)
        for node, cause in ((self.old, "there are two primaries on timeline"), (self.new, "a second primary on timeline")):
            self.assertRegex(weir.log_text(), rf"level=error event=alarm cluster=main server={node.name} cause=\"{cause}")
        for node in (self.old, self.new):
            until(lambda n=node: self.backends(n) == 0, "nobody is connected to it")

    def test_two_primaries_on_one_timeline(self):
        weir = self.here(pool={"failover_wait": "500ms"})
        connection, open_one = self.connect(weir), self.connect(weir, autocommit=False)
        rows(connection, "INSERT INTO history VALUES (-11, 1)")
        rows(open_one, "INSERT INTO history VALUES (-11, 2)")
        self.split_brain()
        self.both_fenced(weir)
        with self.assertRaises(psycopg2.Error) as caught:
            open_one.commit()
        self.assertRegex(str(caught.exception), "not the primary any more|closed")
        for _ in range(2):
            self.write_fails(connection)
        newcomer = self.make(pool={"failover_wait": "500ms"})  # that has never seen one of them alone
        newcomer.start(wait=False)
        until(lambda: newcomer.get("/health") and {row["state"] for row in self.servers(newcomer).values()} == {"fenced"}, "it believes neither")
        with self.assertRaisesRegex(psycopg2.OperationalError, "no primary is known"):
            self.connect(newcomer)
        for node in (self.old, self.new):
            self.assertEqual(node.value("SELECT array_agg(n) FROM history WHERE client = -11", "app"), "{1}")
        self.new.stop()
        until(lambda: self.servers(weir)[self.old.name]["state"] == "not_a_replica", "alone, the first one is the primary again")
        rows(connection, "INSERT INTO history VALUES (-11, 3)")
        self.assertEqual(self.old.value("SELECT array_agg(n ORDER BY n) FROM history WHERE client = -11", "app"), "{1,3}")

    def test_a_second_primary_while_the_first_one_hangs(self):
        weir = self.here(pool={"failover_wait": "500ms"})
        connection = self.connect(weir)
        rows(connection, "INSERT INTO history VALUES (-12, 1)")
        self.cluster_caught_up()
        self.old.kill(signal.SIGSTOP)
        self.addCleanup(self.old.resume)
        until(lambda: self.servers(weir)[self.old.name]["reachable"] == "no", "the first one is away")
        self.addCleanup(self.cluster.rejoin, self.new.name, self.old.name)
        self.addCleanup(self.old.resume)
        self.new.stop("immediate")  # it would wait for its walreceiver, which waits for the primary
        (self.new.data / "standby.signal").unlink()
        self.new.start()
        until(lambda: self.servers(weir)[self.new.name]["state"] == "fenced", "away is not gone")
        self.write_fails(connection)
        self.assertEqual(self.new.value("SELECT count(*) FROM history WHERE client = -12", "app"), "1")
        self.old.resume()
        self.both_fenced(weir)
        self.write_fails(connection)

    # ---- holding has an end

    def test_failover_wait_is_over_and_the_session_lives_on(self):
        weir = self.here(pool={"failover_wait": "700ms"})
        connection = self.connect(weir)
        rows(connection, "SET pgweir.consistency = 'eventual'")
        rows(connection, "INSERT INTO history VALUES (-6, 1)")
        self.old.stop("immediate")
        self.addCleanup(self.old.start)
        until(lambda: self.servers(weir)[self.old.name]["reachable"] == "no", "it is noticed")
        begun = time.monotonic()
        self.write_fails(connection)
        took = time.monotonic() - begun
        self.assertGreater(took, 0.6)
        self.assertLess(took, 3 * harness.SLOW)
        self.assertEqual(which(connection), self.new.name)  # reads go on meanwhile
        self.write_fails(connection)
        self.assertEqual(weir.metric("pgweir_hold_timeouts_total"), 2)
        self.assertEqual(weir.metric("pgweir_held_clients"), 0)
        self.old.start()
        until(lambda: self.servers(weir)[self.old.name]["reachable"] == "yes", "it is back")
        rows(connection, "INSERT INTO history VALUES (-6, 2)")
        self.assertEqual(value(connection, "/* pgweir: primary */ SELECT count(*) FROM history WHERE client = -6"), 2)

    def test_no_wait_and_too_many(self):
        impatient = self.here(pool={"failover_wait": "0s"})
        crowded = self.here(pool={"failover_wait": "60s", "failover_max_waiters": 1}, proxy={"workers": 2})
        sessions = [self.connect(impatient), self.connect(crowded), self.connect(crowded)]
        for session in sessions:
            rows(session, "INSERT INTO history VALUES (-7, 0)")
        self.old.stop("immediate")
        self.addCleanup(self.old.start)
        for weir in (impatient, crowded):
            until(lambda w=weir: self.servers(w)[self.old.name]["reachable"] == "no", "it is noticed")
        begun = time.monotonic()
        self.write_fails(sessions[0])
        held = threading.Thread(target=rows, args=(sessions[1], "INSERT INTO history VALUES (-7, 1)"))
        held.start()
        until(lambda: crowded.metric("pgweir_held_clients") == 1, "one is held")
        self.write_fails(sessions[2])
        self.assertLess(time.monotonic() - begun, 20 * harness.SLOW)
        self.assertEqual(crowded.metric("pgweir_hold_refusals_total"), 1)
        self.old.start()
        held.join(20 * harness.SLOW)
        self.assertFalse(held.is_alive())
        rows(sessions[2], "INSERT INTO history VALUES (-7, 2)")
        self.assertEqual(crowded.metric("pgweir_held_clients"), 0)

    # ---- who is believed

    def test_another_system_is_refused(self):
        state = self.folder / "state-other"
        state.mkdir()
        (state / "cluster-main").write_text("system_identifier = 42\ntimeline = 1\n")
        weir = self.make(proxy={"state_dir": str(state)}, pool={"failover_wait": "300ms"})
        weir.start(wait=False)
        until(lambda: weir.get("/health") and self.servers(weir)[self.old.name]["state"] == "wrong_system", "it is refused")
        with self.assertRaisesRegex(psycopg2.OperationalError, "no primary is known"):
            self.connect(weir)
        self.assertRegex(weir.log_text(), rf"level=error event=alarm cluster=main server={self.old.name} cause=\"another system_identifier")

    def test_what_cannot_be_read_is_an_error_at_the_start(self):
        for name, text, message in (("cluster-main", "timeline = x\n", "cluster-main:1: timeline is not a number"),
                                    ("salt_secret", "hello\n", "salt_secret:1: not a secret")):
            state = self.folder / f"state-{name}"
            state.mkdir()
            (state / name).write_text(text)
            weir = self.make(proxy={"state_dir": str(state)})
            weir.start(wait=False)
            self.assertNotEqual(weir.process.wait(20 * harness.SLOW), 0)
            self.assertIn(message, weir.log_text())
            weir.process = None

    def test_the_state_directory_is_made_and_private(self):
        weir = self.here()
        state = self.folder / f"state-{self.id()}"
        until(lambda: (state / "cluster-main").exists(), "the cluster's file is there")
        self.assertEqual(state.stat().st_mode & 0o777, 0o700)
        self.assertEqual((state / "salt_secret").stat().st_mode & 0o777, 0o600)
        kept = (state / "salt_secret").read_text(), (state / "cluster-main").read_text()
        self.assertEqual(kept[1].splitlines()[1], f"system_identifier = {self.old.value('SELECT system_identifier FROM pg_control_system()')}")
        salt = self.salt_of(weir, "nobody")
        weir.stop()
        again = self.weir(proxy={"state_dir": str(state)})
        self.assertEqual(self.salt_of(again, "nobody"), salt)
        self.assertEqual(((state / "salt_secret").read_text(), (state / "cluster-main").read_text()), kept)

    def salt_of(self, weir, user):
        """What an unknown user's login is shown."""
        wire = self.wire(weir.port)
        wire.send(startup({"user": user, "database": "app"}))
        wire.read()
        first = b"n,,n=,r=abcdefghijklmnop"
        wire.send(message("p", text("SCRAM-SHA-256") + len(first).to_bytes(4, "big") + first))
        challenge = wire.read().body
        return challenge[4:].split(b",s=")[1].split(b",")[0]

    # ---- PAUSE and RESUME

    def test_a_switchover_under_pause_without_an_error(self):
        weir = self.here(proxy={"workers": 2})
        with History(weir) as load, harness.Load(weir, clients=3, pause=0.005) as reads:
            self.command(weir, "PAUSE")
            self.assertEqual([row["paused"] for row in weir.console("SHOW DATABASES")], [1])
            self.assertEqual(self.backends(self.old), 0)
            self.assertEqual(self.backends(self.new), 0)
            until(lambda: weir.metric("pgweir_held_clients") == 9, "every client is held")
            self.old.stop()
            self.rejoin_later()
            self.new.promote()
            resumed = time.monotonic()
            self.command(weir, "RESUME")
            load.wait_for_more("all clients write again")
            until(lambda: len(reads.answers_since(resumed)) > 10, "reads go on")
        self.assertEqual(load.all_errors(), [])
        self.assertEqual(reads.errors, [])
        self.check_history(load, self.new)
        self.assertGreaterEqual(weir.metric("pgweir_holds_total", cause="pause"), 9)

    def test_pause_waits_for_transactions_and_concerns_its_database(self):
        weir = self.here()
        other = self.connect(weir, database="postgres")
        rows(other, "SELECT 1")
        open_one = self.connect(weir, autocommit=False)
        rows(open_one, "INSERT INTO history VALUES (-8, 1)")
        pausing = threading.Thread(target=self.command, args=(weir, 'PAUSE "app"'))
        pausing.start()
        until(lambda: re.search('event=pausing database="?app', weir.log_text()), "PAUSE has begun")
        rows(open_one, "INSERT INTO history VALUES (-8, 2)")
        self.assertTrue(pausing.is_alive())
        open_one.commit()
        pausing.join(20 * harness.SLOW)
        self.assertFalse(pausing.is_alive())
        rows(other, "SELECT pg_backend_pid()")
        held = threading.Thread(target=rows, args=(open_one, "INSERT INTO history VALUES (-8, 3)"))
        held.start()
        until(lambda: weir.metric("pgweir_held_clients") == 1, "the next transaction is held")
        for wrong, message in (("PAUSE app", "paused already"), ("RESUME postgres", "not paused"), ("PAUSE a b", "invalid command")):
            with self.assertRaisesRegex(psycopg2.Error, message):
                self.command(weir, wrong)
        self.command(weir, "RESUME app")
        held.join(20 * harness.SLOW)
        open_one.commit()
        self.assertEqual(self.old.value("SELECT count(*) FROM history WHERE client = -8", "app"), "3")
        with self.assertRaisesRegex(psycopg2.Error, "not paused"):
            self.command(weir, "RESUME")


if __name__ == "__main__":
    main()
