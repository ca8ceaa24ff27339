"""semantics.md C line by line: the same bytes, to PostgreSQL and through pgweir with a pool of one, get the same messages; and what
the line says of them holds. The session machines have the same conversations byte by byte in tests/unit/proxy/session."""

import unittest

import wire as w
from harness import SLOW, ClusterCase, main
from wire import SYNC, Closed, Wire

COPY_IN = w.parse("COPY c FROM STDIN") + w.bind() + w.execute()
GOOD, BAD = w.copy_data(b"1\n"), w.copy_data(b"no number\n")

# Name of the line, bytes, how many ReadyForQuery it says. `None`: the connection ends.
COUNTING = [
    ("Parse(bad), Query, Sync: the Query is swallowed", w.parse("bad") + w.query("SELECT 1") + SYNC, 1),
    ("Parse(bad), FunctionCall, Sync: likewise",
     w.parse("bad") + w.message("F", b"\0\0\x06\xaf" + b"\0\0\0\0" + b"\0\0") + SYNC, 1),
    ("Query(error), Query, Parse/Bind/Execute, Sync", w.query("bad") + w.query("SELECT 1") + w.parse("SELECT 2") + w.bind() + w.execute() +
     SYNC, 3),
    ("COPY FROM: the Sync inside CopyIn is ignored", COPY_IN + SYNC + GOOD + w.COPY_DONE + SYNC, 1),
    ("COPY FROM that fails before G", w.parse("COPY absent FROM STDIN") + w.bind() + w.execute() + SYNC + GOOD + w.COPY_DONE + SYNC, 2),
    ("COPY FROM, Sync, bad row, data, Sync", COPY_IN + SYNC + BAD + GOOD + w.COPY_DONE + SYNC, 1),
    ("COPY FROM, Sync, bad row and no more data", COPY_IN + SYNC + BAD + w.COPY_DONE + SYNC, 1),
    ("Query during an extended COPY", COPY_IN + w.query("SELECT 1") + SYNC, None),
    ("Parse Bind Execute Query Sync", w.parse("SELECT 1") + w.bind() + w.execute() + w.query("SELECT 2") + SYNC, 2),
]

IN_BLOCK = w.query("BEGIN")
LIFETIMES = [
    ("named statements survive ROLLBACK", IN_BLOCK + w.parse("SELECT 1", name="s") + SYNC + w.query("ROLLBACK") + w.bind(name="s") +
     w.execute() + SYNC),
    ("the unnamed statement survives Sync", w.parse("SELECT 1") + SYNC + w.bind() + w.execute() + SYNC),
    ("the unnamed statement dies on a Query", w.parse("SELECT 1") + SYNC + w.query("SELECT 2") + w.bind() + SYNC),
    ("named portals survive Sync inside a transaction",
     IN_BLOCK + w.parse("SELECT generate_series(1, 4)") + w.bind(portal="p") + w.execute("p", 1) + SYNC + w.execute("p", 2) + SYNC +
     w.query("COMMIT")),
    ("and die at its end", IN_BLOCK + w.parse("SELECT 1") + w.bind(portal="p") + SYNC + w.query("COMMIT") + w.execute("p") + SYNC),
    ("outside, Sync ends a suspended portal",
     w.parse("SELECT generate_series(1, 4)") + w.bind(portal="p") + w.execute("p", 1) + SYNC + w.execute("p", 1) + SYNC),
    ("Flush keeps it",
     w.parse("SELECT generate_series(1, 4)") + w.bind(portal="p") + w.execute("p", 1) + w.FLUSH + w.execute("p", 1) + SYNC),
    ("a second Parse of a name", w.parse("SELECT 1", name="s") + SYNC + w.parse("SELECT 2", name="s") + SYNC),
    ("Close of an unknown name", w.close(name="absent") + w.close("P", "absent") + SYNC),
    ("in a failed transaction Parse fails and Close works",
     w.parse("SELECT 1", name="s") + SYNC + IN_BLOCK + w.query("bad") + w.parse("SELECT 1", name="t") + SYNC + w.close(name="s") + SYNC +
     w.query("ROLLBACK") + w.bind(name="s") + SYNC),
    ("Parse(ok), Parse(bad): the first survives",
     w.parse("SELECT 1", name="a") + w.parse("bad", name="b") + SYNC + w.bind(name="a") + w.execute() + SYNC + w.bind(name="b") + SYNC),
    ("an unknown name at Bind", w.bind(name="absent") + SYNC),
    ("a statement that is closed is gone", w.parse("SELECT 1", name="s") + w.close(name="s") + w.bind(name="s") + SYNC),
    ("DEALLOCATE of a name of the protocol", w.parse("SELECT 1", name="s") + SYNC + w.query("DEALLOCATE s") + w.bind(name="s") + SYNC),
    ("DEALLOCATE ALL", w.parse("SELECT 1", name="s") + SYNC + w.query("DEALLOCATE ALL") + w.bind(name="s") + SYNC),
    ("DISCARD ALL", w.parse("SELECT 1", name="s") + SYNC + w.query("DISCARD ALL") + w.bind(name="s") + SYNC),
]

