"""A run of scripts/bench: its cluster, its targets, and its samples, taken round after round with the targets interleaved."""

import fcntl
from collections import Counter
from contextlib import ExitStack, contextmanager

import pgbench
import targets
from cluster import Cluster
from pgbench import BenchError

SCALE = 10
REPLICAS = 3  # what the growth needs; otherwise pgweir reads from the first two
# More connections than a default server has: 256 clients come through the relay one by one.
SETTINGS = "max_connections = 400\n"


class Run:
    """What every part is given. A part takes its samples by measure(); what went wrong is kept with note()."""

    def __init__(self, options, root, say):
        self.options, self.root, self.say = options, root, say
        self.folder = root / "build" / "bench"
        self.cluster = None
        self.part = None  # its name
        self.samples, self.notes = [], []

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = open(self.folder / "lock", "w")  # until this process ends: a second run would stop this one's cluster
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchError(f"another run uses {self.folder}") from None
        self.cluster = prepared_cluster(self.root, self.say)

    def servers(self, replicas=None):
        """The primary and the replicas that a proxy gets to know."""
        if replicas is None:
            replicas = 0 if self.options.one_server else targets.REPLICAS
        return [self.cluster.primary, *self.cluster.replicas[:replicas]]

    def note(self, text, failure=False):
        self.say(text)
        self.notes.append({"part": self.part, "text": text, "failure": failure})

    @contextmanager
    def targets(self, *makers):
        """Starts those that are wanted and can be, and stops them at the end."""
        with ExitStack() as stack:
            started = []
            for maker in makers:
                made = getattr(maker, "func", maker)  # a class, or a functools.partial of one
                if self.options.targets and made.kind not in self.options.targets:
                    continue
                try:
                    target = maker(self)
                except (Exception, SystemExit) as reason:  # SystemExit: a pgweir that ended while it was starting
                    self.note(f"{made.kind} is left out: {reason}", failure=not issubclass(made, targets.Peer))
                    continue
                stack.callback(target.stop)
                started.append(target)
            yield started

    def measure(self, measured, cases, load, rounds=None):
        """load(target, **case) is a dict of numbers; a case says which row of the table it is: `case` and `x`. A target that
        has failed twice is not asked again in this part."""
        rounds = rounds or self.options.rounds
        failures, count, total = Counter(), 0, rounds * len(cases) * len(measured)
        for number in range(rounds):
            for case in cases:
                for target in measured if number % 2 == 0 else reversed(measured):
                    count += 1
                    if failures[target.name] < 2 and not self._sample(f"{count}/{total}", number, target, case, load):
                        failures[target.name] += 1

    def _sample(self, progress, number, target, case, load):
        what = f"{self.part}, {case['case']}, {case['x']}, {target.name}"
        try:
            values = load(target, **case)
        except Exception as error:  # whatever it is: the others go on, and the report says it
            self.note(f"{what}: failed: {error}", failure=True)
            return False
        self.record(target.name, case["case"], case["x"], values, number)
        said = ", ".join(f"{name} {value:.5g}" for name, value in values.items() if value is not None)
        self.say(f"{progress} {what}: {said}")
        return True

    def record(self, target, case, x, values, number=0):
        self.samples.append({"part": self.part, "case": case, "x": x, "target": target, "round": number, **values})


def prepared_cluster(root, progress):
    """The benchmark's own cluster, kept between runs, with pgbench's tables."""
    cluster = Cluster(root / "build" / "bench" / "cluster", progress=progress, settings=SETTINGS)
    if cluster.exists and len(cluster.replicas) != REPLICAS:
        cluster.destroy()
        cluster = Cluster(root / "build" / "bench" / "cluster", progress=progress, settings=SETTINGS)
    cluster.start(replicas=REPLICAS)
    if cluster.primary.value("SELECT to_regclass('pgbench_accounts') IS NOT NULL", "app") != "t":
        progress(f"filling pgbench's tables, scale {SCALE}")
        pgbench.initialize(pgbench.environment(cluster.primary.port), SCALE)
        cluster.primary.query("GRANT app TO trustuser")  # for proxies that log in to the servers without a password
    cluster.wait_caught_up(60)
    return cluster
