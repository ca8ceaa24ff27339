"""What reading one's own writes costs: the levels of `consistency` side by side on one cluster, interleaved."""

import statistics
import tempfile
from functools import partial
from pathlib import Path

import bench
import pgbench
import report
from targets import Weir

# A write of one's own, then reads of it and of others: what a page of an application does.
WRITE_AND_READ = """\
\\set aid random(1, 100000 * :scale)
\\set other random(1, 100000 * :scale)
\\set delta random(-5000, 5000)
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :other;
{pause}SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :other;
"""
LOADS = {
    "reads only": None,
    "write, 4 reads": WRITE_AND_READ.format(pause=""),
    "write, 2 reads, 20 ms, 2 reads": WRITE_AND_READ.format(pause="\\sleep 20 ms\n"),
}
LEVELS = {
    "eventual": {"consistency": "eventual"},
    "session": {"consistency": "session"},
    "session, waits 50 ms": {"consistency": "session", "causal_wait": "50ms"},
}


class Level(Weir):
    def __init__(self, run, name):
        super().__init__(run, name=name, routing=LEVELS[name])

    def reads(self):
        """Statements that went to replicas, and those that consistency has sent to the primary, so far."""
        kept = sum(self.weir.metric("pgweir_queries_routed_total", target="primary", reason=reason)
                   for reason in ("awaiting_sample", "replica_behind"))
        return self.weir.metric("pgweir_queries_routed_total", target="replica"), kept


def measure(run):
    """Rows of numbers, one for each load, level and number of clients: medians over the rounds."""
    options, samples = run.options, {}
    with run.targets(*(partial(Level, name=name) for name in LEVELS)) as levels:
        for number in range(options.rounds):
            for load, script in LOADS.items():
                for clients in options.clients:
                    for level in levels if number % 2 == 0 else reversed(levels):
                        sample = _measure(level, script, clients, options.seconds)
                        samples.setdefault((load, clients, level.name), []).append(sample)
                        run.say(f"round {number + 1}: {load}, {clients} clients, {level.name}: {sample['tps']:.0f} tps")
    return {key: {name: statistics.median(s[name] for s in group) for name in group[0]} for key, group in samples.items()}


def _measure(level, script, clients, seconds):
    environment = pgbench.environment(level.port)
    usage, kept = level.usage(), None
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        if script:
            file.write("\\set scale %d\n%s" % (bench.SCALE, script))
            file.flush()
        settings = {"protocol": "prepared", "select_only": script is None, "script": Path(file.name) if script else None}
        pgbench.run(environment, clients=clients, transactions=50, **settings)
        before, cpu = level.reads(), usage.cpu_seconds()
        result = pgbench.run(environment, clients=clients, seconds=seconds, **settings)
        cpu = usage.cpu_seconds() - cpu
        replica, kept = (after - earlier for after, earlier in zip(level.reads(), before))
    return {"tps": result.tps, "latency_ms": result.latency_ms, "cpu_us": cpu / result.transactions * 1e6,
            "replica_share": replica / max(replica + kept, 1)}


def print_table(rows):
    table = [("load", "clients", "consistency", "tps", "avg ms", "cpu µs/tx", "cpu ÷ eventual", "speed ÷ eventual", "reads on replicas")]
    for (load, clients, level), row in rows.items():
        base = rows[(load, clients, "eventual")]
        table.append((load, str(clients), level, f"{row['tps']:.0f}", f"{row['latency_ms']:.3f}", f"{row['cpu_us']:.1f}",
                      f"{row['cpu_us'] / base['cpu_us']:.3f}", f"{row['tps'] / base['tps']:.3f}", f"{row['replica_share']:.0%}"))
    report.print_columns(table)
