"""What the tests of reading one's own writes share: two replicas whose replay they stop, and a counter for every client."""

import threading
from contextlib import contextmanager

import harness
from harness import ClusterCase, psycopg2, rows

REPLICAS = {"replica1", "replica2"}
CLIENTS = 50
READ = "SELECT c.value, s.name FROM counters c, which_server s WHERE c.id = %s"


class Causal(ClusterCase):
    settings = "max_standby_streaming_delay = -1\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sql(f"""
            CREATE TABLE counters (id int PRIMARY KEY, value bigint NOT NULL);
            INSERT INTO counters SELECT n, 0 FROM generate_series(0, {CLIENTS}) n;
            CREATE FUNCTION bump(which int, wanted bigint) RETURNS void LANGUAGE sql
                AS 'UPDATE counters SET value = wanted WHERE id = which';
            GRANT ALL ON counters TO public""")
        cls.cluster.wait_caught_up()

    def setUp(self):
        self.addCleanup(self.resume)

    def proxy(self, consistency=None, database=None, user=None, workers=1, **routing):
        routing = {"max_lag": "0s", "max_lag_bytes": 0, "consistency": consistency, **routing}
        more = {name: value for name, value in (("database", database), ("user", user)) if value}
        return self.weir_with_replicas(routing=routing, proxy={"workers": workers, "auth_type": "trust"}, pool={"default_pool_size": 20},
                                       monitor={"interval": "200ms", "timeout": "2s"}, **more)

    def pause(self, *names):
        for name in names or REPLICAS:
            self.cluster.node(name).pause_replay()

    def resume(self, *names):
        for node in self.cluster.replicas:
            if node.name in (names or REPLICAS) and node.accepts() and node.in_recovery():
                node.resume_replay()

    def caught_up(self):
        self.resume()
        self.cluster.wait_caught_up()

    @staticmethod
    def read(connection, which_one=0):
        """A counter's value, and the server that told it."""
        return rows(connection, READ, (which_one,))[0]

    def next_value(self):
        Causal.counter = getattr(Causal, "counter", 1000) + 1
        return Causal.counter

    def write(self, connection, which_one=0):
        wanted = self.next_value()
        rows(connection, "UPDATE counters SET value = %s WHERE id = %s", (wanted, which_one))
        return wanted

    @contextmanager
    def in_background(self, what):
        answer = []

        def run():
            try:
                answer.append(what())
            except psycopg2.Error as error:
                answer.append(error.pgcode)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield answer
        thread.join(20 * harness.SLOW)
        self.assertFalse(thread.is_alive(), "it hangs")
