"""A pgweir process: its configuration file, its start and stop, its metrics, its memory and processor time."""

import http.client
import os
import re
import signal
import subprocess
from pathlib import Path

from ports import free_ports
from waiting import wait_until


def toml_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(v) for v in value) + "]"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def toml(sections):
    """TOML of a dict: a dict value is a [section], a list of dicts is [[section]]s. None leaves a key out."""
    lines = []
    for name, content in sections.items():
        for block in content if isinstance(content, list) else [content]:
            lines.append(f"[[{name}]]" if isinstance(content, list) else f"[{name}]")
            lines += [f"{key} = {toml_value(value)}" for key, value in block.items() if value is not None]
            lines.append("")
    return "\n".join(lines)


class ProxyError(Exception):
    """pgweir did something that it must not; holds the end of its log."""


class ProxyProcess:
    """Any proxy under measurement: a process with threads."""

    def __init__(self, pid):
        self.pid = pid

    def cpu_seconds(self):
        """Time on a processor of all threads, to the nanosecond (utime and stime count in ticks of 10 ms)."""
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            try:
                total += int((task / "schedstat").read_text().split()[0])
            except (OSError, IndexError):
                pass  # a thread that ended meanwhile
        return total / 1e9

    def rss_bytes(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M).group(1)) * 1024

    def pss_bytes(self):
        """Like rss_bytes(), with pages that other processes have, too, divided among them."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.M).group(1)) * 1024


class Pgweir:
    """`settings` are the sections of the configuration that differ from what `cluster` and the defaults below say."""

    def __init__(self, binary, folder, cluster, **settings):
        self.binary = Path(binary).resolve()
        self.folder = Path(folder)
        self.port, self.http_port = free_ports(2)
        self.config_file = self.folder / f"pgweir-{self.port}.toml"
        self.log_file = self.folder / f"pgweir-{self.port}.log"
        self.sections = self._defaults(cluster)
        for name, content in settings.items():
            if isinstance(content, dict):
                self.sections.setdefault(name, {}).update(content)
            else:
                self.sections[name] = content
        self.process = None
        self.under = []  # a command that runs it, such as valgrind
        self.killed_at_end = False  # a test's word: it did not end by itself and should not have

    def _defaults(self, cluster):
        return {
            "proxy": {"listen_addr": "127.0.0.1", "listen_port": self.port, "workers": 1},
            "pool": {"default_pool_size": 10},
            "routing": {},
            "monitor": {"interval": "100ms", "timeout": "300ms", "user": "pgweir_monitor", "password": "monitor"},
            "http": {"listen_addr": "127.0.0.1", "listen_port": self.http_port},
            "server": [{"name": n.name, "host": "127.0.0.1", "port": n.port} for n in cluster.nodes.values()],
            "database": [{"name": "*"}],
            "user": [{"name": "app", "password": "app"}, {"name": "admin", "password": "admin", "admin": True}],
        }

    # ---- life

    def write_config(self):
        self.config_file.write_text(toml(self.sections))

    def start(self, wait=True, timeout=60):
        self.write_config()
        self.launch([*self.under, str(self.binary), str(self.config_file)])
        if wait:
            self.wait_ready(timeout)
        return self

    def launch(self, command):
        """Runs `command` with its output in the log file."""
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def wait_ready(self, timeout=60):
        def ready():
            if self.process.poll() is not None:
                raise SystemExit(f"pgweir ended with {self.process.returncode} while starting:\n{self.log_tail()}")
            return self.get("/ready")[0] == 200
        wait_until(ready, f"/ready answers 200 (log: {self.log_file})", timeout)

    def stop(self, sig=signal.SIGTERM, timeout=40):
        """Ends the process and returns its exit status; SIGKILL when it does not end by itself."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise ProxyError(f"pgweir did not end within {timeout} s of signal {sig}:\n{self.log_tail()}") from None

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def usage(self):
        return ProxyProcess(self.pid)

    def log_text(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def log_tail(self, characters=3000):
        return self.log_text()[-characters:]

    # ---- talking to it

    def dsn(self, user="app", password="app", database="app", **more):
        parts = {"host": "127.0.0.1", "port": self.port, "user": user, "password": password, "dbname": database, **more}
        return " ".join(f"{k}='{v}'" for k, v in parts.items() if v is not None)

    def environment(self, user="app", password="app", database="app"):
        """For psql and pgbench."""
        return {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": user, "PGPASSWORD": password,
                "PGDATABASE": database}

    def get(self, path, timeout=5):
        """Status and body of an HTTP request to the metrics port."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def metrics(self):
        """Every sample of /metrics: {(name, ((label, value), …)): number}, labels in alphabetical order."""
        status, body = self.get("/metrics")
        if status != 200:
            raise ProxyError(f"/metrics answered {status}: {body}")
        samples = {}
        for line in body.splitlines():
            sample = re.fullmatch(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?", line)
            if sample:
                labels = tuple(sorted(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample[2] or "")))
                samples[(sample[1], labels)] = float(sample[3])
        return samples

    def metric(self, name, **labels):
        """The sum of a metric's samples that have these labels."""
        wanted = set(labels.items())
        return sum(v for (n, have), v in self.metrics().items() if n == name and wanted <= set(have))

    def console(self, command):
        """Rows of a console command, as dicts."""
        import psycopg2  # only here: the demo's first steps run before it is installed
        import psycopg2.extras
        connection = psycopg2.connect(self.dsn("admin", "admin", "pgweir"))
        try:
            connection.autocommit = True  # the console knows no BEGIN
            with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
                cursor.execute(command)
                return [dict(row) for row in cursor.fetchall()]
        finally:
            connection.close()

    def in_rotation(self):
        """The names of the replicas that may get reads now."""
        return {dict(labels)["server"] for (name, labels), value in self.metrics().items()
                if name == "pgweir_server_in_rotation" and value == 1}
