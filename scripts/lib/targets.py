"""What scripts/bench sends its loads through: PostgreSQL itself, a raw relay, other proxies, and pgweir.

Each is made from a run (bench.Run) and has a name, a port, and a usage() of its own processes: None when it has none.
"""

import base64
import hashlib
import hmac
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pgbench
from accounting import Callgrind, ProcessTree
from building import build
from pgbench import BenchError
from ports import free_ports
from proxy import Pgweir
from waiting import Timeout, wait_until

MOST_CLIENTS = 20_000
REPLICAS = 2  # that pgweir reads from, unless a part says otherwise


class Target:
    user = "app"  # whom pgbench logs in as
    raw_user = "app"  # whom a RawClient does: somebody who is trusted
    sslmode = "disable"

    def environment(self):
        return pgbench.environment(self.port, user=self.user, sslmode=self.sslmode)

    def usage(self):
        return ProcessTree(self.process.pid)


class Direct(Target):
    """The primary itself, without a proxy."""

    kind = name = "direct"
    user = raw_user = "trustuser"  # proof takes libpq 10 ms of computing, which at 256 clients is the whole measurement

    def __init__(self, run):
        self.port = run.cluster.primary.port

    def usage(self):
        return None

    def stop(self):
        pass


class Started(Target):
    """A process of a simple kind, in a folder of its own that goes with it."""

    stop_signal = signal.SIGKILL

    def _start(self, command, place, log):
        self.place = place
        with open(log, "ab") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            wait_until(self._listens, f"{self.name} listens", 15)
        except BaseException as error:
            said = log.read_text(errors="replace")[-1000:]
            self.stop()
            if isinstance(error, Timeout):
                raise BenchError(f"{error}; its log ends:\n{said}") from None
            raise

    def _listens(self):
        with socket.create_connection(("127.0.0.1", self.port), 1):
            return self.process.poll() is None

    def stop(self):
        pids = ProcessTree(self.process.pid).pids() if self.process.poll() is None else []
        try:
            if pids and self.stop_signal != signal.SIGKILL:
                self.process.send_signal(self.stop_signal)
                self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        for pid in pids if self.process.poll() is None else []:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        shutil.rmtree(self.place, ignore_errors=True)


class Relay(Started):
    """tests/bench/relay.cpp, in front of the primary: what passing bytes on costs when nobody looks at them."""

    kind = name = "relay"
    user = raw_user = "trustuser"

    def __init__(self, run, counted=False):
        program = build(run.root, "relay")
        self.port = free_ports(1)[0]
        place = Path(tempfile.mkdtemp(prefix="pgweir-relay-"))
        self.callgrind = Callgrind(place, self.port)
        if counted:
            self.stop_signal = signal.SIGTERM  # killed, valgrind would leave its pipes
        self._start([*(self.callgrind.command if counted else ()), str(program), str(self.port), str(run.cluster.primary.port)],
                    place, place / "log")


class Peer(Started):
    """One of Debian's packages out of scripts/peers' folder, run there by chroot as nobody."""

    def _prepare(self, run):
        self.sid = run.root / "build" / "peers" / "sid"
        if not (self.sid / self.program.lstrip("/")).exists():
            raise BenchError(f"no {self.name} in build/peers/sid: run scripts/peers{self.fetch}")
        if os.geteuid() != 0:
            raise BenchError(f"{self.name} is run by chroot, which needs root")
        self.port = free_ports(1)[0]
        place = Path(tempfile.mkdtemp(prefix=f"pgweir-{self.kind}-", dir=self.sid / "tmp"))
        self.inside = "/" + str(place.relative_to(self.sid))
        return place

    def _launch(self, place, arguments):
        nobody = pwd.getpwnam("nobody")
        for path in (place, *place.iterdir()):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        self._start(["chroot", "--userspec=nobody:nogroup", str(self.sid), self.program, *arguments], place, place / "log")


