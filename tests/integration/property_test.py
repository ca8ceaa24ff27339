"""Any pipeline of messages is answered through pgweir as PostgreSQL answers it: the same messages with the same bodies.

Eight clients send random pipelines (pipelines.py) to the primary and then to pgweir, whose pools have two connections. A failing
pipeline is made small before it is reported, together with its seed.

By default the same pipelines every time: a test must not depend on luck. PGWEIR_PROPERTY_SECONDS: how long in all (24); more goes
on beyond those, with a fresh seed, too. PGWEIR_SEED: that seed. PGWEIR_PROPERTY_CASE=SEED/CLIENT/NUMBER: only this one.
(The fresh seed 2365944090 makes a backend of PostgreSQL 15.18 crash within seconds; which bytes do it is not known yet.)
"""

import multiprocessing
import os
import queue
import random
import re
import time

import pipelines
import wire as w
from harness import SLOW, ClusterCase, Wire, main

CLIENTS = int(os.environ.get("PGWEIR_PROPERTY_CLIENTS", "8"))
SEEDS = (1, 2, 3)
SECONDS = float(os.environ.get("PGWEIR_PROPERTY_SECONDS", "24"))
FRESH = int(os.environ.get("PGWEIR_SEED", "0")) or (random.SystemRandom().randrange(1000, 1 << 32) if SECONDS > 24 else None)
ALL_SEEDS = (*SEEDS, FRESH) if FRESH else SEEDS
LIMIT = 60 if not FRESH else 1 << 30  # pipelines of one client
# A backend of PostgreSQL 18.6 crashes (SIGSEGV) of these bytes, sent to it directly.
CRASHES_18 = {"2/7/18"}
CASE = os.environ.get("PGWEIR_PROPERTY_CASE", "")


def fields(message, ours):
    """Of an error, without what differs by design (docs/sessions.md): the server's names of statements; and,
    where pgweir has made the error or the server has made it of another message of pgweir's, its place in the source."""
    parts = w.Message(*message).fields
    parts["M"] = re.sub(r'prepared statement "\w*"', "prepared statement ?", parts["M"])
    return {k: v for k, v in parts.items() if not ours or k not in "FLRW"}


def gave_up(want, have):
    """Whether pgweir's first other message says that the transaction has failed, or is on a replica: in a failed one it cannot parse
    again a statement that the server connection does not have any more, where PostgreSQL still knows it (docs/sessions.md); and on
    a replica BEGIN READ ONLY's transaction refuses more, and before it looks for a relation (docs/routing.md)."""
    first = next(((a, b) for a, b in zip(want, have) if not same(a, b)), None)
    return first is not None and first[1][0] == "E" and w.Message(*first[1]).fields["C"] in ("25P02", "25006")


def is_broken(message):
    """PostgreSQL 18.6's own mistake behind a Query or FunctionCall among extended requests and their Sync, of which pgweir keeps its
    clients (docs/sessions.md): the next request fails, and what was acknowledged is rolled back."""
    if message[0] != "E":
        return False
    found = w.Message(*message).fields
    return found["C"] == "XX000" and found.get("R") == "StartTransactionCommand"


def same(want, have):
    """Whether pgweir's message is PostgreSQL's."""
    if want[0] != "E" or have[0] != "E":
        return want == have
    got = w.Message(*have).fields
    # In a failed transaction the first message fails, whichever it is: pgweir may have to parse the statement again before.
    ours = "R" not in got or got["R"] in ("exec_stmt_raise", "exec_simple_query") or got["C"] == "25P02"
    return fields(want, ours) == fields(have, ours)


