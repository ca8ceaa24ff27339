"""What scripts/bench measures: proxies side by side on one cluster, round after round, interleaved."""

import json
import os
import pwd
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import pgbench
from cluster import Cluster
from ports import free_ports
from proxy import Pgweir, ProxyProcess
from waiting import wait_until

SCALE = 10
WARM_UP = 500  # transactions of each client
# About 100 MB of rows of about 1 kB. generate_series and repeat are what a replica may run, too.
BIG_ROWS = 100_000
BIG_QUERY = f"SELECT repeat('x', 1000) FROM generate_series(1, {BIG_ROWS})"


class Direct:
    """The primary itself, without a proxy."""

    name = "direct"
    raw_user = "trustuser"

    def __init__(self, cluster):
        self.port = cluster.primary.port

    def usage(self):
        return None

    def stop(self):
        pass


class PgBouncer:
    """Today's PgBouncer out of scripts/peers' folder, by chroot; it knows one server: the primary."""

    name = "pgbouncer"
    raw_user = "app"

    def __init__(self, cluster, root, pool_size):
        self.sid = root / "build" / "peers" / "sid"
        if not (self.sid / "usr" / "sbin" / "pgbouncer").exists():
            raise FileNotFoundError("no PgBouncer in build/peers/sid: run scripts/peers")
        self.port = free_ports(1)[0]
        self.place = Path(tempfile.mkdtemp(prefix="pgweir-bouncer-", dir=self.sid / "tmp"))
        self._write(cluster, pool_size)
        inside = "/" + str(self.place.relative_to(self.sid))
        with open(self.place / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["chroot", "--userspec=nobody:nogroup", str(self.sid), "/usr/sbin/pgbouncer", f"{inside}/pgbouncer.ini"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._listens, f"PgBouncer listens (log: {self.place / 'log'})", 10)

    def _write(self, cluster, pool_size):
        inside = "/" + str(self.place.relative_to(self.sid))
        (self.place / "users.txt").write_text('"app" "app"\n')
        (self.place / "pgbouncer.ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={cluster.primary.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {inside}/users.txt\npool_mode = transaction\n"
            f"default_pool_size = {pool_size}\nmax_client_conn = 10000\nmax_prepared_statements = 200\n"
            "log_connections = 0\nlog_disconnections = 0\n")
        nobody = pwd.getpwnam("nobody")
        for path in (self.place, *self.place.iterdir()):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)

    def _listens(self):
        with socket.create_connection(("127.0.0.1", self.port), 1):
            return True

    def usage(self):
        return ProxyProcess(self.process.pid)  # chroot has become pgbouncer

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.place, ignore_errors=True)


class Weir:
    """pgweir, splitting over the replicas."""

    name = "pgweir"
    raw_user = "app"

    def __init__(self, cluster, binary, folder, pool_size, workers, routing=None):
        self.weir = Pgweir(binary, folder, cluster, routing=routing or {},
                           proxy={"workers": workers, "auth_type": "trust", "max_client_conn": 10000},
                           pool={"default_pool_size": pool_size}, monitor={"interval": "500ms", "timeout": "1500ms"},
                           log={"connections": False, "disconnections": False}).start()
        self.port = self.weir.port
        wait_until(lambda: len(self.weir.in_rotation()) == len(cluster.replicas), "every replica is in rotation", 30)

    def usage(self):
        return self.weir.usage()

    def stop(self):
        self.weir.stop()


def measure_transactions(target, mode, clients, seconds):
    usage = target.usage()
    environment = pgbench.environment(target.port)
    # Server connections are opened and their caches filled before anything is counted.
    pgbench.run(environment, clients=clients, transactions=WARM_UP, protocol=mode, select_only=True)
    before = usage.cpu_seconds() if usage else 0.0
    result = pgbench.run(environment, clients=clients, seconds=seconds, protocol=mode, select_only=True, log_share=0.1)
    spent = usage.cpu_seconds() - before if usage else None
    return {
        "target": target.name, "mode": mode, "clients": clients, "tps": result.tps, "latency_ms": result.latency_ms,
        "p99_ms": result.percentile_ms(0.99), "transactions": result.transactions,
        "cpu_us": spent / result.transactions * 1e6 if usage else None,
    }


