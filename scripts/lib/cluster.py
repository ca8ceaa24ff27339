"""A real PostgreSQL primary with streaming replicas on the loopback address, for the demo, the tests and the benchmark.

Everything about a cluster is in its folder: `cluster.json` (ports, sockets, version), one data folder and one log per node.
The servers are daemons: a cluster outlives the script that started it, until `stop` or `destroy`.
"""

import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ports import free_ports
from waiting import wait_until

# Who may log in, with what and how. Clients' passwords in clear text: these servers live for minutes on the loopback.
USERS = {
    "app": "app",  # owner of the database app; scram-sha-256
    "pgweir_monitor": "monitor",  # the probes; scram-sha-256
    "replicator": "replicator",  # the replicas; scram-sha-256
    "md5user": "md5pass",  # stored as md5, asked for as md5
    "plainuser": "plainpass",  # asked for in clear text
    "trustuser": "trustpass",  # not asked at all
}

HBA = """\
local all         postgres                     trust
local replication postgres                     trust
local all         all                          scram-sha-256
host  all         md5user        127.0.0.1/32  md5
host  all         plainuser      127.0.0.1/32  password
host  all         trustuser      127.0.0.1/32  trust
host  replication replicator     127.0.0.1/32  scram-sha-256
host  all         all            127.0.0.1/32  scram-sha-256
"""

# Durability is off: speed matters here, and data that survive a power cut do not. Shared memory lives in the data folder
# where possible, so that removing the folder removes everything.
SETTINGS = """\
listen_addresses = '127.0.0.1'
unix_socket_directories = '{sockets}'
max_connections = 200
superuser_reserved_connections = 5
shared_buffers = 64MB
dynamic_shared_memory_type = mmap
password_encryption = scram-sha-256
wal_level = replica
hot_standby = on
hot_standby_feedback = on
max_wal_senders = 12
max_replication_slots = 12
max_slot_wal_keep_size = 2GB
wal_keep_size = 64MB
wal_receiver_status_interval = 1s
wal_retrieve_retry_interval = 200ms
fsync = off
full_page_writes = off
log_line_prefix = '%m [%p] %q%u@%d '
log_min_messages = warning
timezone = 'UTC'
log_timezone = 'UTC'
"""

ROLES = """\
CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'replicator';
CREATE ROLE app LOGIN PASSWORD 'app';
CREATE ROLE pgweir_monitor LOGIN PASSWORD 'monitor';
GRANT pg_monitor TO pgweir_monitor;
CREATE ROLE plainuser LOGIN PASSWORD 'plainpass';
CREATE ROLE trustuser LOGIN PASSWORD 'trustpass';
SET password_encryption = 'md5';
CREATE ROLE md5user LOGIN PASSWORD 'md5pass';
RESET password_encryption;
"""

# Says who answered. A view, because a call of current_setting() in the text would send the statement to the primary, and
# over a function that says it is stable, because a view over current_setting() is no plain read either.
WHICH_SERVER = """\
CREATE FUNCTION server_name() RETURNS text STABLE LANGUAGE sql AS $$SELECT current_setting('cluster_name')$$;
CREATE VIEW which_server AS SELECT server_name() AS name;
GRANT SELECT ON which_server TO public;
"""


class ClusterError(Exception):
    """What went wrong, in words for the person at the terminal."""


def postgres_bin():
    """The newest PostgreSQL of this machine, or the one of PGWEIR_PG_BIN."""
    given = os.environ.get("PGWEIR_PG_BIN")
    if given:
        return Path(given)
    found = [p for p in Path("/usr/lib/postgresql").glob("*/bin") if (p / "initdb").exists()]
    if not found:
        raise ClusterError("no PostgreSQL server found under /usr/lib/postgresql: run scripts/install-deps run")
    return max(found, key=lambda p: int(p.parent.name))


