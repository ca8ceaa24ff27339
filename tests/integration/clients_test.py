"""Every client works (the client matrix): each runs its program in clients/ through pgweir in transaction pooling with three
server connections, two replicas and other traffic around it, over TLS and without.

A program logs in by SCRAM with libpq's environment variables and prints "ok STEP", "lacks STEP: why" (its client has no such
feature), or "FAILED STEP: reason" with status 1. Which steps a client lacks is written down here, too: both have to agree.
"""

import os
import re
import subprocess
import threading
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from authority import Authority
from harness import ROOT, SLOW, ClusterCase, main, psycopg2

PROGRAMS = Path(__file__).resolve().parent / "clients"
BUILD = ROOT / "build" / "clients"
STEPS = {"login", "parameters", "prepared", "rollback", "copy_in", "copy_out", "sqlstate", "cancel", "notice", "large", "bytea",
         "unicode", "notify"}
GO = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOCACHE": str(BUILD / "go-cache"),
      "CGO_ENABLED": "0", "HOME": str(BUILD)}
JARS = "/usr/share/java/postgresql.jar"


@dataclass
class Client:
    """How a client's program is built and run, and what it does besides, or instead of, the steps that all have."""

    run: list
    build: list = field(default_factory=list)
    lacks: set = field(default_factory=set)
    more: set = field(default_factory=set)
    environment: dict = field(default_factory=dict)


def python(program, **more):
    return Client(["/usr/bin/python3", "-B", str(PROGRAMS / program)], **more)


def node(program, **more):
    return Client(["node", str(PROGRAMS / program)], environment={"MATRIX_MODULES": str(BUILD / "node_modules")}, **more)


CLIENTS = {
    "psql": python("psql.py"),
    "pgbench": python("pgbench.py", more={"pipeline"}, lacks={"copy_out", "cancel", "bytea", "unicode", "notify"}),
    "libpq": Client([str(BUILD / "pipeline")], more={"pipeline"},
                    build=["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-I/usr/include/postgresql", str(PROGRAMS / "pipeline.c"),
                           "-o", str(BUILD / "pipeline"), "-lpq"]),
    "psycopg2": python("psycopg2_client.py"),
    "psycopg3": python("psycopg3.py", more={"pipeline"}),
    "asyncpg": python("asyncpg_client.py", more={"cursor"}),
    "sqlalchemy": python("sqlalchemy_client.py", more={"create", "insert", "query", "migrate"},
                         lacks={"prepared", "copy_in", "copy_out", "cancel", "notify"}),
    "node_pg": node("node_pg.mjs", lacks={"copy_in", "copy_out"}),
    "node_postgres": node("node_postgres.mjs"),
    "jdbc": Client(["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", f"{BUILD}:{JARS}", "Matrix"],
                   more={"cursor", "batch"}, build=["javac", "-encoding", "UTF-8", "-d", str(BUILD), "-cp", JARS, str(PROGRAMS / "jdbc" / "Matrix.java")]),
    "dbd_pg": Client(["perl", str(PROGRAMS / "dbd.pl")]),
    "ruby_pg": Client(["ruby", str(PROGRAMS / "ruby.rb")], more={"pipeline"}),
    "pdo": Client(["php", str(PROGRAMS / "pdo.php")], lacks={"cancel", "notice"}),
    "pgx": Client([str(BUILD / "pgx")], more={"pipeline"},
                  build=["go", "build", "-o", str(BUILD / "pgx"), str(PROGRAMS / "pgx" / "main.go")]),
}


