"""The ground that the integration tests stand on: one real cluster per file, pgweir processes, and a guard that cleans up
after a test that is killed.

Usage: FILE_test.py [BINARY] [unittest's arguments]; BINARY is build/release/bin/pgweir by default.
PGWEIR_SLOW=N multiplies every time limit (sanitizers), PGWEIR_PGBENCH_SECONDS sets how long the loads run (5).
"""

import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import unittest
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts" / "lib"))
sys.dont_write_bytecode = True

import psycopg2  # noqa: E402
import psycopg2.extensions  # noqa: E402

import pgbench  # noqa: E402
from cluster import USERS, Cluster  # noqa: E402
from proxy import Pgweir  # noqa: E402
from waiting import Timeout, wait_until  # noqa: E402
from wire import Wire  # noqa: E402

SLOW = float(os.environ.get("PGWEIR_SLOW", "1"))
SECONDS = int(os.environ.get("PGWEIR_PGBENCH_SECONDS", "5"))
BINARY = ROOT / "build" / "release" / "bin" / "pgweir"

__all__ = ["BINARY", "ROOT", "SECONDS", "SLOW", "USERS", "BareCase", "Clients", "ClusterCase", "Load", "Pgweir", "Timeout", "Wire", "main",
           "pgbench", "psycopg2", "rows", "until", "value", "wait_until", "which"]


def until(condition, what, timeout=20.0, interval=0.02):
    """wait_until with a limit that knows how slow this build is."""
    return wait_until(condition, what, timeout * SLOW, interval)


class Guard:
    """A process of its own that outlives a killed test and removes what that left: clusters, proxies, folders.

    It reads lines until the test's end of the pipe closes, however the test ends; then it does what is still on its list.
    """

    def __init__(self):
        reading, self.pipe = os.pipe()
        self.lock = threading.Lock()
        child = os.fork()
        if child == 0:
            os.setsid()
            if os.fork() == 0:
                os.close(self.pipe)
                self._watch(reading)
            os._exit(0)
        os.waitpid(child, 0)
        os.close(reading)

    def tell(self, verb, what):
        with self.lock:
            os.write(self.pipe, f"{verb} {what}\n".encode())

    @staticmethod
    def _watch(reading):
        try:
            for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(sig, signal.SIG_IGN)
            nothing = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(nothing, fd)
            processes, folders = set(), set()
            with os.fdopen(reading) as lines:
                for line in lines:
                    verb, what = line.rstrip("\n").split(" ", 1)
                    group = processes if verb.endswith("process") else folders
                    (group.discard if verb.startswith("-") else group.add)(what)
            for pid in processes:
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
            for folder in folders:
                Cluster(Path(folder) / "c").destroy()
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os._exit(0)


class BareCase(unittest.TestCase):
    """A temporary folder, and pgweir processes that are looked at when they end."""

    cluster = None

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="pgweir-t-"))
        os.chmod(cls.folder, 0o755)  # PostgreSQL runs as another user
        GUARD.tell("+folder", cls.folder)
        cls.addClassCleanup(cls._remove_folder)

    @classmethod
    def _remove_folder(cls):
        if cls.cluster is not None:
            cls.cluster.destroy()
        shutil.rmtree(cls.folder, ignore_errors=True)
        GUARD.tell("-folder", cls.folder)

    def weir(self, **settings):
        """A running, ready pgweir in front of the cluster; its end is checked when the test ends."""
        weir = self.make(**settings)
        weir.start(timeout=30 * SLOW)
        GUARD.tell("+process", weir.pid)
        return weir

    def make(self, **settings):
        weir = Pgweir(BINARY, self.folder, self.cluster, **settings)
        self.addCleanup(self._check_end, weir)
        return weir

    def _check_end(self, weir):
        if weir.process is None:
            return
        pid = weir.pid
        # Leftover clients must not make the drain wait.
        status = weir.stop(signal.SIGKILL if weir.process.poll() is None and weir.killed_at_end else signal.SIGTERM,
                           timeout=30 * SLOW)
        GUARD.tell("-process", pid)
        log = weir.log_text()
        self.assertNotRegex(log, r"ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer|terminate called|Assertion .* failed")
        if not weir.killed_at_end:
            self.assertEqual(status, 0, f"pgweir's exit status; its log ends with:\n{weir.log_tail()}")

    def connect(self, weir, user="app", password="app", database="app", autocommit=True, **more):
        """A libpq connection through pgweir, closed when the test ends."""
        connection = psycopg2.connect(weir.dsn(user, password, database, connect_timeout=int(20 * SLOW), **more))
        self.addCleanup(connection.close)
        connection.autocommit = autocommit
        return connection

    def wire(self, port, **login):
        """A raw connection, logged in when arguments are given."""
        wire = Wire(port, 20 * SLOW)
        self.addCleanup(wire.close)
        if login:
            wire.login(**login)
        return wire