class PgBouncer(Peer):
    """It knows one server: the primary. `auth`: "trust", or "password" or "verifier" for SCRAM by what its file holds."""

    kind = "pgbouncer"
    program, fetch = "/usr/sbin/pgbouncer", ""

    def __init__(self, run, auth="trust", tls=False, name="pgbouncer"):
        self.name = name
        place = self._prepare(run)
        self.user = user_of(auth)
        (place / "users.txt").write_text(f'"{self.user}" "{stored_password(auth, "app")}"\n')
        (place / "pgbouncer.ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={run.cluster.primary.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = {'trust' if auth == 'trust' else 'scram-sha-256'}\nauth_file = {self.inside}/users.txt\n"
            f"pool_mode = transaction\ndefault_pool_size = {run.options.pool}\nmax_client_conn = {MOST_CLIENTS}\n"
            f"max_prepared_statements = 200\nlog_connections = 0\nlog_disconnections = 0\n" + self._tls(run, place, tls))
        self._launch(place, [f"{self.inside}/pgbouncer.ini"])

    def _tls(self, run, place, wanted):
        if not wanted:
            return ""
        self.sslmode = "require"
        for path in certificate(run.folder):
            shutil.copy(path, place)
        # It insists on an authority, which its minimal system has not; so clients are asked for a certificate, and have none.
        return (f"client_tls_sslmode = require\nclient_tls_key_file = {self.inside}/bench.key\n"
                f"client_tls_cert_file = {self.inside}/bench.crt\nclient_tls_ca_file = {self.inside}/bench.crt\n")


class HAProxy(Peer):
    """In TCP mode, in front of the primary, with one thread as the others: it reads no more of the bytes than the relay."""

    kind = name = "haproxy"
    program, fetch = "/usr/sbin/haproxy", " --all"
    user = raw_user = "trustuser"

    def __init__(self, run):
        place = self._prepare(run)
        (place / "haproxy.cfg").write_text(
            "global\n    nbthread 1\n    maxconn 5000\n"
            "defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 1h\n    timeout server 1h\n"
            f"listen postgres\n    bind 127.0.0.1:{self.port}\n    server primary 127.0.0.1:{run.cluster.primary.port}\n")
        self._launch(place, ["-db", "-f", f"{self.inside}/haproxy.cfg"])


class Pgpool(Peer):
    """Pgpool-II with load balancing over the primary and the replicas; it asks for no password, as the servers do not."""

    kind = name = "pgpool"
    program, fetch = "/usr/sbin/pgpool", " --all"
    user = raw_user = "trustuser"
    stop_signal = signal.SIGINT  # a fast shutdown; killed, it would leave its shared memory

    def __init__(self, run):
        place = self._prepare(run)
        nodes = run.servers()
        backends = "".join(
            f"backend_hostname{i} = '127.0.0.1'\nbackend_port{i} = {node.port}\nbackend_weight{i} = 1\n"
            f"backend_flag{i} = 'DISALLOW_TO_FAILOVER'\n" for i, node in enumerate(nodes))
        (place / "pool_hba.conf").write_text("host all all 127.0.0.1/32 trust\n")
        (place / "pcp.conf").write_text("")
        (place / "pgpool.conf").write_text(
            f"backend_clustering_mode = 'streaming_replication'\nlisten_addresses = '127.0.0.1'\nport = {self.port}\n"
            f"unix_socket_directories = '{self.inside}'\npcp_listen_addresses = ''\npcp_port = {free_ports(1)[0]}\n"
            f"pcp_socket_dir = '{self.inside}'\npid_file_name = '{self.inside}/pid'\nwork_dir = '{self.inside}'\n"
            f"logdir = '{self.inside}'\nnum_init_children = 80\nmax_pool = 1\nenable_pool_hba = off\npool_passwd = ''\n"
            f"load_balance_mode = on\nsr_check_user = 'trustuser'\nsr_check_database = 'app'\nsr_check_period = 10\n{backends}")
        files = [f"{option}{self.inside}/{name}" for option, name in
                 (("-f", "pgpool.conf"), ("-a", "pool_hba.conf"), ("-F", "pcp.conf"))]
        self._launch(place, ["-n", *files])


