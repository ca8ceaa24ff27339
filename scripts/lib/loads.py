"""What is sent through a target, and what is measured of it: each function returns a dict of numbers, None where there is none."""

import tempfile
import time
from pathlib import Path

import pgbench
from accounting import ServersCpu, count_system_calls
from proxy import ProxyProcess
from raw_client import RawClient

WARM_UP = 1000  # transactions of all clients, though 5 of each at least
PATIENCE = 40  # seconds that a run may take beyond what it was asked to
# About 100 MB of rows of about 1 kB. generate_series and repeat are what a replica may run, too.
BIG_ROWS = 100_000
BIG_QUERY = f"SELECT repeat('x', 1000) FROM generate_series(1, {BIG_ROWS})"


def transactions(run, target, mode, clients, seconds=None, log_share=0.1, **pgbench_options):
    """pgbench -S, or a script: throughput, latency, and processor time of the proxy and of all servers per transaction."""
    environment = target.environment()
    if "script" not in pgbench_options:
        pgbench_options["select_only"] = True
    # Server connections are opened and their caches filled before anything is counted.
    pgbench.run(environment, clients=clients, transactions=max(5, WARM_UP // clients), protocol=mode, timeout=PATIENCE,
                **pgbench_options)
    usage, servers = target.usage(), ServersCpu(run.cluster)
    before, servers_before = (usage.cpu_seconds() if usage else 0.0), servers.cpu_seconds()
    seconds = seconds or run.options.seconds
    result = pgbench.run(environment, clients=clients, seconds=seconds, protocol=mode, log_share=log_share,
                         timeout=seconds + PATIENCE, **pgbench_options)
    spent, servers_spent = (usage.cpu_seconds() - before if usage else None), servers.cpu_seconds() - servers_before
    return {"tps": result.tps, "latency_ms": result.latency_ms, "p50_ms": result.percentile_ms(0.5),
            "p99_ms": result.percentile_ms(0.99), "cpu_us": spent / result.transactions * 1e6 if usage else None,
            "server_us": servers_spent / result.transactions * 1e6, **_shares(result, clients, log_share)}


def _shares(result, clients, log_share):
    """How evenly the clients were served; only a log of every transaction tells."""
    if log_share != 1:
        return {}
    slowest = min(result.by_client.get(client, 0) for client in range(clients))
    return {"p99_to_p50": result.percentile_ms(0.99) / result.percentile_ms(0.5),
            "slowest_to_mean": slowest / (sum(result.by_client.values()) / clients)}


def statement(run, target, size, clients):
    """Like transactions(), with a statement of about `size` bytes that the servers make short work of."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(statement_of(size) + "\n")
        file.flush()
        return transactions(run, target, "simple", clients, script=Path(file.name))


def statement_of(size):
    head, tail, number = "SELECT 1 WHERE 0 IN (100000", ");", ", 100000"
    return head + number * max(0, (size - len(head) - len(tail)) // len(number)) + tail


def system_calls(run, target, mode, clients):
    environment = target.environment()
    pgbench.run(environment, clients=clients, transactions=50, protocol=mode, select_only=True, timeout=PATIENCE)
    result, calls = count_system_calls(
        target.usage().pids(), run.folder,
        lambda under: pgbench.run(environment, clients=clients, seconds=run.options.seconds, protocol=mode, select_only=True,
                                  timeout=run.options.seconds + PATIENCE, under=under))
    return {"calls": calls / result.transactions if calls is not None else None}


def instructions(target, mode, clients, each=1500):
    """Of the proxy's own code per transaction; the target has a `callgrind` that it was started by."""
    environment, pid, counter = target.environment(), target.usage().pid, target.callgrind
    load = {"clients": clients, "protocol": mode, "select_only": True, "timeout": 4 * PATIENCE}
    pgbench.run(environment, transactions=100, **load)
    counter.settle(pid)
    result, counted = counter.count(pid, lambda: pgbench.run(environment, transactions=each, **load))
    return {"instructions": counted / result.transactions}


def connections(run, target, clients):
    """pgbench -C: a connection for each transaction."""
    environment = target.environment()
    pgbench.run(environment, clients=clients, transactions=5, select_only=True, timeout=PATIENCE)
    usage = target.usage()
    before = usage.cpu_seconds()
    result = pgbench.run(environment, clients=clients, seconds=run.options.seconds, select_only=True, reconnect=True,
                         timeout=run.options.seconds + PATIENCE)
    return {"tps": result.tps, "cpu_us": (usage.cpu_seconds() - before) / result.transactions * 1e6}


def big_result(target):
    """MB per second and processor seconds per GB of one large result."""
    client = RawClient(target.port)
    try:
        client.login(target.raw_user)
        client.query("SELECT 1")
        usage = target.usage()
        before, begun = (usage.cpu_seconds() if usage else 0.0), time.monotonic()
        received = client.query(BIG_QUERY)
        elapsed = time.monotonic() - begun
        spent = usage.cpu_seconds() - before if usage else None
    finally:
        client.close()
    if received < BIG_ROWS * 1000:
        raise ConnectionError(f"only {received} bytes of the large result came")
    return {"mb_per_s": received / elapsed / 1e6, "cpu_s_per_gb": spent / (received / 1e9) if usage else None}


def idle_clients(target, count, tls, query=None):
    """Memory that clients take which have logged in and do nothing, or have done nothing since a query."""
    clients, process = [], ProxyProcess(target.usage().pid)
    pss, rss = process.pss_bytes(), process.rss_bytes()
    try:
        for _ in range(count):
            clients.append(RawClient(target.port, tls))
            clients[-1].login(target.raw_user)
            if query:
                clients[-1].query(query)
        return {"pss_each": (process.pss_bytes() - pss) / count, "rss_each": (process.rss_bytes() - rss) / count,
                "rss_mb": process.rss_bytes() / 1e6}
    finally:
        for client in clients:
            client.close()
