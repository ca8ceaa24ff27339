"""What processes cost: processor time of whole families, system calls, and instructions."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from pgbench import BenchError
from proxy import ProxyProcess
from waiting import wait_until

TICKS = os.sysconf("SC_CLK_TCK")


class ProcessTree(ProxyProcess):
    """A process and its children: a server with a process per connection, or a single process."""

    def pids(self):
        found, todo = [], [self.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo += _children(pid)
        return found

    def cpu_seconds(self):
        """Of those that live, and of the children that have ended and been waited for meanwhile."""
        total = 0.0
        for pid in self.pids():
            try:
                total += ProxyProcess(pid).cpu_seconds()
            except OSError:
                pass  # it has just ended: _reaped() has it
        return total + _reaped(self.pid)


def _children(pid):
    try:
        return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    except OSError:
        return []


def _reaped(pid):
    """cutime and cstime, proc(5)'s fields 16 and 17, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / TICKS


class ServersCpu:
    """Processor time of every PostgreSQL server of a cluster."""

    def __init__(self, cluster):
        self.trees = [ProcessTree(node.pid()) for node in cluster.nodes.values() if node.pid() is not None]

    def cpu_seconds(self):
        return sum(tree.cpu_seconds() for tree in self.trees)


# ---- system calls, by whatever this machine allows

def count_system_calls(pids, folder, body):
    """Runs `body`, which is given a command to run its load under, and returns its result and the system calls that the
    processes made meanwhile; None for those when neither perf nor strace can count them."""
    folder.mkdir(parents=True, exist_ok=True)
    if _perf_works(pids):
        return _with_perf(pids, folder / "perf.txt", body)
    if shutil.which("strace"):
        return _with_strace(pids, folder / "strace.txt", body)
    return body(()), None


def _perf(pids, report):
    return ["perf", "stat", "-x", ";", "-o", str(report), "-e", "raw_syscalls:sys_enter", "-p", ",".join(map(str, pids)), "--"]


def _perf_works(pids):
    return shutil.which("perf") is not None and subprocess.run(
        [*_perf(pids, "/dev/null"), "true"], capture_output=True, timeout=20).returncode == 0


def _with_perf(pids, report, body):
    report.unlink(missing_ok=True)
    result = body(_perf(pids, report))
    counted = re.search(r"^(\d+);", report.read_text(), re.M)
    return result, int(counted.group(1)) if counted else None


def _with_strace(pids, report, body):
    """strace stops its processes at each call: this counts, and is no measure of speed."""
    report.unlink(missing_ok=True)
    said = report.with_suffix(".err")
    with open(said, "w") as err:
        tracer = subprocess.Popen(["strace", "-c", "-f", "-o", str(report), *(f"-p{pid}" for pid in pids)],
                                  stdin=subprocess.DEVNULL, stdout=err, stderr=err)
    try:
        wait_until(lambda: "attached" in said.read_text() or tracer.poll() is not None, "strace is attached", 10)
        result = body(()) if tracer.poll() is None else None
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)
        tracer.wait(20)
    if result is None:
        return body(()), None
    total = re.search(r"^\s*100\.00\s+\S+\s+\d+\s+(\d+)\s.*total$", report.read_text(), re.M)
    return result, int(total.group(1)) if total else None


# ---- instructions, by callgrind

class Callgrind:
    """Counts what a process runs of its own code, the libraries' with it and the kernel's without. The figure hardly depends on
    what else the machine does, unlike time; only on how much comes at once. The process is started by `command`."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, f"callgrind-{name}.out"
        self.command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder / self.name}"]
        self.per_second = 0.0  # that it runs when nothing is asked of it

    @staticmethod
    def available():
        return shutil.which("valgrind") is not None and shutil.which("callgrind_control") is not None

    def settle(self, pid, seconds=2):
        """Learns what the process runs by itself, as for its timers."""
        _, counted, elapsed = self._measure(pid, lambda: time.sleep(seconds))
        self.per_second = counted / elapsed

    def count(self, pid, body):
        """Runs `body`; returns its result and the instructions, without those that the process would have run anyway."""
        result, counted, elapsed = self._measure(pid, body)
        return result, counted - self.per_second * elapsed

    def clean(self):
        for file in self.folder.glob(f"{self.name}*"):
            file.unlink()

    def _measure(self, pid, body):
        self.clean()
        self._control(pid, "-i", "on")
        try:
            self._control(pid, "-z")
            began = time.monotonic()
            result = body()
            self._control(pid, "-d")
            elapsed = time.monotonic() - began
        finally:
            self._control(pid, "-i", "off")
        (dump,) = self.folder.glob(f"{self.name}.*")
        counted = re.search(r"^(?:totals|summary): (\d+)", dump.read_text(), re.M)
        return result, int(counted.group(1)), elapsed

    @staticmethod
    def _control(pid, *what):
        done = subprocess.run(["callgrind_control", *what, str(pid)], check=True, capture_output=True, text=True, timeout=60)
        if "Error" in done.stdout:  # its exit status is 0 all the same
            raise BenchError(f"callgrind_control {' '.join(what)}: {done.stdout.strip()}")
