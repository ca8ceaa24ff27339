"""pgbench through pgweir in every protocol: no error, the books balance, and no more server connections than allowed."""

import os
import threading

from harness import SECONDS, ClusterCase, main, pgbench, until

CLIENTS, POOL, SCALE = 64, 10, 5


class Pgbench(ClusterCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        pgbench.initialize(pgbench.environment(cls.cluster.primary.port), SCALE)
        cls.cluster.wait_caught_up()

    def run_bench(self, weir, **options):
        return pgbench.run(weir.environment(), clients=CLIENTS, seconds=SECONDS, timeout=SECONDS + 300, **options)

    def assert_books_balance(self):
        """The invariant of the TPC-B-like script: every delta is in all four sums."""
        sums = self.sql("SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers), "
                        "(SELECT sum(bbalance) FROM pgbench_branches), (SELECT coalesce(sum(delta), 0) FROM pgbench_history)")[0]
        self.assertEqual(len(set(sums)), 1, f"abalance, tbalance, bbalance, delta: {sums}")

    def test_tpcb_in_every_protocol(self):
        weir = self.weir_with_replicas(pool={"default_pool_size": POOL})
        for protocol in ("simple", "extended", "prepared"):
            with self.subTest(protocol=protocol):
                before = int(self.sql("SELECT count(*) FROM pgbench_history")[0][0])
                result = self.run_bench(weir, protocol=protocol)
                self.assertGreater(result.transactions, 0)
                # Every transaction that pgbench counts is in the table; those cut off at the end may be, too.
                after = int(self.sql("SELECT count(*) FROM pgbench_history")[0][0])
                self.assertGreaterEqual(after - before, result.transactions)
                self.assert_books_balance()

    def test_select_only_in_every_protocol(self):
        weir = self.weir_with_replicas(pool={"default_pool_size": POOL})
        for protocol in ("simple", "extended", "prepared"):
            with self.subTest(protocol=protocol):
                before = weir.metric("pgweir_queries_routed_total", target="replica")
                result = self.run_bench(weir, protocol=protocol, select_only=True)
                reads = weir.metric("pgweir_queries_routed_total", target="replica") - before
                self.assertGreaterEqual(reads, result.transactions, "the reads went to the replicas")

    @staticmethod
    def rings(weir):
        """How many io_urings the process has, one for each worker that sends by it."""
        folder = f"/proc/{weir.pid}/fd"
        return sum("io_uring" in os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder))

    def test_with_and_without_io_uring(self):
        for wanted in (True, False):
            with self.subTest(io_uring=wanted):
                weir = self.weir_with_replicas(proxy={"workers": 2, "io_uring": wanted}, pool={"default_pool_size": POOL})
                unavailable = wanted and "event=io_uring_unavailable" in weir.log_tail()
                expected = 2 if wanted and not unavailable else 0
                until(lambda w=weir, n=expected: self.rings(w) == n, f"{expected} workers have a ring")
                self.assertGreater(self.run_bench(weir, protocol="prepared").transactions, 0)
                self.assertGreater(self.run_bench(weir, protocol="extended", select_only=True).transactions, 0)
                self.assert_books_balance()

    def watch_limit(self, workers):
        """The most connections of the pool's user that any server counts while a load of 64 clients runs."""
        weir = self.weir_with_replicas(proxy={"workers": workers}, pool={"default_pool_size": POOL})
        highest, samples, done = {}, [0], threading.Event()

        def watch():
            while not done.is_set():
                for node in self.cluster.nodes.values():
                    highest[node.name] = max(highest.get(node.name, 0), self.backends(node))
                samples[0] += 1
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            self.run_bench(weir, protocol="simple")
            self.run_bench(weir, protocol="simple", select_only=True)
            # Hundreds of short connections: the limit has to hold while pools grow and shrink, too.
            pgbench.run(weir.environment(), clients=CLIENTS, select_only=True, transactions=20, reconnect=True, timeout=300)
        finally:
            done.set()
            watcher.join()
        weir.stop()
        for node in self.cluster.nodes.values():
            until(lambda n=node: self.backends(n) == 0, f"no server connection is left on {node.name}")
        return highest, samples[0]

    def test_the_limit_holds_at_any_number_of_workers(self):
        for workers in (1, 2):
            with self.subTest(workers=workers):
                highest, samples = self.watch_limit(workers)
                self.assertGreater(samples, 3, "the servers were looked at under load")
                self.assertLessEqual(max(highest.values()), POOL, highest)
                # And it is used: 64 clients want more than 10.
                self.assertEqual(highest["primary"], POOL, highest)


if __name__ == "__main__":
    main()
