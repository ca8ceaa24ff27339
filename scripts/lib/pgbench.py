"""Running pgbench and reading what it says."""

import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from cluster import postgres_bin


class BenchError(Exception):
    """pgbench failed or reported failed transactions."""


class Result:
    """What one run of pgbench reported."""

    def __init__(self, output, logged=()):
        """`logged`: of single transactions, the number of the client and the latency in microseconds."""
        self.output = output
        logged = list(logged)
        self.transactions = int(_find(r"actually processed: (\d+)", output))
        self.failed = int(_find(r"number of failed transactions: (\d+)", output, "0"))
        self.tps = float(_find(r"tps = ([\d.]+)", output))
        self.latency_ms = float(_find(r"latency average = ([\d.]+) ms", output))
        self.latencies_us = sorted(latency for _, latency in logged)
        self.by_client = Counter(client for client, _ in logged)

    def percentile_ms(self, share):
        if not self.latencies_us:
            return None
        return self.latencies_us[min(len(self.latencies_us) - 1, int(share * len(self.latencies_us)))] / 1000


def _find(pattern, text, default=None):
    found = re.search(pattern, text)
    if found is None and default is None:
        raise BenchError(f"pgbench's output has no /{pattern}/:\n{text}")
    return found.group(1) if found else default


def initialize(environment, scale):
    """Creates pgbench's tables at `environment`'s server (the primary itself, or pgweir)."""
    done = subprocess.run([str(postgres_bin() / "pgbench"), "-i", "-q", "-s", str(scale)], env=environment,
                          capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise BenchError(f"pgbench -i failed:\n{done.stderr}")


def run(environment, *, clients, seconds=5, protocol="simple", select_only=False, threads=None, script=None, log_share=None,
        timeout=None, check=True, transactions=None, reconnect=False, under=()):
    """One run: for so many seconds, or `transactions` of each client, with `reconnect` each on a connection of its own; with
    `log_share` a sample of the single latencies too. `under` is a command that runs pgbench, such as perf stat. Raises BenchError
    unless every transaction succeeded."""
    command = [*under, str(postgres_bin() / "pgbench"), "-n", "-c", str(clients), "-j", str(threads or min(clients, 2)),
               *(["-t", str(transactions)] if transactions else ["-T", str(seconds)]), "-M", protocol]
    command += ["-S"] if select_only else []
    command += ["-f", str(script)] if script else []
    command += ["-C"] if reconnect else []
    folder = tempfile.mkdtemp(prefix="pgweir-pgbench-")
    try:
        if log_share:
            command += ["--log", f"--log-prefix={folder}/log", f"--sampling-rate={log_share:g}"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout or seconds + 120)
        # A client that fails is said on standard error only: exit status 2 since PostgreSQL 14, but read it all the same.
        if check and (done.returncode != 0 or "aborted" in done.stderr):
            raise BenchError(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stderr}\n{done.stdout}")
        result = Result(done.stdout, _logged(Path(folder)))
        if check and result.failed:
            raise BenchError(f"{result.failed} failed transactions:\n{done.stdout}")
        return result
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _logged(folder):
    for log in folder.glob("log*"):
        with open(log) as lines:
            for line in lines:
                client, _, latency, _ = line.split(" ", 3)
                yield int(client), int(latency)


def environment(port, host="127.0.0.1", user="app", password="app", database="app", sslmode="disable"):
    return {**os.environ, "PGHOST": host, "PGPORT": str(port), "PGUSER": user, "PGPASSWORD": password,
            "PGDATABASE": database, "PGSSLMODE": sslmode, "PGGSSENCMODE": "disable"}
