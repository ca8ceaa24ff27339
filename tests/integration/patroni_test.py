"""A real Patroni with its own etcd: two nodes that pgweir learns of from Patroni, and a switchover under load (issue 5)."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

import harness
from failover_test import History
from harness import BareCase, main, until, value

sys.path.insert(0, str(harness.ROOT / "scripts" / "lib"))
from cluster import ROLES, postgres_bin, server_user  # noqa: E402
from ports import free_ports  # noqa: E402

ETCD, PATRONI, PATRONICTL = "/usr/bin/etcd", "/usr/bin/patroni", "/usr/bin/patronictl"


class NoServers:
    """What Pgweir wants to know of a cluster: there is none of ours."""

    nodes = {}


class Patroni(BareCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        user = server_user()
        cls.identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        cls.home = cls.folder / "patroni"
        cls.home.mkdir(mode=0o755)
        if user:
            os.chown(cls.home, user.pw_uid, user.pw_gid)
        client, peer, *ports = free_ports(6)
        cls.etcd = f"127.0.0.1:{client}"
        cls.processes = []
        cls.addClassCleanup(cls._end)
        cls.run_process("etcd", ETCD, "--name", "e", "--data-dir", cls.home / "etcd", "--listen-client-urls", f"http://{cls.etcd}",
                        "--advertise-client-urls", f"http://{cls.etcd}", "--listen-peer-urls", f"http://127.0.0.1:{peer}",
                        "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}", "--initial-cluster", f"e=http://127.0.0.1:{peer}")
        until(lambda: cls.answers(f"http://{cls.etcd}/health"), "etcd answers", 30)
        cls.nodes = {name: {"port": port, "rest": rest} for name, port, rest in
                     (("one", ports[0], ports[1]), ("two", ports[2], ports[3]))}
        cls.start_node("one")
        until(lambda: cls.members().get("one", {}).get("role") == "leader", "the first node leads", 60)
        cls.start_node("two")
        until(lambda: cls.members().get("two", {}).get("role") == "sync_standby", "the second node follows", 60)
        cls.query("one", ROLES.split("\n", 1)[1])  # the replicator is Patroni's
        cls.query("one", "CREATE DATABASE app OWNER app")
        cls.query("one", """
            CREATE TABLE history (client int, n bigint); GRANT ALL ON history TO app;
            CREATE FUNCTION server_port() RETURNS text STABLE LANGUAGE sql AS $$SELECT current_setting('port')$$;
            CREATE VIEW which_port AS SELECT server_port() AS port; GRANT SELECT ON which_port TO app""", "app")

    @classmethod
    def _end(cls):
        for process in reversed(cls.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in reversed(cls.processes):
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        for name in getattr(cls, "nodes", {}):  # Patroni may leave its server running
            pid_file = cls.home / name / "postmaster.pid"
            try:
                os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
            except (OSError, ValueError):
                pass

    @classmethod
    def run_process(cls, name, *command):
        environment = {"PATH": f"{postgres_bin()}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(cls.home)}
        with open(cls.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                                       cwd=cls.home, **cls.identity)
        cls.processes.append(process)
        harness.GUARD.tell("+process", process.pid)

    @classmethod
    def start_node(cls, name):
        node = cls.nodes[name]
        address = f"127.0.0.1:{node['port']}"
        settings = {
            "scope": "pgweir", "name": name, "etcd3": {"host": cls.etcd},
            "restapi": {"listen": f"127.0.0.1:{node['rest']}", "connect_address": f"127.0.0.1:{node['rest']}"},
            "bootstrap": {
                "dcs": {"ttl": 20, "loop_wait": 1, "retry_timeout": 3, "synchronous_mode": True,
                        "postgresql": {"use_pg_rewind": False, "use_slots": True}},
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}],
                "pg_hba": ["local all all trust", "host replication replicator 127.0.0.1/32 scram-sha-256",
                           "host all all 127.0.0.1/32 scram-sha-256"]},
            "postgresql": {
                "listen": address, "connect_address": address, "data_dir": str(cls.home / name), "bin_dir": str(postgres_bin()),
                "pgpass": str(cls.home / f"pgpass-{name}"),
                "authentication": {"superuser": {"username": "postgres", "password": "postgres"},
                                   "replication": {"username": "replicator", "password": "replicator"}},
                "parameters": {"unix_socket_directories": str(cls.home), "cluster_name": name, "fsync": "off", "max_connections": 60}}}
        path = cls.home / f"{name}.json"
        path.write_text(json.dumps(settings))  # JSON is YAML
        if cls.identity:
            os.chown(path, cls.identity["user"], cls.identity["group"])
        cls.run_process(f"patroni-{name}", PATRONI, path)

    @staticmethod
    def answers(url):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.loads(answer.read() or b"{}") or True
        except OSError:
            return None

    @classmethod
    def members(cls):
        for node in cls.nodes.values():
            found = cls.answers(f"http://127.0.0.1:{node['rest']}/cluster")
            if found:
                return {member["name"]: member for member in found["members"]}
        return {}

    @classmethod
    def query(cls, name, sql, database="postgres"):
        command = [postgres_bin() / "psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", cls.home,
                   "-p", str(cls.nodes[name]["port"]), "-U", "postgres", "-d", database, "-c", sql]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=True)
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]

    def reads(self, connection):
        """The name of the node that answers."""
        port = int(value(connection, "SELECT port FROM which_port"))
        return next(name for name, node in self.nodes.items() if node["port"] == port)

    def leader(self):
        return next((name for name, member in self.members().items() if member["role"] == "leader"), None)

    def test_a_switchover_under_load(self):
        self.cluster = NoServers
        urls = [f"http://127.0.0.1:{node['rest']}" for node in self.nodes.values()]
        weir = self.weir(server=[], discovery=[{"name": "patroni", "type": "patroni", "urls": urls, "interval": "500ms"}],
                         pool={"failover_wait": "30s"}, proxy={"workers": 2, "state_dir": str(self.folder / "state")})
        old = self.leader()
        new = next(name for name in self.nodes if name != old)
        until(lambda: len(weir.in_rotation()) == 1, "Patroni's replica reads", 30)
        reader = self.connect(weir)
        self.assertEqual(self.reads(reader), new)
        with History(weir) as load:
            begun = time.monotonic()
            done = subprocess.run([PATRONICTL, "-c", str(self.home / f"{old}.json"), "switchover", "--master", old, "--candidate", new, "--force"],
                                  capture_output=True, text=True, timeout=90, check=False,
                                  env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8", "HOME": str(self.home)})
            self.assertIn("Successfully switched over", done.stdout + done.stderr)
            until(lambda: self.leader() == new, "Patroni says that it is done", 60)
            load.wait_for_more("all clients write again", 60)
            first = load.first_after(begun)
        print(f"\n    patronictl switchover: errors {[e[2] for e in load.all_errors()]}, slowest statement {load.slowest:.2f} s", flush=True)
        self.assertGreater(first, begun)
        found = [(int(client), int(n)) for client, n in self.query(new, "SELECT client, n FROM history", "app")]
        self.assertEqual(len(found), len(set(found)), "a write was applied twice")
        acknowledged = {(client, n) for client, mine in enumerate(load.acknowledged) for _, n in mine}
        self.assertEqual(acknowledged - set(found), set(), "an acknowledged write is lost")
        for mine in load.errors:
            self.assertLessEqual(len(mine), 1, "only what was under way fails")
        self.assertLess(load.slowest, 30 * harness.SLOW)
        # The old leader comes back as a replica, and reads.
        until(lambda: self.members()[old]["role"] != "leader" and self.reads(reader) == old, "the old leader reads", 60)


if __name__ == "__main__":
    if not all(shutil.which(program) for program in (ETCD, PATRONI, PATRONICTL)):
        raise SystemExit("patroni and etcd-server are missing: run scripts/install-deps clients")
    main()
