"""The part of scripts/demo that comes after building: servers, pgweir, a traffic sample, and with --once the checks."""

import argparse
import fcntl
import json
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts" / "lib"))
sys.dont_write_bytecode = True

import psycopg2  # noqa: E402

from cluster import Cluster, ClusterError  # noqa: E402
from ports import is_free, preferred_or_free  # noqa: E402
from proxy import Pgweir, ProxyError  # noqa: E402
from waiting import Timeout, wait_until  # noqa: E402

FOLDER = ROOT / "build" / "demo"
BINARY = ROOT / "build" / "release" / "bin" / "pgweir"
TEMPLATE = ROOT / "config" / "demo.toml"
READ = "SELECT name FROM which_server"


class DemoError(Exception):
    """What did not come out as it should."""


def say(text):
    print(f"==> {text}", flush=True)


def expect(condition, what):
    if not condition:
        raise DemoError(what)
    print(f"    ok: {what}", flush=True)


class Demo:
    def __init__(self, port):
        self.template = TEMPLATE.read_text()
        parsed = tomllib.loads(self.template)
        self.ports = {}  # the template's port: the one in use
        self._choose(parsed["proxy"]["listen_port"], port)
        self._choose(parsed["http"]["listen_port"])
        for server in parsed["server"]:
            self._choose(server["port"])
        self.servers = parsed["server"]
        self.users = {bool(u.get("admin")): u for u in reversed(parsed["user"])}
        self.database = next((d["name"] for d in parsed["database"] if d["name"] != "*"), "app")
        self.port = self.ports[parsed["proxy"]["listen_port"]]
        self.http_port = self.ports[parsed["http"]["listen_port"]]
        self.cluster = Cluster(FOLDER / "cluster", progress=lambda text: say(f"cluster: {text}"))
        self.weir = None

    def _choose(self, wanted, given=None):
        """The template's port if it is free; the one that was asked for has to be."""
        if given is not None and not is_free(given):
            raise DemoError(f"port {given} is taken")
        self.ports[wanted] = given or preferred_or_free(wanted, self.ports.values())

    # ---- up and down

    def start(self):
        if self.cluster.exists:
            say("removing what an earlier demo left")
            self.cluster.destroy()
        self.cluster.start(len(self.servers) - 1, [self.ports[s["port"]] for s in self.servers])
        for node in self.cluster.nodes.values():
            print(f"    {node.name:<10} 127.0.0.1:{node.port}")
        self.weir = Pgweir(BINARY, FOLDER, self.cluster)
        self.weir.port, self.weir.http_port = self.port, self.http_port
        self.weir.config_file, self.weir.log_file = FOLDER / "pgweir.toml", FOLDER / "pgweir.log"
        self.weir.log_file.unlink(missing_ok=True)
        self.weir.config_file.write_text(self._config())
        say(f"starting pgweir with {self.weir.config_file.relative_to(ROOT)} (from config/demo.toml)")
        self.weir.launch([str(BINARY), str(self.weir.config_file)])
        self.weir.wait_ready(30)
        self._await_rotation({n.name for n in self.cluster.replicas})

    def _config(self):
        """config/demo.toml with the ports that are in use."""
        def replace(line):
            return f"{line[1]}{self.ports.get(int(line[2]), line[2])}{line[3]}"
        return re.sub(r"(?m)^(\s*(?:listen_)?port\s*=\s*)(\d+)(.*)$", replace, self.template)

    def stop(self):
        say("stopping everything")
        try:
            if self.weir is not None and self.weir.process is not None:
                status = self.weir.stop(timeout=40)
                if status != 0:
                    raise DemoError(f"pgweir ended with status {status}; see {self.weir.log_file}")
        finally:
            self.cluster.destroy()

    def _await_rotation(self, names):
        wait_until(lambda: self.weir.in_rotation() == names, f"in rotation: {', '.join(sorted(names)) or 'nothing'}", 30)

    def connect(self):
        user = self.users[False]
        connection = psycopg2.connect(self.weir.dsn(user["name"], user["password"], self.database, connect_timeout=10))
        connection.autocommit = True
        return connection

    def url(self, admin=False):
        user = self.users[admin]
        database = "pgweir" if admin else self.database
        return f"postgresql://{user['name']}:{user['password']}@127.0.0.1:{self.port}/{database}"

    # ---- what there is to see

    def route(self, sql):
        """What pgweir says of a statement, offline: the code of the data path, without servers."""
        done = subprocess.run([str(BINARY), "route", "-0"], input=sql + "\0", capture_output=True, text=True, timeout=10)
        if done.returncode != 0:
            raise DemoError(f"pgweir route failed: {done.stderr}")
        return json.loads(done.stdout.splitlines()[0])

    def show(self, cursor, sql):
        """Runs one statement; prints where pgweir routes it, why, and who answered. Returns the answering server's name."""
        route = self.route(sql)
        cursor.execute(sql)
        answered = cursor.fetchone()[-1] if cursor.description else None
        print(f"    {sql[:76]:<76} {route['target']:<8} ({route['reason']})" + (f"  ← {answered}" if answered else ""),
              flush=True)
        return answered

    def sample(self):
        say("some traffic: statement, route (reason), who answered")
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            self.show(cursor, "CREATE TABLE IF NOT EXISTS weir (id int, written_on text)")
            self.show(cursor, "TRUNCATE weir")
            writers = {self.show(cursor, f"INSERT INTO weir SELECT {i}, name FROM which_server RETURNING written_on")
                       for i in range(3)}
            own = self.show(cursor, "SELECT count(*), (SELECT name FROM which_server) FROM weir")
            self.show(cursor, "/* pgweir: primary */ " + READ)
        print(f"    it sees its own writes: {own} answered it, as no replica was known to have them"
              if own == "primary" else f"    it sees its own writes: {own} was known to have them")
        self.cluster.wait_caught_up()
        readers = set()
        for _ in range(4):
            with closing(self.connect()) as connection, connection.cursor() as cursor:
                readers.add(self.show(cursor, READ))
        answers = self.reads(100)
        print(f"    100 reads were answered by: {', '.join(f'{n} {c}' for n, c in sorted(answers.items()))}")
        return writers, readers | set(answers)

    def reads(self, count, sessions=10):
        """Who answers them. A session that reads without a pause stays on one replica: sessions are what is spread."""
        answers = Counter()
        for _ in range(sessions):
            with closing(self.connect()) as connection, connection.cursor() as cursor:
                for _ in range(count // sessions):
                    cursor.execute(READ)
                    answers[cursor.fetchone()[0]] += 1
        return answers

    # ---- --once

    def check(self):
        replicas = {n.name for n in self.cluster.replicas}
        writers, readers = self.sample()
        say("checking")
        expect(writers == {"primary"}, "every write went to the primary")
        expect(readers == replicas, "reads went to every replica, and to replicas only")
        on_replicas = [n.value("SELECT count(*) FROM weir", self.database) for n in self.cluster.replicas]
        expect(set(on_replicas) == {"3"}, "what was written arrived on the replicas")
        self.check_killed_replica(replicas)
        counted = self.weir.metrics()
        for target in ("primary", "replica"):
            total = sum(v for (name, labels), v in counted.items()
                        if name == "pgweir_queries_routed_total" and dict(labels).get("target") == target)
            expect(total > 0, f"/metrics counts queries to the {target} ({total:.0f})")
        expect(self.weir.get("/health")[0] == 200, "/health answers 200")

    def check_killed_replica(self, replicas):
        victim = sorted(replicas)[0]
        say(f"killing {victim} (SIGKILL)")
        self.cluster.node(victim).kill(signal.SIGKILL)
        self._await_rotation(replicas - {victim})
        answers = self.reads(100)  # raises on any error
        expect(set(answers) == replicas - {victim}, f"without {victim}, 100 reads without an error")
        say(f"starting {victim} again")
        self.cluster.node(victim).start()
        self._await_rotation(replicas)
        # It gets its share little by little (slow_start), and a session stays where it reads until then.
        expect(wait_until(lambda: set(self.reads(100)) == replicas, f"{victim} answers reads", 30),
               f"{victim} is back and answers reads")

    def invite(self):
        folder = self.cluster.folder.relative_to(ROOT)
        say("pgweir is up. Try:")
        print(f"    psql {self.url()}\n"
              f"    psql {self.url(admin=True)} -c 'SHOW POOLS'\n"
              f"    curl -s http://127.0.0.1:{self.http_port}/metrics\n"
              f"    scripts/cluster --dir {folder} kill replica1       and   scripts/cluster --dir {folder} start\n"
              f"    scripts/cluster --dir {folder} pause-replay replica2\n"
              f"    log: {self.weir.log_file.relative_to(ROOT)}\n\nCtrl-C stops everything.", flush=True)

    def stay(self):
        """Until a signal, or until pgweir ends by itself."""
        status = self.weir.process.wait()
        raise DemoError(f"pgweir ended with status {status}:\n{self.weir.log_tail()}")


def only_one():
    """Holds a lock for as long as this demo runs."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    lock = open(FOLDER / "lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise DemoError("another demo runs from this checkout") from None
    return lock


def run(options):
    lock = only_one()
    demo = Demo(options.port)
    try:
        demo.start()
        say(f"connection string: {demo.url()}")
        if options.once:
            demo.check()
        else:
            demo.sample()
            demo.invite()
            demo.stay()
    finally:
        # A second Ctrl-C must not leave servers behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        demo.stop()
        lock.close()
        if options.once:
            shutil.rmtree(FOLDER, ignore_errors=True)
    if options.once:
        say("the demo works")


def main():
    parser = argparse.ArgumentParser(prog="demo")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--port", type=int)
    options = parser.parse_args()

    def interrupted(number, frame):
        raise KeyboardInterrupt
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, interrupted)
    try:
        run(options)
    except KeyboardInterrupt:
        sys.exit(130 if options.once else 0)
    except (DemoError, ClusterError, ProxyError, Timeout, psycopg2.Error, OSError) as error:
        print(f"demo failed: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