class Traffic:
    """Others that use the same few server connections all the time; a cancel or an error that is not theirs would show."""

    def __init__(self, dsn):
        self.dsn, self.done, self.errors, self.rounds = dsn, threading.Event(), [], 0
        self.threads = [threading.Thread(target=self._client, daemon=True) for _ in range(2)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join(30 * SLOW)

    def _client(self):
        try:
            with closing(psycopg2.connect(self.dsn)) as connection:
                while not self.done.wait(0.02):
                    self._transaction(connection)
        except psycopg2.Error as error:
            self.errors.append(f"{error.pgcode} {error}")

    def _transaction(self, connection):
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM matrix")
            cursor.execute("SELECT %s::int", (self.rounds,))
        self.rounds += 1


class Clients(ClusterCase):
    built = []

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = Authority(cls.folder / "tls")
        cls.certificate, cls.key = cls.authority.issue("proxy", "localhost")
        cls.sql("CREATE SCHEMA AUTHORIZATION app; CREATE TABLE app.matrix (id int PRIMARY KEY, note text, data bytea); "
                "ALTER TABLE app.matrix OWNER TO app")
        cls.cluster.wait_caught_up()
        # Shared, so that every client also meets what the ones before it have left on the server connections.
        cls.proxies = {tls: cls.start_proxy(tls) for tls in (True, False)}

    @classmethod
    def start_proxy(cls, tls):
        # "require": a client that speaks without TLS does not get in.
        client = {"sslmode": "require", "cert_file": str(cls.certificate), "key_file": str(cls.key)} if tls else {"sslmode": "disable"}
        keeper = cls("check")  # a test case of nobody: the proxies are the class's
        weir = keeper.weir_with_replicas(client_tls=client, proxy={"workers": 2}, pool={"default_pool_size": 3},
                                         server_tls={"sslmode": "disable"},
                                         routing={"consistency": "eventual"})  # each session is to meet both replicas
        cls.addClassCleanup(keeper._check_end, weir)
        return weir

    def environment(self, weir, tls):
        security = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(self.authority / "ca.crt")} if tls else {"PGSSLMODE": "disable"}
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(self.folder),
                "PGHOST": "127.0.0.1", "PGPORT": str(weir.port), "PGUSER": "app", "PGPASSWORD": "app", "PGDATABASE": "app",
                "PGCONNECT_TIMEOUT": str(int(20 * SLOW)), **security}

    def build(self, client):
        """Once for both of its tests."""
        if client.build and client.build not in self.built:
            BUILD.mkdir(parents=True, exist_ok=True)
            done = subprocess.run(client.build, env={**os.environ, **GO}, capture_output=True, text=True, timeout=280 * SLOW)
            self.assertEqual(done.returncode, 0, f"{' '.join(client.build)}:\n{done.stdout}{done.stderr}")
            self.built.append(client.build)

    def check(self, name, tls):
        client = CLIENTS[name]
        self.build(client)
        self.sql("TRUNCATE app.matrix")
        weir = self.proxies[tls]
        with Traffic(weir.dsn(sslmode="require" if tls else "disable")) as traffic:
            answer = self.run_program(client, {**self.environment(weir, tls), **client.environment})
        self.judge(client, answer)
        self.assertEqual(traffic.errors, [], "of the other clients")
        self.assertGreater(traffic.rounds, 0)

    def run_program(self, client, environment):
        out = self.folder / "program.out"
        with open(out, "w+", encoding="utf-8", errors="replace") as output:
            process = subprocess.Popen(client.run, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       cwd=self.folder, start_new_session=True)
            try:
                process.wait(60 * SLOW)
            except subprocess.TimeoutExpired:
                output.write("\n(it did not end)\n")
            finally:
                self.end(process)
        return out.read_text(encoding="utf-8", errors="replace")

    @staticmethod
    def end(process):
        """With what it may have started: psql, pgbench."""
        try:
            os.killpg(process.pid, 9)
        except ProcessLookupError:
            pass
        process.wait()

    def judge(self, client, answer):
        found = {verb: set(re.findall(rf"^{verb} (\w+)", answer, re.M)) for verb in ("ok", "lacks", "FAILED")}
        wanted = {"ok": (STEPS | client.more) - client.lacks, "lacks": client.lacks, "FAILED": set()}
        self.assertEqual(found, wanted, f"it printed:\n{answer[-3000:]}")


def add_test(name, tls):
    def test(self):
        self.check(name, tls)
    setattr(Clients, f"test_{name}_{'over' if tls else 'without'}_tls", test)


for client_name in CLIENTS:
    for over_tls in (True, False):
        add_test(client_name, over_tls)


if __name__ == "__main__":
    main()