class RawReader:
    """The cheapest client there is: reads a whole answer and only counts, so that the proxy is what is measured."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))

    def login(self, user):
        parameters = f"user\0{user}\0database\0app\0\0".encode()
        self.socket.sendall(struct.pack(">II", len(parameters) + 8, 196608) + parameters)
        received = b""
        while not received.endswith(b"Z\0\0\0\5I"):
            chunk = self.socket.recv(65536)
            if not chunk or received[:1] == b"E":
                raise ConnectionError(f"refused: {received!r}")
            received += chunk

    def query(self, sql):
        body = sql.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack(">I", len(body) + 4) + body)
        buffer, total, tail = bytearray(1 << 20), 0, b""
        while True:
            count = self.socket.recv_into(buffer)
            if count == 0:
                raise ConnectionError("the connection was closed in the middle of the result")
            total += count
            tail = (tail + bytes(buffer[max(0, count - 6):count]))[-6:]
            if tail == b"Z\0\0\0\5I":
                return total


def measure_big_result(target):
    """MB per second and processor seconds per GB of one large result."""
    reader = RawReader(target.port)
    try:
        reader.login(target.raw_user)
        reader.query("SELECT 1")
        usage = target.usage()
        before, begun = (usage.cpu_seconds() if usage else 0.0), time.monotonic()
        received = reader.query(BIG_QUERY)
        elapsed = time.monotonic() - begun
        spent = usage.cpu_seconds() - before if usage else None
    finally:
        reader.socket.close()
    if received < BIG_ROWS * 1000:
        raise ConnectionError(f"only {received} bytes of the large result came")
    return {"target": target.name, "mode": "big result", "clients": 1, "mb_per_s": received / elapsed / 1e6,
            "cpu_s_per_gb": spent / (received / 1e9) if usage else None}


# ---- presenting it

def merged(samples):
    """One row per (mode, clients, target): the median of each number over the rounds."""
    groups = {}
    for sample in samples:
        groups.setdefault((sample["mode"], sample["clients"], sample["target"]), []).append(sample)
    rows = []
    for (mode, clients, target), group in groups.items():
        row = {"mode": mode, "clients": clients, "target": target, "rounds": len(group)}
        for key in ("tps", "latency_ms", "p99_ms", "cpu_us", "mb_per_s", "cpu_s_per_gb"):
            values = [s[key] for s in group if s.get(key) is not None]
            row[key] = statistics.median(values) if values else None
        rows.append(row)
    add_ratios(rows)
    return rows


def add_ratios(rows):
    """Against PgBouncer in the same run: processor time (less is better) and throughput (more is better)."""
    for row in rows:
        peer = next((r for r in rows if r["target"] == "pgbouncer" and (r["mode"], r["clients"]) ==
                     (row["mode"], row["clients"])), None)
        for key, name in (("cpu_us", "cpu_ratio"), ("cpu_s_per_gb", "cpu_ratio"), ("tps", "speed_ratio"),
                          ("mb_per_s", "speed_ratio")):
            if peer and row.get(key) is not None and peer.get(key):
                row[name] = row[key] / peer[key]


def shown(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def print_table(rows):
    heads = ("mode", "clients", "target", "tps", "avg ms", "p99 ms", "cpu µs/tx", "cpu ÷ pgbouncer", "speed ÷ pgbouncer")
    table = [heads]
    for r in rows:
        if r["mode"] != "big result":
            table.append((r["mode"], str(r["clients"]), r["target"], shown(r["tps"], 0), shown(r["latency_ms"], 3),
                          shown(r["p99_ms"], 3), shown(r["cpu_us"], 1), shown(r.get("cpu_ratio"), 2),
                          shown(r.get("speed_ratio"), 2)))
    print_columns(table)
    big = [r for r in rows if r["mode"] == "big result"]
    if big:
        print()
        print_columns([("100 MB result", "MB/s", "cpu s/GB", "cpu ÷ pgbouncer", "speed ÷ pgbouncer")] + [
            (r["target"], shown(r["mb_per_s"], 0), shown(r["cpu_s_per_gb"], 3), shown(r.get("cpu_ratio"), 2),
             shown(r.get("speed_ratio"), 2)) for r in big])


def print_columns(table):
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for number, row in enumerate(table):
        print("  ".join(cell.ljust(w) if i < 3 and not cell[:1].isdigit() else cell.rjust(w)
                        for i, (cell, w) in enumerate(zip(row, widths))).rstrip())
        if number == 0:
            print("  ".join("-" * w for w in widths))


def write_json(folder, rows, samples, options):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / time.strftime("%Y%m%d-%H%M%S.json", time.gmtime())
    machine = {"processors": os.cpu_count(), "kernel": os.uname().release}
    path.write_text(json.dumps({"machine": machine, "options": options, "rows": rows, "samples": samples}, indent=1) + "\n")
    latest = folder / "latest.json"
    latest.unlink(missing_ok=True)
    latest.symlink_to(path.name)
    return path


def prepared_cluster(root, progress):
    """The benchmark's own cluster, kept between runs, with pgbench's tables."""
    cluster = Cluster(root / "build" / "bench" / "cluster", progress=progress)
    cluster.start()
    if cluster.primary.value("SELECT to_regclass('pgbench_accounts') IS NOT NULL", "app") != "t":
        progress(f"filling pgbench's tables, scale {SCALE}")
        pgbench.initialize(pgbench.environment(cluster.primary.port), SCALE)
    cluster.wait_caught_up(60)
    return cluster


def idle_clients(target, count):
    """Opens `count` clients that do nothing, and returns them with the memory they cost: (sockets, before, after) in bytes."""
    before = target.usage().rss_bytes()
    readers = []
    for _ in range(count):
        reader = RawReader(target.port)
        reader.login(target.raw_user)
        readers.append(reader)
    return readers, before, target.usage().rss_bytes()
