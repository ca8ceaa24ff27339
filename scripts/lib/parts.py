"""The parts of the benchmark: what each measures, through which targets, and which of its numbers are compared with whose."""

import re
import resource
import subprocess
from dataclasses import dataclass, field
from functools import partial
from typing import Callable

import loads
import targets
from accounting import Callgrind
from cluster import postgres_bin
from targets import Direct, HAProxy, PgBouncer, Pgpool, Relay, Weir

CLIENTS = 16  # where a part does not vary them
IDLE_CLIENTS = 10_000
OTHER_FILES = 200  # that a process has open besides its clients, at most
CROWD, CROWD_SECONDS = 1000, 5  # each of them has to come often enough to be compared

# Number: (head of its column, digits).
NUMBERS = {
    "tps": ("tps", 0),
    "latency_ms": ("avg ms", 3),
    "p50_ms": ("p50 ms", 3),
    "p99_ms": ("p99 ms", 3),
    "cpu_us": ("CPU µs/tx", 1),
    "server_us": ("PostgreSQL's CPU µs/tx", 1),
    "calls": ("system calls/tx", 2),
    "instructions": ("instructions/tx", 0),
    "mb_per_s": ("MB/s", 0),
    "cpu_s_per_gb": ("CPU s/GB", 3),
    "pss_each": ("PSS bytes/client", 0),
    "rss_each": ("RSS bytes/client", 0),
    "rss_mb": ("RSS MB in all", 1),
    "p99_to_p50": ("p99 ÷ p50", 2),
    "slowest_to_mean": ("slowest client ÷ mean", 2),
}


@dataclass
class Against:
    """A number beside the same one of another target, in the same round: their ratio, or what is added in microseconds."""
    number: str
    base: str
    head: str
    how: str = "ratio"
    only_x: int | None = None  # the one row for which it means something

    @property
    def key(self):
        return f"{self.number} {self.how} {self.base}"

    def of(self, value, base):
        if value is None or base is None or (self.how == "ratio" and base == 0):
            return None
        return value / base if self.how == "ratio" else (value - base) * 1000


@dataclass
class Part:
    title: str
    take: Callable  # takes the samples of a run
    numbers: list
    against: list = field(default_factory=list)
    case: str = "mode"
    x: str = "clients"


CPU_TO_PGBOUNCER = Against("cpu_us", "pgbouncer", "CPU ÷ pgbouncer")
CPU_TO_RELAY = Against("cpu_us", "relay", "CPU ÷ relay")
SPEED_TO_PGBOUNCER = Against("tps", "pgbouncer", "tps ÷ pgbouncer")
ADDED = Against("latency_ms", "direct", "added µs", "added", only_x=1)  # more clients measure the machine


def cases(modes, clients):
    return [{"case": mode, "x": number} for mode in modes for number in clients]


def pgbench_load(run):
    return lambda target, case, x: loads.transactions(run, target, case, x)


def transactions(run):
    with run.targets(Direct, Relay, PgBouncer, Weir) as measured:
        run.measure(measured, cases(run.options.modes, run.options.clients), pgbench_load(run))


def peers(run):
    with run.targets(PgBouncer, HAProxy, Pgpool, Weir) as measured:
        run.measure(measured, cases(run.options.modes, [CLIENTS]), pgbench_load(run))


def calls(run):
    with run.targets(Relay, PgBouncer, Weir) as measured:
        run.measure(measured, cases(run.options.modes, [CLIENTS]), lambda target, case, x: loads.system_calls(run, target, case, x))


def instructions(run):
    if not Callgrind.available():
        return run.note("nothing is counted: Debian's valgrind is not installed")
    # A monitor that is patient, since all is many times slower under callgrind; servers that ask for no proof, which is 10 million
    # instructions whenever one more connection is opened.
    common = {"monitor": {"interval": "1s", "timeout": "5s"}, "auth": "verifier"}
    variants = {
        "pgweir": {},
        "pgweir, 2 workers": {"workers": 2},
        "split off": {"routing": {"split": "off"}},
        "split on, eventual": {"routing": {"consistency": "eventual"}},
    }
    for maker in (Relay, *(partial(Weir, name=name, **settings, **common) for name, settings in variants.items())):
        with run.targets(partial(maker, counted=True)) as measured:
            run.measure(measured, cases(run.options.modes, [CLIENTS]), lambda target, case, x: loads.instructions(target, case, x),
                        rounds=1)