# The cache key includes the settings in force at Parse.
SETTINGS = [
    ("DateStyle", w.query("SET datestyle = 'ISO, MDY'") + w.parse("SELECT '01/02/2020'::date", name="s") + SYNC +
     w.query("SET datestyle = 'ISO, DMY'") + w.bind(name="s") + w.execute() + SYNC + w.simple_statement("SELECT '01/02/2020'::date")),
    ("TimeZone", w.query("SET timezone = 'UTC'") + w.parse("SELECT '2020-01-01 00:00'::timestamptz AT TIME ZONE 'UTC'", name="s") + SYNC +
     w.query("SET timezone = 'Asia/Tokyo'") + w.bind(name="s") + w.execute() + SYNC),
]


class SemanticsC(ClusterCase):
    replicas = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sql("CREATE TABLE c (n int); GRANT ALL ON c TO trustuser; GRANT USAGE ON SCHEMA public TO trustuser")

    def weir_for_all(self):
        return self.weir(pool={"default_pool_size": 1}, proxy={"auth_type": "trust"},
                         user=[{"name": "trustuser", "password": "trustpass"}, {"name": "admin", "password": "admin", "admin": True}])

    def ask(self, port, data):
        """All the messages to these bytes, through the answer to a last Query; (tag, what matters of it)."""
        with Wire(port, 10 * SLOW) as wire:
            wire.login("trustuser")
            wire.send(data + w.query("SELECT 'end'"))
            messages = []
            try:
                while not messages or messages[-1] != ("D", ["end"]):
                    message = wire.read()
                    messages.append(self.gist(message))
                    if message.tag == "E" and message.fields.get("R") == "StartTransactionCommand":
                        return [*messages, "broken"]  # PostgreSQL 18.6 itself; see property_test.is_broken
                messages += [self.gist(m) for m in wire.read_ready()]
            except Closed:
                messages.append("closed")
            return messages

    def gist(self, message):
        if message.tag == "E":
            return "E", message.fields["S"], message.fields["C"]
        if message.tag == "D":
            return "D", message.values
        return message.tag, message.body if message.tag in "ZCS" else b""

    def compare(self, lines):
        weir = self.weir_for_all()
        for name, data, *said in lines:
            with self.subTest(name):
                direct = self.ask(self.cluster.primary.port, data)
                through = self.ask(weir.port, data)
                if direct[-1] == "broken":
                    self.assertGreaterEqual(int(self.cluster.primary.value("SHOW server_version_num")), 180000)
                    self.assertEqual(through[:len(direct) - 2], direct[:-2], "before it broke")
                    direct = through
                self.assertEqual(through, direct)
                if said and said[0] is not None:
                    self.assertEqual(sum(m[0] == "Z" for m in direct), said[0] + 1, "with the last Query's own")
                elif said:
                    self.assertEqual(direct[-1], "closed")

    def test_counting_ready_for_query(self):
        self.compare(COUNTING)

    def test_a_sync_behind_the_bad_row_of_a_copy(self):
        """The one line that the COPY rule itself gives up: in CopyIn a Sync is dropped here, since nobody can tell yet whether the
        server will ignore it. The client that sends one there gets the error and one ReadyForQuery instead of two."""
        weir = self.weir_for_all()
        data = COPY_IN + BAD + SYNC + GOOD + w.COPY_DONE + SYNC
        direct, through = self.ask(self.cluster.primary.port, data), self.ask(weir.port, data)
        self.assertEqual(sum(m[0] == "Z" for m in direct), 3)
        self.assertIn(through, (direct, [m for i, m in enumerate(direct) if i == 0 or m[0] != "Z" or direct[i - 1] != m]))

    def test_lifetimes(self):
        self.compare(LIFETIMES)

    def test_statements_keep_the_settings_of_their_parse(self):
        self.compare(SETTINGS)

    def test_one_server_connection_later(self):
        """The same lifetimes when another client has used the only server connection in between."""
        weir = self.weir_for_all()
        mine, other = Wire(weir.port, 10 * SLOW).login("trustuser"), Wire(weir.port, 10 * SLOW).login("trustuser")
        with mine, other:
            for sql, name in (("SELECT 1", "s"), ("SELECT 2", "")):
                mine.send(w.parse(sql, name=name) + SYNC)
                mine.read_ready()
            other.send(w.parse("SELECT 'other'", name="s") + w.parse("SELECT 'other'") + SYNC + w.simple_statement("SELECT 3"))
            other.read_ready(2)
            mine.send(w.bind(name="s") + w.execute() + w.bind() + w.execute() + SYNC)
            self.assertEqual([m.values for m in mine.read_ready() if m.tag == "D"], [["1"], ["2"]])


if __name__ == "__main__":
    main()
