"""COPY in both directions, also when it fails, and what the connection is good for afterwards (semantics.md C)."""

import io

import wire as w
from harness import ClusterCase, main, psycopg2, rows, until, value


class Copy(ClusterCase):
    replicas = 1

    def setUp(self):
        # A pool of one: a connection that COPY left in a bad state would be the next statement's.
        self.proxy = self.weir_with_replicas(pool={"default_pool_size": 1}, proxy={"auth_type": "trust"})
        self.sql("DROP TABLE IF EXISTS t; CREATE TABLE t (n int, s text); GRANT ALL ON t TO public")
        self.connection = self.connect(self.proxy)
        self.raw = self.wire(self.proxy.port, user="app")

    def copy(self, sql, data=""):
        stream = io.StringIO(data)
        with self.connection.cursor() as cursor:
            cursor.copy_expert(sql, stream)
        return stream.getvalue()

    def count(self):
        return value(self.connection, "/* pgweir: primary */ SELECT count(*) FROM t")

    def assert_usable(self):
        self.assertEqual(value(self.connect(self.proxy), "/* pgweir: primary */ SELECT 42"), 42)

    def test_in_and_out(self):
        lines = "".join(f"{n}\trow {n}\n" for n in range(20_000))
        self.copy("COPY t FROM STDIN", lines)
        self.assertEqual(self.count(), 20_000)
        self.assertEqual(self.copy("/* pgweir: primary */ COPY t TO STDOUT"), lines)
        self.cluster.wait_caught_up()
        self.assertEqual(self.copy("COPY (SELECT * FROM t ORDER BY n) TO STDOUT"), lines)

    def test_out_comes_from_a_replica(self):
        self.assertEqual(self.copy("COPY (SELECT name FROM which_server) TO STDOUT"), "replica1\n")

    def test_a_bad_row(self):
        with self.assertRaises(psycopg2.errors.InvalidTextRepresentation):
            self.copy("COPY t FROM STDIN", "1\tgood\n" + "x\tbad\n" + "2\tgood\n" * 100_000)
        self.assertEqual(self.count(), 0)
        self.assert_usable()

    def test_the_server_ends_the_copy_in_the_middle_of_a_message(self):
        self.raw.send(w.query("COPY t FROM STDIN"))
        self.assertEqual(self.raw.read().tag, "G")
        long = w.copy_data(b"2\tgood\n" * 10_000)
        self.raw.send(w.copy_data(b"x\tbad\n" * 2) + long[:100])
        answer = self.raw.read_ready()
        self.assertEqual([m.tag for m in answer], ["E", "Z"])
        # The pool's only connection still waits for the rest of the message: nobody else may have it.
        other = self.wire(self.proxy.port, user="app")
        other.send(w.query("/* pgweir: primary */ SELECT 42"))
        until(lambda: self.proxy.metric("pgweir_waiting_clients") == 1, "the other client waits")
        self.raw.send(long[100:] + w.COPY_DONE)
        self.assertEqual([m.values for m in other.read_ready() if m.tag == "D"], [["42"]])
        self.assertEqual(self.raw.ask("/* pgweir: primary */ SELECT count(*) FROM t"), [["0"]])

    def test_the_client_goes_before_the_copy_begins(self):
        """The server's CopyInResponse finds nobody: the COPY is failed, and the connection is the next client's."""
        locker = self.wire(self.proxy.port, user="app")
        single = self.weir(pool={"default_pool_size": 1}, proxy={"auth_type": "trust"})
        self.assertEqual(locker.ask("BEGIN"), [])
        locker.ask("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        leaving = self.wire(single.port, user="app")
        leaving.send(w.query("COPY t FROM STDIN"))
        until(lambda: self.backends(self.cluster.primary, extra="wait_event_type = 'Lock'") == 1, "the COPY waits for the lock")
        leaving.close()
        locker.ask("COMMIT")
        after = self.wire(single.port, user="app")
        self.assertEqual(after.ask("/* pgweir: primary */ SELECT count(*) FROM t"), [["0"]])

    def test_a_slow_reader_and_the_next_client(self):
        """Whose answers nobody takes holds its connection; the next client has another, and both are answered."""
        slow = self.wire(self.proxy.port, user="app")
        slow.send(w.query("/* pgweir: primary */ SELECT repeat('x', 1000) FROM generate_series(1, 20000)"))
        until(lambda: self.backends(self.cluster.primary, extra="wait_event = 'ClientWrite'") == 1, "nobody reads")
        other = self.wire(self.proxy.port, user="app")
        other.send(w.query("/* pgweir: primary */ SELECT 42"))
        slow.read_ready()
        self.assertEqual([m.values for m in other.read_ready() if m.tag == "D"], [["42"]])

    def test_a_missing_table(self):
        with self.assertRaises(psycopg2.errors.UndefinedTable):
            self.copy("COPY absent FROM STDIN", "1\tx\n" * 1000)
        self.assert_usable()

    def test_the_client_gives_up(self):
        self.raw.send(w.query("COPY t FROM STDIN"))
        self.assertEqual(self.raw.read().tag, "G")
        self.raw.send(w.copy_data(b"1\tx\n") + w.message("f", w.text("changed my mind")))
        answer = self.raw.read_ready()
        self.assertEqual([(m.tag, m.fields["C"]) for m in answer if m.tag == "E"], [("E", "57014")])
        self.assertEqual(self.count(), 0)

    def test_a_large_row(self):
        self.copy("COPY t FROM STDIN", "1\t" + "y" * 5_000_000 + "\n")
        self.assertEqual(value(self.connection, "/* pgweir: primary */ SELECT length(s) FROM t"), 5_000_000)
        self.assertEqual(len(self.copy("/* pgweir: primary */ COPY t TO STDOUT")), 5_000_003)

    def test_in_a_transaction(self):
        rows(self.connection, "BEGIN")
        self.copy("COPY t FROM STDIN", "1\tx\n")
        self.assertEqual(value(self.connection, "SELECT count(*) FROM t"), 1)
        rows(self.connection, "ROLLBACK")
        self.assertEqual(self.count(), 0)

    # The rows of semantics.md C's table, each of which a static count of ReadyForQuery gets wrong.

    def extended_copy(self, sql):
        return w.parse(sql) + w.bind() + w.execute()

    def test_a_sync_inside_copy_is_ignored(self):
        self.raw.send(self.extended_copy("COPY t FROM STDIN") + w.SYNC + w.copy_data(b"1\tx\n") + w.COPY_DONE + w.SYNC)
        answer = self.raw.read_ready()
        self.assertEqual([m.tag for m in answer], ["1", "2", "G", "C", "Z"])
        self.assertEqual(self.raw.ask("/* pgweir: primary */ SELECT count(*) FROM t"), [["1"]])

    def test_the_copy_fails_before_it_begins(self):
        self.raw.send(self.extended_copy("COPY absent FROM STDIN") + w.SYNC + w.copy_data(b"1\tx\n") + w.COPY_DONE + w.SYNC)
        answer = self.raw.read_ready(2)
        self.assertEqual([m.tag for m in answer], ["1", "2", "E", "Z", "Z"])
        self.assertEqual(self.raw.ask("/* pgweir: primary */ SELECT count(*) FROM t"), [["0"]])

    def test_a_bad_row_in_an_extended_copy(self):
        self.raw.send(self.extended_copy("COPY t FROM STDIN") + w.copy_data(b"x\tbad\n") + w.SYNC + w.COPY_DONE + w.SYNC)
        # One Z or two, by how far the server was when the Sync came: then a marker tells that all is in step.
        self.raw.send(w.query("/* pgweir: primary */ SELECT 'marker'"))
        answer = []
        while not any(m.tag == "D" for m in answer):
            answer += self.raw.read_ready()
        self.assertIn("22P02", [m.fields["C"] for m in answer if m.tag == "E"])
        self.assertEqual(self.raw.ask("/* pgweir: primary */ SELECT count(*) FROM t"), [["0"]])


if __name__ == "__main__":
    main()