class Client:
    """Runs pipelines on both sides, in a process of its own."""

    def __init__(self, number, direct_port, proxied_port, version):
        self.version = version
        self.number, self.proxied_port, self.direct_port = number, proxied_port, direct_port
        self.table = f"own{number}"
        self.direct = None

    def reset(self):
        """The primary's connection is used again and again; the table is as at first. Where in the WAL it is so."""
        if self.direct is None:
            self.direct = Wire(self.direct_port, 5 * SLOW).login("trustuser")
        self.direct.send(w.query("ROLLBACK") + w.query("DISCARD ALL") + w.query(f"TRUNCATE {self.table}") +
                         w.query(f"INSERT INTO {self.table} VALUES (1), (2), (3)") +
                         w.query("SELECT 'reset ' || pg_current_wal_insert_lsn()"))
        while True:
            for message in self.direct.read_ready():
                if message.tag == "D" and message.body[6:].startswith(b"reset "):
                    return message.values[0].removeprefix("reset ")

    def run_direct(self, pipeline):
        self.reset()
        answers = pipelines.run(self.direct, pipeline)
        if any(tag in ("closed", "timeout") for answer in answers for tag, _ in answer):
            self.direct.close()
            self.direct = None
        return answers

    def run_proxied(self, pipeline, chunks):
        position = self.reset()
        with Wire(self.proxied_port, 5 * SLOW) as wire:
            wire.login("trustuser")
            wire.ask(f"SET pgweir.read_after = '{position}'")
            return pipelines.run(wire, pipeline, random.Random(chunks))

    def compare(self, pipeline, chunks):
        """None, or the first burst that is answered differently, both ways."""
        expected, got = self.run_direct(pipeline), self.run_proxied(pipeline, chunks)
        for number, (want, have) in enumerate(zip(expected, got)):
            if len(want) != len(have) or not all(map(same, want, have)):
                first = next((a for a, b in zip(want, have) if not same(a, b)), ("", b""))
                return None if gave_up(want, have) or is_broken(first) else (number, want, have)
        return None

    def report(self, case, pipeline, difference, chunks):
        again = sum(self.compare(pipeline, chunks) is not None for _ in range(3))
        if again:
            def fails(candidate):
                found = self.compare(candidate, chunks)
                return found is not None and found[1][-1:] != [("timeout", b"")]
            pipeline = pipelines.shrink(pipeline, fails, time.monotonic() + 15 * SLOW)
            difference = self.compare(pipeline, chunks) or difference
        number, want, have = difference
        lines = [f"PGWEIR_PROPERTY_CASE={case}: burst {number + 1} is answered differently ({again} of 3 times again)",
                 pipelines.words(pipeline)]
        shown = [f"{tag}{body!r}" for tag, body in want], [f"{tag}{body!r}" for tag, body in have]
        at = next((i for i, (a, b) in enumerate(zip(want, have)) if not same(a, b)), min(len(want), len(have)))
        return "\n".join([*lines, f"PostgreSQL, from message {at}:", *map(cut, shown[0][at:at + 6]), "pgweir:",
                          *map(cut, shown[1][at:at + 6])])

    def case(self, seed, number):
        name = f"{seed}/{self.number}/{number}"
        pipeline = pipelines.Generator(name, self.table, self.number).pipeline()
        if self.version >= 180000:
            if name in CRASHES_18:
                return None
            pipeline = pipelines.settled(pipeline)
        difference = self.compare(pipeline, name)
        return None if difference is None else self.report(name, pipeline, difference, name)

    def work(self, deadline, results):
        count, found = 0, []
        try:
            while time.monotonic() < deadline and count < LIMIT and not found:
                number, which = divmod(count, len(ALL_SEEDS))
                failure = self.case(ALL_SEEDS[which], number)
                found += [failure] if failure else []
                count += 1
        except Exception as error:  # noqa: BLE001: whatever it was is the parent's to tell
            found.append(f"client {self.number} broke in pipeline {count}: {error!r}")
        results.put((count, found))


def cut(text):
    return "  " + text[:400]


class Property(ClusterCase):
    replicas = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        tables = "".join(f"CREATE TABLE own{n} (n int PRIMARY KEY); GRANT ALL ON own{n} TO public;" for n in range(CLIENTS))
        cls.sql("CREATE TABLE fixed AS SELECT n, 'row ' || n AS v FROM generate_series(1, 5) n; GRANT SELECT ON fixed TO public;" +
                tables)
        cls.cluster.wait_caught_up()
        cls.version = int(cls.cluster.primary.value("SHOW server_version_num"))

    def compare_all(self, weir):
        context, deadline = multiprocessing.get_context("fork"), time.monotonic() + SECONDS / 2
        results = context.Queue()
        clients = [Client(n, self.cluster.primary.port, weir.port, self.version) for n in range(CLIENTS)]
        workers = [context.Process(target=c.work, args=(deadline, results), daemon=True) for c in clients]
        for worker in workers:
            worker.start()
        count, found = 0, []
        try:
            for _ in workers:
                done, failures = results.get(timeout=SECONDS + 120 * SLOW)
                count += done
                found += failures
        except queue.Empty:
            found.append("a client hangs")
        finally:
            for worker in workers:
                worker.terminate()
                worker.join()
        print(f"{count} pipelines, seeds {ALL_SEEDS}", flush=True)
        self.assertEqual(found, [], f"seeds {ALL_SEEDS}:\n" + "\n\n".join(found))
        self.assertGreater(count, 10 * SECONDS / SLOW)

    def one(self, weir):
        seed, client, number = map(int, CASE.split("/"))
        failure = Client(client, self.cluster.primary.port, weir.port, self.version).case(seed, number)
        self.assertIsNone(failure, failure)

    def check(self, promote="off", **routing):
        weir = self.weir_with_replicas(proxy={"auth_type": "trust"}, routing=routing,
                                       pool={"default_pool_size": 2, "promote_unnamed": promote},
                                       user=[{"name": "trustuser", "password": "trustpass"}])
        self.one(weir) if CASE else self.compare_all(weir)

    def test_with_one_server(self):
        self.check(split="off", promote="auto")

    def test_with_splitting(self):
        self.check()


if __name__ == "__main__":
    main()