def server_user():
    """PostgreSQL refuses to run as root: then it runs as `postgres`. None: as whoever we are."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise ClusterError("running as root, and there is no user 'postgres': run scripts/install-deps run") from None


class Node:
    """One server of a cluster."""

    def __init__(self, cluster, name, port):
        self.cluster = cluster
        self.name = name
        self.port = port

    @property
    def data(self):
        return self.cluster.home / self.name

    @property
    def log(self):
        return self.cluster.home / f"{self.name}.log"

    def pid(self):
        """The postmaster's process id, or None when it is not running."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            # Not only any process with that number: a killed server leaves its file behind.
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if os.fsencode(str(self.data)) in command else None

    def is_stopped_by_signal(self):
        pid = self.pid()
        return pid is not None and re.search(r"^State:\s+T", Path(f"/proc/{pid}/status").read_text(), re.M) is not None

    def accepts(self):
        ready = self.cluster.run("pg_isready", "-q", "-h", self.cluster.sockets, "-p", self.port, check=False)
        return ready.returncode == 0

    def query(self, sql, database="postgres", timeout=20):
        """Rows of text, as the superuser over the Unix socket."""
        answer = self.cluster.run(
            "psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", self.cluster.sockets,
            "-p", self.port, "-U", "postgres", "-d", database, "-c", sql, timeout=timeout)
        return [tuple(line.split("\t")) for line in answer.stdout.splitlines()]

    def value(self, sql, database="postgres", timeout=20):
        rows = self.query(sql, database, timeout)
        return rows[0][0] if rows else None

    def in_recovery(self):
        return self.value("SELECT pg_is_in_recovery()") == "t"

    def start(self):
        if self.pid() is not None:
            return
        self.cluster.clear_leftovers(self)
        options = f"-p {self.port} -c cluster_name={self.name}"
        self.cluster.run("pg_ctl", "start", "-w", "-t", "60", "-s", "-D", self.data, "-l", self.log, "-o", options,
                         what=f"starting {self.name}", log=self.log)

    def stop(self, mode="fast"):
        pid = self.pid()
        if pid is None:
            return
        self.resume()
        stopped = self.cluster.run("pg_ctl", "stop", "-w", "-t", "20", "-s", "-m", mode, "-D", self.data, check=False)
        if stopped.returncode != 0 and self.pid() is not None:
            self.kill(signal.SIGKILL)
        wait_until(lambda: self.pid() is None, f"{self.name} has stopped", timeout=20)

    def family(self):
        """The postmaster and its children."""
        pid = self.pid()
        if pid is None:
            return []
        children = Path(f"/proc/{pid}/task/{pid}/children")
        try:
            return [pid] + [int(child) for child in children.read_text().split()]
        except OSError:
            return [pid]

    def kill(self, sig):
        """SIGKILL, SIGSTOP and SIGCONT reach every process of the server, others its postmaster."""
        whole = sig in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT)
        victims = self.family() if whole else self.family()[:1]
        if not victims:
            raise ClusterError(f"{self.name} is not running")
        for pid in victims:
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass
        if sig == signal.SIGKILL:
            wait_until(lambda: all(not alive(pid) for pid in victims), f"{self.name} is gone")

    def resume(self):
        """Undoes a SIGSTOP, if there was one."""
        for pid in self.family():
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass

    def promote(self):
        self.cluster.run("pg_ctl", "promote", "-w", "-s", "-D", self.data, what=f"promoting {self.name}")
        wait_until(lambda: not self.in_recovery(), f"{self.name} takes writes")

    def pause_replay(self):
        self.query("SELECT pg_wal_replay_pause()")
        # Asking is not having: the pause comes with the next record.
        wait_until(lambda: self.value("SELECT pg_get_wal_replay_pause_state()") != "not paused", "replay pauses")

    def resume_replay(self):
        self.query("SELECT pg_wal_replay_resume()")


def alive(pid):
    """Whether the process exists and is not only waiting to be reaped."""
    try:
        return not re.search(r"^State:\s+[ZX]", Path(f"/proc/{pid}/status").read_text(), re.M)
    except OSError:
        return False


