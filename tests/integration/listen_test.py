"""LISTEN and NOTIFY in transaction pooling: one connection listens for all clients of a database (semantics.md D)."""

import select
import unittest

from harness import ClusterCase, main, psycopg2, rows, until, value
from wire import query


class Listen(ClusterCase):
    replicas = 1

    def setUp(self):
        self.weir_ = self.weir(pool={"default_pool_size": 2}, proxy={"workers": 2, "auth_type": "trust", "notification_buffer_size": 65536})

    def listener(self, channel="jobs", **more):
        connection = self.connect(self.weir_, **more)
        rows(connection, f'LISTEN "{channel}"')
        return connection

    def notify(self, payload, channel="jobs"):
        self.sql(f"SELECT pg_notify('{channel}', '{payload}')")

    def received(self, connection, count=1):
        """The payloads of the next `count` notifications, whose channel and order are looked at by the caller."""
        def poll():
            select.select([connection], [], [], 0.05)
            connection.poll()
            return len(connection.notifies) >= count
        until(poll, f"{count} notifications")
        taken, connection.notifies[:] = list(connection.notifies), []
        return taken

    def listening(self):
        """Connections that listen, as PostgreSQL counts them."""
        return self.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgweir_listen'")[0][0]

    def test_many_clients_one_connection_and_no_pin(self):
        listeners = [self.listener() for _ in range(20)]  # ten times the pool's size
        self.notify("one")
        self.notify("two")
        for connection in listeners:
            self.assertEqual([n.payload for n in self.received(connection, 2)], ["one", "two"])
        self.assertEqual(self.listening(), "1")
        self.assertTrue(all(client["pinned"] in ("", None) for client in self.weir_.console("SHOW CLIENTS")))
        self.assertEqual({server["state"] for server in self.weir_.console("SHOW SERVERS") if server["application_name"] == "pgweir_listen"},
                         {"listen"})

    def test_a_notification_sent_through_pgweir_reaches_all_who_listen_to_its_channel(self):
        mine, other = self.listener(), self.listener("other")
        sender = self.connect(self.weir_)
        rows(sender, "NOTIFY jobs, 'hello'")
        rows(mine, "NOTIFY other, 'to you'")
        self.assertEqual([(n.channel, n.payload) for n in self.received(mine)], [("jobs", "hello")])
        self.assertEqual([(n.channel, n.payload) for n in self.received(other)], [("other", "to you")])

    def test_what_is_acknowledged_listens(self):
        """A NOTIFY behind the answer to LISTEN is never missed, however new the listening connection is."""
        for i in range(10):
            connection = self.listener(f"fresh{i}")
            self.notify(str(i), f"fresh{i}")
            self.assertEqual([n.payload for n in self.received(connection)], [str(i)])
            connection.close()

    def test_unlisten(self):
        connection = self.listener()
        rows(connection, "LISTEN b")
        rows(connection, "UNLISTEN jobs")
        self.notify("gone")
        self.notify("here", "b")
        self.assertEqual([n.payload for n in self.received(connection)], ["here"])
        rows(connection, "UNLISTEN *")
        self.notify("gone", "b")
        rows(connection, "LISTEN c")
        self.notify("here", "c")
        self.assertEqual([n.payload for n in self.received(connection)], ["here"])

    def test_discard_all_unlistens(self):
        connection = self.listener()
        rows(connection, "DISCARD ALL")
        rows(connection, "LISTEN b")
        self.notify("gone")
        self.notify("here", "b")
        self.assertEqual([n.payload for n in self.received(connection)], ["here"])

    def test_a_rolled_back_listen_does_not_stick(self):
        connection = self.connect(self.weir_, autocommit=False)
        rows(connection, "LISTEN jobs")
        connection.rollback()
        rows(connection, "LISTEN b")
        connection.commit()
        self.notify("gone")
        self.notify("here", "b")
        self.assertEqual([n.payload for n in self.received(connection)], ["here"])

    def test_nothing_comes_within_a_transaction(self):
        wire = self.wire(self.weir_.port, user="app")
        wire.send(query("LISTEN jobs"))
        self.assertEqual("".join(m.tag for m in wire.read_ready()), "CZ")
        wire.send(query("BEGIN"))
        wire.read_ready()
        self.notify("later")
        until(lambda: self.weir_.metric("pgweir_notifications_received_total") >= 1, "the notification came")
        wire.send(query("SELECT 1"))
        self.assertEqual("".join(m.tag for m in wire.read_ready()), "TDCZ")
        wire.send(query("COMMIT"))
        self.assertEqual("".join(m.tag for m in wire.read_ready()), "CZ")
        self.assertEqual(wire.read().tag, "A")

    def test_a_client_that_stays_in_a_transaction_is_ended_not_silently_cut_short(self):
        wire = self.wire(self.weir_.port, user="app")
        for sql in ("LISTEN jobs", "BEGIN"):
            wire.send(query(sql))
            wire.read_ready()
        self.sql("SELECT pg_notify('jobs', repeat('x', 7000) || i) FROM generate_series(1, 20) i")
        error = wire.read_to_end()[-1]
        self.assertEqual((error.tag, error.fields["S"], error.fields["C"]), ("E", "FATAL", "53400"))
        until(lambda: not self.backends(self.cluster.primary, extra="state <> 'idle'"), "its transaction is gone")

    def test_the_loss_of_the_listening_connection_is_told(self):
        connection = self.listener()
        bystander = self.connect(self.weir_)
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgweir_listen'")

        def lost():
            try:
                connection.poll()
                return False
            except psycopg2.OperationalError:
                return True
        until(lost, "the listener is told")
        self.assertEqual(value(bystander, "SELECT 1"), 1)
        again = self.listener()
        self.notify("back")
        self.assertEqual([n.payload for n in self.received(again)], ["back"])

    def test_a_listener_in_another_encoding_keeps_its_server_connection(self):
        connection = self.connect(self.weir_, client_encoding="LATIN1")
        rows(connection, "LISTEN jobs")
        self.notify("é")
        self.assertEqual([n.payload for n in self.received(connection)], ["é"])
        self.assertEqual([c["pinned"] for c in self.weir_.console("SHOW CLIENTS") if c["pinned"]], ["listen"])

    def test_session_pooling_listens_on_its_own_connection(self):
        weir = self.weir(pool={"pool_mode": "session"})
        connection = self.connect(weir)
        rows(connection, "LISTEN jobs")
        self.notify("direct")
        self.assertEqual([n.payload for n in self.received(connection)], ["direct"])
        self.assertEqual(weir.metric("pgweir_notifications_received_total"), 0)


if __name__ == "__main__":
    main()