class Weir(Target):
    """pgweir with its defaults, one worker: it splits over the replicas, sessions read their own writes, metrics are on.

    `replicas`: how many it reads from, none with --one-server. `settings` are further sections of its configuration."""

    kind = "pgweir"

    def __init__(self, run, name="pgweir", workers=None, replicas=None, auth="trust", tls=False, counted=False, **settings):
        self.name = name
        self.replicas = len(run.servers(replicas)) - 1
        self.weir = Pgweir(run.options.binary, run.folder, run.cluster,
                           **weir_settings(run, workers, replicas, auth, tls, settings))
        self.user = user_of(auth)
        self.sslmode = "require" if tls else "disable"
        self.callgrind = Callgrind(self.weir.folder, self.weir.port)
        self.weir.under = self.callgrind.command if counted else []
        try:
            self.weir.start()
            wait_until(lambda: len(self.weir.in_rotation()) == self.replicas, "every replica is in rotation", 30)
        except BaseException:
            self.weir.stop()
            raise
        self.port = self.weir.port

    def usage(self):
        return ProcessTree(self.weir.pid)

    def stop(self):
        self.weir.stop()
        self.callgrind.clean()


def weir_settings(run, workers=None, replicas=None, auth="trust", tls=False, settings=None):
    """The sections of a pgweir.toml; `auth` as with PgBouncer."""
    sections = {
        "proxy": {"workers": workers or run.options.workers, "auth_type": "trust" if auth == "trust" else "scram-sha-256",
                  "max_client_conn": MOST_CLIENTS},
        "pool": {"default_pool_size": run.options.pool},
        "monitor": {"interval": "500ms", "timeout": "1500ms"},
        "log": {"connections": False, "disconnections": False},
        "server": [{"name": n.name, "host": "127.0.0.1", "port": n.port} for n in run.servers(replicas)],
        "user": [{"name": user_of(auth), "password": stored_password(auth, "app")}],
    }
    if tls:
        cert, key = certificate(run.folder)
        sections["client_tls"] = {"sslmode": "require", "cert_file": str(cert), "key_file": str(key)}
    for name, content in (settings or {}).items():
        sections.setdefault(name, {}).update(content)
    return sections


def knows(run, **settings):
    """Whether this pgweir has these options."""
    weir = Pgweir(run.options.binary, run.folder, run.cluster, **weir_settings(run, settings=settings))
    weir.write_config()
    try:
        return subprocess.run([str(weir.binary), "check", str(weir.config_file)], capture_output=True, timeout=20).returncode == 0
    finally:
        weir.config_file.unlink()


def user_of(auth):
    """A proxy that has only a verifier of its own making cannot prove anything to the servers: they must trust the user."""
    return "trustuser" if auth == "verifier" else "app"


def stored_password(auth, password):
    """What the proxy keeps of it. A verifier has a single iteration: it is libpq that iterates, for 10 ms, and the proxy that
    is measured; whoever keeps the password itself chooses the iterations."""
    if auth != "verifier":
        return password
    salt = b"pgweir benchmark"
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    client_key, server_key = (hmac.digest(salted, label, "sha256") for label in (b"Client Key", b"Server Key"))
    text = [base64.b64encode(part).decode() for part in (salt, hashlib.sha256(client_key).digest(), server_key)]
    return f"SCRAM-SHA-256$1:{text[0]}${text[1]}:{text[2]}"


def certificate(folder):
    """A certificate that signs itself and its key, the same ones for everybody: (certificate, key)."""
    cert, key = folder / "bench.crt", folder / "bench.key"
    if not cert.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=localhost",
                        "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True, timeout=60)
    return cert, key