class Cluster:
    """A primary and its replicas under one folder."""

    def __init__(self, folder, progress=None, settings=""):
        """`settings` are further lines of the primary's postgresql.conf; its replicas get them with the copy."""
        self.settings = settings
        self.folder = Path(folder).resolve()
        self.state_file = self.folder / "cluster.json"
        self.progress = progress or (lambda text: None)
        self.home = self.sockets = None
        self.nodes = {}
        if self.state_file.exists():
            self._load()

    # ---- what is known

    def _load(self):
        state = json.loads(self.state_file.read_text())
        self.home, self.sockets, self.bin = Path(state["home"]), state["sockets"], Path(state["bin"])
        self.nodes = {n["name"]: Node(self, n["name"], n["port"]) for n in state["nodes"]}

    def _save(self):
        state = {"home": str(self.home), "sockets": self.sockets, "bin": str(self.bin),
                 "nodes": [{"name": n.name, "port": n.port} for n in self.nodes.values()]}
        written = self.state_file.with_suffix(".new")
        written.write_text(json.dumps(state, indent=2) + "\n")
        written.rename(self.state_file)

    @property
    def exists(self):
        return bool(self.nodes)

    @property
    def primary(self):
        return self.nodes["primary"]

    @property
    def replicas(self):
        return [n for n in self.nodes.values() if n.name != "primary"]

    def node(self, name):
        if name not in self.nodes:
            raise ClusterError(f"no node '{name}' in {self.folder}; there are: {', '.join(self.nodes) or 'none'}")
        return self.nodes[name]

    # ---- running PostgreSQL's programs

    def run(self, program, *arguments, check=True, timeout=120, what=None, log=None, env=None):
        """Runs one of PostgreSQL's programs as the servers' user. Its output goes through files: a daemon that it starts
        would keep a pipe open."""
        user = server_user()
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.home), **(env or {})}
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            done = subprocess.run([str(self.bin / program), *map(str, arguments)], stdout=out, stderr=err, cwd="/",
                                  stdin=subprocess.DEVNULL, env=environment, timeout=timeout, **identity)
            out.seek(0)
            err.seek(0)
            done.stdout, done.stderr = out.read(), err.read()
        if check and done.returncode != 0:
            tail = "\n" + log.read_text()[-2000:] if log and log.exists() else ""
            raise ClusterError(f"{what or program} failed: {done.stderr.strip() or done.stdout.strip()}{tail}")
        return done

    def clear_leftovers(self, node):
        """After a SIGKILL: the lock file with a process id that somebody else may have by now, and the socket."""
        (node.data / "postmaster.pid").unlink(missing_ok=True)
        for leftover in Path(self.sockets).glob(f".s.PGSQL.{node.port}*"):
            leftover.unlink(missing_ok=True)

    # ---- the whole cluster

    def start(self, replicas=2, ports=None):
        """Creates what is missing and starts what is down; returns when every replica streams. May be repeated."""
        if not self.exists:
            self._create(replicas, ports)
        for node in self.nodes.values():
            node.resume()
        down = [n for n in self.nodes.values() if n.pid() is None]
        if down:
            self.progress(f"starting {', '.join(n.name for n in down)}")
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda n: n.start(), down))
        self.wait_streaming()

    def wait_streaming(self, timeout=60):
        """Until every replica that is still one streams from its upstream."""
        def streaming():
            standbys = {n.name for n in self.nodes.values() if n.pid() is not None and n.in_recovery()}
            seen = set()
            for node in self.nodes.values():
                if node.pid() is not None:
                    seen |= {r[0] for r in node.query(
                        "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'")}
            return standbys <= seen
        wait_until(streaming, "all replicas stream", timeout)

    def wait_caught_up(self, timeout=30):
        """Until every streaming replica has replayed all that the primary has written by now."""
        target = self.primary.value("SELECT pg_current_wal_lsn()")
        for node in self.replicas:
            if node.pid() is not None and node.in_recovery():
                wait_until(lambda n=node: n.value(f"SELECT pg_last_wal_replay_lsn() >= '{target}'") == "t",
                           f"{node.name} has replayed {target}", timeout)

    def stop(self, mode="fast"):
        """Stops every server, the primary last so that the replicas need not wait for it. The data stay."""
        for node in [*self.replicas, *([self.primary] if self.exists else [])]:
            node.stop(mode)

    def destroy(self):
        """Stops everything and leaves nothing behind."""
        if not self.exists:
            return
        segments = [s for n in self.nodes.values() for s in self._shared_memory(n)]
        self.stop("immediate")
        for segment in segments:
            subprocess.run(["ipcrm", "-m", segment], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if self.home != self.folder:
            shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(self.sockets, ignore_errors=True)
        for node in self.nodes.values():
            shutil.rmtree(self.folder / node.name, ignore_errors=True)
            (self.folder / f"{node.name}.log").unlink(missing_ok=True)
        self.state_file.unlink(missing_ok=True)
        self.nodes = {}
        try:
            self.folder.rmdir()
        except OSError:
            pass  # somebody keeps other files there

    def _shared_memory(self, node):
        """The System V segment of a server that was killed outlives it: its id, from the lock file's seventh line."""
        try:
            return [(node.data / "postmaster.pid").read_text().split("\n")[6].split()[1]]
        except (OSError, IndexError):
            return []

    # ---- making it

    def _create(self, replicas, ports):
        self.bin = postgres_bin()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._choose_places()
        chosen = list(ports) if ports else free_ports(replicas + 1)
        if len(chosen) != replicas + 1:
            raise ClusterError(f"{replicas + 1} ports are needed, {len(chosen)} are given")
        names = ["primary", *(f"replica{i + 1}" for i in range(replicas))]
        self.nodes = {name: Node(self, name, port) for name, port in zip(names, chosen)}
        self._save()
        try:
            self._create_primary()
            self.progress(f"copying it to {replicas} replicas")
            with ThreadPoolExecutor() as pool:
                list(pool.map(self._create_replica, self.replicas))
        except BaseException:
            self.destroy()
            raise

    def _choose_places(self):
        user = server_user()
        self.home = self.folder
        if user and not self._reachable(user):
            # A checkout below /root, say: the servers' user cannot get there.
            self.home = Path(tempfile.mkdtemp(prefix="pgweir-data-"))
        sockets = self.home / "sockets"
        # A Unix socket's path has at most 107 bytes.
        if len(str(sockets / ".s.PGSQL.65535.lock")) > 100:
            sockets = Path(tempfile.mkdtemp(prefix="pgweir-s-"))
        sockets.mkdir(exist_ok=True)
        self.sockets = str(sockets)
        if user:
            os.chown(self.sockets, user.pw_uid, user.pw_gid)
            if self.home != self.folder:
                os.chown(self.home, user.pw_uid, user.pw_gid)
        # Clients of another user come in here too; what they may do is pg_hba's business.
        os.chmod(self.sockets, 0o755)
        os.chmod(self.home, 0o755)

    def _reachable(self, user):
        probe = subprocess.run(["test", "-x", str(self.folder)], user=user.pw_uid, group=user.pw_gid, extra_groups=[])
        return probe.returncode == 0

    def _make_place(self, node):
        node.data.mkdir(mode=0o700)
        node.log.touch()
        user = server_user()
        if user:
            os.chown(node.data, user.pw_uid, user.pw_gid)
            os.chown(node.log, user.pw_uid, user.pw_gid)

    def _create_primary(self):
        node = self.primary
        self.progress("creating a primary")
        self._make_place(node)
        self.run("initdb", "-N", "-D", node.data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--auth=trust",
                 what="initdb")
        with open(node.data / "postgresql.conf", "a") as conf:
            conf.write("\n" + SETTINGS.format(sockets=self.sockets) + self.settings)
        (node.data / "pg_hba.conf").write_text(HBA)
        node.start()
        slots = "".join(f"SELECT pg_create_physical_replication_slot('{r.name}');\n" for r in self.replicas)
        node.query(ROLES + slots)
        node.query("CREATE DATABASE app OWNER app")  # not in one transaction with anything else
        node.query(WHICH_SERVER, "app")

    def _create_replica(self, node, upstream=None):
        upstream = upstream or self.primary
        self._make_place(node)
        self.run("pg_basebackup", "-D", node.data, "-h", self.sockets, "-p", upstream.port, "-U", "postgres",
                 "-c", "fast", "-X", "stream", "--no-sync", what=f"copying {upstream.name} to {node.name}")
        self.point_at(node, upstream)
        (node.data / "standby.signal").touch()
        user = server_user()
        if user:
            os.chown(node.data / "standby.signal", user.pw_uid, user.pw_gid)

    def point_at(self, node, upstream):
        """Makes `node` stream from `upstream`; a running one has to be told by reload()."""
        conninfo = (f"host=127.0.0.1 port={upstream.port} user=replicator password=replicator "
                    f"application_name={node.name}")
        with open(node.data / "postgresql.auto.conf", "a") as conf:
            conf.write(f"primary_conninfo = '{conninfo}'\nprimary_slot_name = '{node.name}'\n")

    def rejoin(self, name, upstream_name):
        """After a failover: what the node had is thrown away, and it comes back as a copy that follows the new primary."""
        node, upstream = self.node(name), self.node(upstream_name)
        node.stop("immediate")
        self.clear_leftovers(node)
        shutil.rmtree(node.data)
        upstream.query(f"SELECT pg_create_physical_replication_slot('{node.name}') "
                       f"WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '{node.name}')")
        self._create_replica(node, upstream)
        node.start()
        wait_until(lambda: (node.name,) in upstream.query(
            "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'"), f"{name} streams")

    def follow(self, name, upstream_name):
        """After a promotion: the node follows a new upstream. It has to be a standby already."""
        node, upstream = self.node(name), self.node(upstream_name)
        upstream.query(f"SELECT pg_create_physical_replication_slot('{node.name}') "
                       f"WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '{node.name}')")
        self.point_at(node, upstream)
        node.query("SELECT pg_reload_conf()")
        wait_until(lambda: (node.name,) in upstream.query(
            "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'"), f"{name} streams")

    # ---- what people ask

    def status(self):
        """One line of facts per node."""
        lines = []
        for node in self.nodes.values():
            pid = node.pid()
            if pid is None:
                lines.append((node.name, node.port, "down", "-"))
            elif node.is_stopped_by_signal():
                lines.append((node.name, node.port, "stopped by a signal", str(pid)))
            else:
                role = "replica" if node.in_recovery() else "primary"
                lines.append((node.name, node.port, role, str(pid)))
        return lines

    def environment(self):
        """Shell variables for somebody who wants to connect."""
        variables = {"PGHOST": "127.0.0.1", "PGUSER": "app", "PGPASSWORD": USERS["app"], "PGDATABASE": "app",
                     "PGWEIR_CLUSTER_DIR": str(self.folder), "PGWEIR_CLUSTER_SOCKETS": self.sockets}
        for node in self.nodes.values():
            variables[f"PGWEIR_{node.name.upper()}_PORT"] = str(node.port)
        variables["PGPORT"] = str(self.primary.port)
        return variables