class ClusterCase(BareCase):
    """With a real primary and `replicas` replicas, shared by the tests of a class."""

    replicas = 2
    settings = ""  # further lines of postgresql.conf

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster = Cluster(cls.folder / "c", settings=cls.settings)
        cls.cluster.start(cls.replicas)

    def weir_with_replicas(self, **settings):
        """As weir(), and every replica is in rotation already."""
        weir = self.weir(**settings)
        self.await_rotation(weir, {n.name for n in self.cluster.replicas})
        return weir

    def await_rotation(self, weir, names, timeout=20.0):
        try:
            until(lambda: weir.in_rotation() == set(names), f"the rotation is {sorted(names)}", timeout)
        except Timeout as error:
            raise Timeout(f"{error}; pgweir's log ends with:\n{weir.log_tail()}") from None

    @classmethod
    def sql(cls, statement, database="app"):
        """As the superuser, at the primary itself."""
        return cls.cluster.primary.query(statement, database)

    def backends(self, node, user="app", extra="true"):
        """How many connections of this user the node itself counts."""
        return int(node.value(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{user}' AND {extra}"))


def rows(connection, sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def value(connection, sql, parameters=None):
    found = rows(connection, sql, parameters)
    return found[0][0] if found else None


def which(connection):
    """The name of the server that answers a plain read of this connection."""
    return value(connection, "SELECT name FROM which_server")


class Clients:
    """Threads that each run _client(number) until `done` is set, and have to end then."""

    limit = 30.0

    def __init__(self, count):
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self._client, args=(number,), daemon=True) for number in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self._begun()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join(self.limit * SLOW)
        assert not any(thread.is_alive() for thread in self.threads), "a client of the load hangs"


class Load(Clients):
    """Clients in threads that repeat one statement and write down every error with its time, until stopped."""

    def __init__(self, weir, clients=4, sql="SELECT name FROM which_server", pause=0.0, **login):
        super().__init__(clients)
        self.weir, self.sql, self.pause, self.login = weir, sql, pause, login
        self.errors, self.answers = [], []

    def _begun(self):
        until(lambda: len(self.answers) >= len(self.threads) or self.errors, "the load runs")

    def _client(self, _number):
        while not self.done.is_set():
            try:
                connection = psycopg2.connect(self.weir.dsn(**self.login))
                connection.autocommit = True
                self._repeat(connection)
            except psycopg2.Error as error:
                self.errors.append((time.monotonic(), f"{error.pgcode} {error}".strip()))

    def _repeat(self, connection):
        # Not "with connection": psycopg2 would begin a transaction, even with autocommit.
        with closing(connection), connection.cursor() as cursor:
            while not self.done.is_set():
                cursor.execute(self.sql)
                answer = cursor.fetchone()[0]
                self.answers.append((time.monotonic(), answer))
                if self.pause:
                    self.done.wait(self.pause)

    def errors_since(self, moment):
        return [error for at, error in self.errors if at > moment]

    def answers_since(self, moment):
        return [answer for at, answer in self.answers if at > moment]


def main():
    global BINARY
    arguments = sys.argv[1:]
    if arguments and "/" in arguments[0]:
        BINARY = Path(arguments.pop(0)).resolve()
    if not BINARY.exists():
        sys.exit(f"{BINARY} does not exist: build it first")
    # A timeout's SIGTERM becomes an exception, so that the clean-ups run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    unittest.main(module="__main__", argv=[sys.argv[0], *arguments], verbosity=2)


GUARD = Guard()