def workers(run):
    with run.targets(*(partial(Weir, name=f"{n} worker{'s' * (n > 1)}", workers=n) for n in (1, 2))) as measured:
        run.measure(measured, cases(["simple", "prepared"], [CLIENTS, 64]), pgbench_load(run))


def big(run):
    with run.targets(Direct, Relay, PgBouncer, Weir) as measured:
        run.measure(measured, [{"case": "100 MB", "x": 1}], lambda target, **_: loads.big_result(target))


def connections(run):
    for auth, case in (("verifier", "SCRAM, a verifier"), ("password", "SCRAM, a password"), ("trust", "trust")):
        with run.targets(partial(PgBouncer, auth=auth), partial(Weir, auth=auth)) as measured:
            run.measure(measured, cases([case], [CLIENTS]), lambda target, case, x: loads.connections(run, target, x))


def servers(run):
    promoting = {"pool": {"promote_unnamed": "auto"}}
    name = "pgweir, promote_unnamed"
    known = targets.knows(run, **promoting)
    with run.targets(PgBouncer, Weir, *([partial(Weir, name=name, **promoting)] if known else [])) as measured:
        run.measure(measured, cases(["extended"], [CLIENTS]), pgbench_load(run))
    if not known:
        run.note("this pgweir has no promote_unnamed")
        run.record(name, "extended", CLIENTS, {})


def idle(run):
    wanted, (files, _) = run.options.idle or IDLE_CLIENTS, resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(wanted, files - OTHER_FILES)
    if count < wanted:
        run.note(f"{count} idle clients instead of {wanted}: a process may have {files} open files")
    for case, tls, query in (("plain", False, None), ("plain, after a query", False, "SELECT 1"), ("TLS", True, None)):
        with run.targets(partial(PgBouncer, tls=tls), partial(Weir, tls=tls)) as measured:
            # Once: a second time would find the memory that the first has left.
            run.measure(measured, cases([case], [count]),
                        lambda target, x, **_: loads.idle_clients(target, x, tls, query), rounds=1)


def fairness(run):
    weirs = [partial(Weir, name=f"pgweir, {n} worker{'s' * (n > 1)}", workers=n, replicas=0) for n in (1, 2)]
    with run.targets(PgBouncer, *weirs) as measured:
        seconds = max(run.options.seconds, CROWD_SECONDS)
        run.measure(measured, cases(["simple"], [CROWD]),
                    lambda target, case, x: loads.transactions(run, target, case, x, seconds=seconds, log_share=1))


def tls(run):
    with run.targets(partial(PgBouncer, tls=True), partial(Weir, tls=True)) as measured:
        negotiated = {target.name: negotiated_tls(target) for target in measured}
        run.note("negotiated: " + "; ".join(f"{name} {what}" for name, what in negotiated.items()))
        run.measure(measured, cases(["simple", "prepared"], [CLIENTS]), pgbench_load(run))


def negotiated_tls(target):
    """As libpq reports it, which pgbench uses, too."""
    said = subprocess.run([str(postgres_bin() / "psql"), "-X", "-c", "\\conninfo"], env=target.environment(),
                          capture_output=True, text=True, timeout=20).stdout
    found = re.search(r"protocol: ([^,]+), cipher: ([^,]+)", said)
    return f"{found[1]} {found[2]}" if found else "nothing"


def split(run):
    variants = {
        "split off": {"split": "off"},
        "split on, eventual": {"split": "on", "consistency": "eventual"},
        "split on, session": {"split": "on", "consistency": "session"},
    }
    with run.targets(*(partial(Weir, name=name, routing=routing) for name, routing in variants.items())) as measured:
        run.measure(measured, cases(["simple", "prepared"], [CLIENTS]), pgbench_load(run))


