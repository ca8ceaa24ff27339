"""Cancel requests: the right statement ends, no other one does (semantics.md H)."""

import os
import socket
import struct
import threading
import time

import wire as w
from harness import SLOW, ClusterCase, main, psycopg2, rows, until, value

CANCEL_CODE = 80877102


class Cancel(ClusterCase):
    replicas = 1

    def sleeping(self, node=None):
        return self.backends(node or self.cluster.primary, extra="state = 'active' AND query LIKE '%pg_sleep(60)%'")

    def sleeper(self, connection, errors, sql="/* pgweir: primary */ SELECT pg_sleep(60)"):
        def sleep():
            try:
                rows(connection, sql)
                errors.append("it ended by itself")
            except psycopg2.Error as error:
                errors.append(error.pgcode)
        thread = threading.Thread(target=sleep, daemon=True)
        thread.start()
        return thread

    def test_a_running_statement(self):
        for workers in (1, 2):
            with self.subTest(workers=workers):
                weir = self.weir(proxy={"workers": workers})
                connections, errors = [self.connect(weir) for _ in range(3)], [[], [], []]
                threads = [self.sleeper(c, e) for c, e in zip(connections, errors)]
                until(lambda: self.sleeping() == 3, "three statements run")
                connections[1].cancel()
                threads[1].join(20 * SLOW)
                self.assertEqual(errors, [[], ["57014"], []], "only the second one ended")
                self.assertEqual(self.sleeping(), 2)
                self.assertEqual(value(connections[1], "SELECT 1"), 1)
                for i in (0, 2):
                    connections[i].cancel()
                    threads[i].join(20 * SLOW)
                self.assertEqual(errors, [["57014"]] * 3)

    def test_an_idle_client(self):
        """A cancel for somebody who runs nothing must not hit whoever has the server connection now."""
        weir = self.weir(pool={"default_pool_size": 1})
        idle, busy = self.connect(weir), self.connect(weir)
        value(idle, "/* pgweir: primary */ SELECT 1")
        errors = []
        thread = self.sleeper(busy, errors, "/* pgweir: primary */ SELECT pg_sleep(1.5), 'pg_sleep(60)'")
        until(lambda: self.sleeping() == 1, "it runs")
        for _ in range(10):
            idle.cancel()
        thread.join(20 * SLOW)
        self.assertEqual(errors, ["it ended by itself"])

    def test_a_waiting_client(self):
        weir = self.weir(pool={"default_pool_size": 1})
        busy, waiting = self.connect(weir), self.connect(weir)
        first, second = [], []
        one = self.sleeper(busy, first)
        until(lambda: self.sleeping() == 1, "the pool is busy")
        two = self.sleeper(waiting, second)
        until(lambda: sum(int(r["cl_waiting"]) for r in weir.console("SHOW POOLS")) == 1, "the second client waits")
        waiting.cancel()
        two.join(20 * SLOW)
        self.assertEqual((first, second), ([], ["57014"]))
        busy.cancel()
        one.join(20 * SLOW)
        self.assertEqual(first, ["57014"])

    def test_forged_keys(self):
        weir = self.weir(proxy={"auth_type": "trust"})
        raw = self.wire(weir.port, user="app")
        raw.send(w.query("/* pgweir: primary */ SELECT pg_sleep(60)"))
        until(lambda: self.sleeping() == 1, "it runs")
        forged = [os.urandom(8) for _ in range(50)]
        forged += [raw.key[:4] + os.urandom(4), os.urandom(4) + raw.key[4:]]
        for key in forged:
            self.send_cancel(weir.port, key)
        # Strange sizes: none, too short, far too long.
        for key in (b"", b"\0" * 3, b"\0" * 300):
            self.send_cancel(weir.port, key)
        self.assertEqual(self.sleeping(), 1)
        self.send_cancel(weir.port, raw.key)
        answer = raw.read_ready()
        self.assertEqual([m.fields["C"] for m in answer if m.tag == "E"], ["57014"])

    def send_cancel(self, port, key):
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.settimeout(20 * SLOW)
            connection.sendall(struct.pack(">II", 8 + len(key), CANCEL_CODE) + key)
            try:
                connection.recv(1024)  # nothing, or an error, and the end
            except ConnectionResetError:
                pass

    def test_the_process_id_is_positive(self):
        """pgjdbc sends no cancel request for another one, Npgsql refuses to for 0."""
        for workers in (1, 2):
            weir = self.weir(proxy={"workers": workers, "auth_type": "trust"})
            for client in [self.wire(weir.port, user="app") for _ in range(4)] + [self.wire(weir.port, user="admin", database="pgweir")]:
                self.assertGreater(struct.unpack_from(">i", client.key)[0], 0)

    def test_many_at_once(self):
        """Cancels that race with the statement's own end never hit the next client of a pool of one."""
        weir = self.weir(pool={"default_pool_size": 1})
        canceller, innocent = self.connect(weir), self.connect(weir)
        wrong, done = [], threading.Event()

        def work():
            while not done.is_set():
                try:
                    value(innocent, "/* pgweir: primary */ SELECT pg_sleep(0.002), 1")
                except psycopg2.Error as error:
                    wrong.append(error.pgcode)
        thread = threading.Thread(target=work)
        thread.start()
        deadline = time.monotonic() + 2
        try:
            while time.monotonic() < deadline:
                stop = threading.Timer(0.001, canceller.cancel)
                stop.start()
                try:
                    value(canceller, "/* pgweir: primary */ SELECT pg_sleep(0.001), 2")
                except psycopg2.Error as error:
                    self.assertEqual(error.pgcode, "57014")
                stop.join()
        finally:
            done.set()
            thread.join()
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    main()
