"""Ten thousand cancel requests that race with the ends of short queries: only the client whose key was sent is ever cancelled.

Victims and bystanders share a pool of a few connections, so a cancel that comes too late would hit whoever is next there
(semantics.md H: a server being cancelled is not released until the cancel connection has ended).
"""

import multiprocessing
import random
import socket
import struct
import threading
import time

import wire as w
from harness import SLOW, ClusterCase, main

CANCEL_CODE = 80877102
CANCELS = int(10_000 / SLOW)
VICTIMS, BYSTANDERS = 4, 4
QUERIES = ("SELECT 1", "/* pgweir: primary */ SELECT pg_sleep(0.001)", "/* pgweir: primary */ SELECT pg_sleep(0.0)",
           "/* pgweir: primary */ SELECT count(*) FROM generate_series(1, 2000)")


class Asker(threading.Thread):
    """Runs short queries until told to stop, and counts what came of them."""

    def __init__(self, wire, done):
        super().__init__(daemon=True)
        self.wire, self.done = wire, done
        self.answered, self.cancelled, self.errors = 0, 0, []

    def run(self):
        number = 0
        try:
            while not self.done.is_set():
                number += 1
                sql = QUERIES[number % len(QUERIES)]
                extended = number % 3 == 0
                self.wire.send(w.simple_statement(sql) if extended else w.query(sql))
                self.note(self.wire.read_ready())
        except (OSError, w.Closed) as error:
            self.errors.append(repr(error))

    def note(self, messages):
        codes = [m.fields["C"] for m in messages if m.tag == "E"]
        if not codes:
            self.answered += 1
        elif codes == ["57014"]:
            self.cancelled += 1
        else:
            self.errors.append(str(codes))


def send_cancels(port, keys, count):
    """Around the ends of queries that take a millisecond or two; every second one waits for the end of its connection, as libpq."""
    dice = random.Random(count)
    for number in range(count):
        with socket.create_connection(("127.0.0.1", port), 20 * SLOW) as connection:
            key = keys[number % len(keys)]
            connection.sendall(struct.pack(">II", 8 + len(key), CANCEL_CODE) + key)
            if number % 2:
                connection.recv(1)
        time.sleep(dice.uniform(0, 0.003))


class CancelRace(ClusterCase):
    replicas = 1

    def test_nobody_else_is_ever_cancelled(self):
        weir = self.weir_with_replicas(proxy={"auth_type": "trust", "workers": 2}, pool={"default_pool_size": 3},
                                       log={"connections": False, "disconnections": False})
        done = threading.Event()
        askers = [Asker(self.wire(weir.port, user="app"), done) for _ in range(VICTIMS + BYSTANDERS)]
        victims, bystanders = askers[:VICTIMS], askers[VICTIMS:]
        keys = [victim.wire.key for victim in victims]
        for asker in askers:
            asker.start()
        context = multiprocessing.get_context("fork")
        senders = [context.Process(target=send_cancels, args=(weir.port, keys[n::2], CANCELS // 2), daemon=True) for n in (0, 1)]
        started = time.monotonic()
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(120 * SLOW)
        took = time.monotonic() - started
        self.assertEqual([sender.exitcode for sender in senders], [0, 0], "every cancel request was sent")
        done.set()
        for asker in askers:
            asker.join(20 * SLOW)
            self.assertFalse(asker.is_alive(), "a client hangs")
        hit, answered = sum(v.cancelled for v in victims), sum(a.answered for a in askers)
        print(f"{CANCELS} cancels in {took:.1f} s: {hit} statements cancelled, {answered} answered", flush=True)
        self.assertEqual([a.errors for a in askers if a.errors], [])
        self.assertEqual([b.cancelled for b in bystanders], [0] * BYSTANDERS, "no client is cancelled whose key was never used")
        self.assertGreater(hit, CANCELS / 1000, "the race was run: some cancels met their statement")
        self.assertGreater(min(b.answered for b in bystanders), 10)
        # Nothing is left behind: the next queries of everybody are answered.
        for asker in askers:
            self.assertEqual(asker.wire.ask("/* pgweir: primary */ SELECT 42"), [["42"]])


if __name__ == "__main__":
    main()