def growth(run):
    rounds = (run.options.rounds + 1) // 2
    with run.targets(Relay, PgBouncer, Weir, partial(Weir, name="pgweir, 2 workers", workers=2)) as measured:
        run.measure(measured, cases(["clients"], [1, 4, 16, 64, 256]),
                    lambda target, case, x: loads.transactions(run, target, "prepared", x), rounds)
        few = [target for target in measured if target.name != "pgweir, 2 workers"]
        run.measure(few, cases(["statement bytes"], [50, 500, 5000, 64_000]),
                    lambda target, case, x: loads.statement(run, target, x, CLIENTS), rounds)
    with run.targets(*(partial(Weir, replicas=n) for n in (1, 2, 3))) as by_replicas:
        run.measure(by_replicas[:1], cases(["replicas"], [weir.replicas for weir in by_replicas]),
                    lambda _, case, x: loads.transactions(run, by_replicas[x - 1], "prepared", CLIENTS), rounds)


TRANSACTION = ["tps", "latency_ms", "p99_ms", "cpu_us"]

PARTS = {
    "transactions": Part("One transaction", transactions, TRANSACTION, [CPU_TO_PGBOUNCER, CPU_TO_RELAY, SPEED_TO_PGBOUNCER, ADDED]),
    "peers": Part("Other proxies", peers, TRANSACTION, [CPU_TO_PGBOUNCER, SPEED_TO_PGBOUNCER]),
    "syscalls": Part("System calls", calls, ["calls"], [
        Against("calls", "pgbouncer", "÷ pgbouncer"), Against("calls", "relay", "÷ relay")]),
    "instructions": Part("Instructions of the proxy's own code", instructions, ["instructions"], [
        Against("instructions", "pgweir", "÷ pgweir"), Against("instructions", "split off", "÷ split off"),
        Against("instructions", "split on, eventual", "÷ eventual")]),
    "workers": Part("Two workers against one", workers, TRANSACTION, [
        Against("cpu_us", "1 worker", "CPU ÷ 1 worker"), Against("tps", "1 worker", "tps ÷ 1 worker")]),
    "big": Part("A result of 100 MB", big, ["mb_per_s", "cpu_s_per_gb"], [
        Against("cpu_s_per_gb", "pgbouncer", "CPU ÷ pgbouncer"), Against("cpu_s_per_gb", "relay", "CPU ÷ relay"),
        Against("mb_per_s", "pgbouncer", "MB/s ÷ pgbouncer")], case="result"),
    "connect": Part("Connect, query, close: a connection for each transaction", connections, ["tps", "cpu_us"],
                    [CPU_TO_PGBOUNCER, SPEED_TO_PGBOUNCER], case="authentication"),
    "servers": Part("PostgreSQL's own processor time", servers, ["tps", "server_us", "cpu_us"], [
        Against("server_us", "pgbouncer", "PostgreSQL's CPU ÷ pgbouncer"), CPU_TO_PGBOUNCER]),
    "idle": Part("Idle clients", idle, ["pss_each", "rss_each", "rss_mb"], [Against("pss_each", "pgbouncer", "PSS ÷ pgbouncer")],
                 case="connection"),
    "fairness": Part(f"{CROWD} clients and one pool", fairness,
                     ["tps", "p50_ms", "p99_ms", "p99_to_p50", "slowest_to_mean", "cpu_us"], [SPEED_TO_PGBOUNCER]),
    "tls": Part("TLS with the clients", tls, TRANSACTION, [CPU_TO_PGBOUNCER, SPEED_TO_PGBOUNCER]),
    "split": Part("Splitting and consistency", split, TRANSACTION, [
        Against("cpu_us", "split off", "CPU ÷ split off"), Against("cpu_us", "split on, eventual", "CPU ÷ eventual"),
        Against("tps", "split off", "tps ÷ split off")]),
    "growth": Part("How the cost grows", growth, TRANSACTION, [CPU_TO_PGBOUNCER, SPEED_TO_PGBOUNCER], case="what grows", x="to"),
}
DEFAULT = ["transactions", "big"]


def take(run, names):
    """Takes the samples of each part, one after the other; one that fails is noted, and the others go on."""
    for name in names:
        run.part = name
        run.say(f"part {name}: {PARTS[name].title}")
        try:
            PARTS[name].take(run)
        except Exception as error:  # whatever it is: the report says it
            run.note(f"{name}: failed: {error}", failure=True)
