"""The extended protocol over many backends: what a pipeline answers through pgweir is what PostgreSQL itself answers.

Each case sends the same bytes to the primary and to pgweir and compares tags, SQLSTATEs, rows and states (semantics.md C).
"""

import wire as w
from harness import ClusterCase, Wire, main

SYNC, FLUSH = w.SYNC, w.FLUSH

# Name: bytes of each step; all that a step makes the server send is read before the next (up to the marker behind it).
CASES = {
    "one statement": [w.simple_statement("SELECT 1")],
    "two statements before one Sync": [w.parse("SELECT 1") + w.bind() + w.execute() + w.parse("SELECT 2") + w.bind() + w.execute() + SYNC],
    "two segments in one packet": [w.simple_statement("SELECT 1") + w.simple_statement("SELECT 2")],
    "parameters": [w.simple_statement("SELECT $1::int + 1, $2::text", [41, "x"])],
    "a NULL parameter": [w.simple_statement("SELECT $1::int IS NULL", [None])],
    "a named statement, later": [w.parse("SELECT $1::int", "s") + SYNC, w.bind([1], "s") + w.execute() + SYNC,
                                 w.bind([2], "s") + w.execute() + SYNC],
    "a named statement after a write": [w.parse("SELECT 7", "s") + SYNC, w.simple_statement("CREATE TEMP TABLE x (n int)"),
                                        w.bind([], "s") + w.execute() + SYNC],
    "describe a statement": [w.parse("SELECT $1::int AS a, 'x' AS b", "s") + w.describe("S", "s") + SYNC],
    "describe it in a later segment": [w.parse("SELECT $1::int AS a", "s") + SYNC, w.describe("S", "s") + SYNC],
    "a Parse of a name that exists": [w.parse("SELECT 1", "s") + SYNC, w.parse("SELECT 2", "s") + SYNC],
    "close and parse again": [w.parse("SELECT 1", "s") + SYNC, w.close("S", "s") + w.parse("SELECT 2", "s") + SYNC,
                              w.bind([], "s") + w.execute() + SYNC],
    "close of an unknown name": [w.close("S", "unknown") + SYNC],
    "bind of an unknown name": [w.bind([], "unknown") + w.execute() + SYNC],
    "bind after close": [w.parse("SELECT 1", "s") + SYNC, w.close("S", "s") + SYNC, w.bind([], "s") + w.execute() + SYNC],
    "a bad statement": [w.parse("SELEC 1") + w.bind() + w.execute() + SYNC, w.query("SELECT 1")],
    "a good Parse, then a bad one": [w.parse("SELECT 1", "good") + w.parse("SELEC", "bad") + SYNC,
                                     w.bind([], "good") + w.execute() + SYNC, w.bind([], "bad") + w.execute() + SYNC],
    "an error swallows a Query": [w.parse("SELEC 1") + w.query("SELECT 'swallowed'") + SYNC],
    "an error skips to Sync": [w.simple_statement("SELECT 1/0") + w.simple_statement("SELECT 'after'")],
    "an error in a Query skips nothing": [w.query("SELECT 1/0") + w.query("SELECT 2") + w.simple_statement("SELECT 3")],
    "a Query amid extended messages": [w.parse("SELECT 1") + w.bind() + w.execute() + w.query("SELECT 2") + SYNC],
    "a division by zero in the second of three": [w.simple_statement("SELECT 1") + w.simple_statement("SELECT 1/0") +
                                                  w.simple_statement("SELECT 3")],
    "the unnamed statement survives Sync": [w.parse("SELECT 5") + SYNC, w.bind() + w.execute() + SYNC],
    "the unnamed statement dies on a Query": [w.parse("SELECT 5") + SYNC, w.query("SELECT 6"), w.bind() + w.execute() + SYNC],
    "a portal in a transaction": [w.query("BEGIN"), w.parse("SELECT generate_series(1, 5)") + w.bind([], "", "p") +
                                  w.execute("p", 2) + SYNC, w.execute("p", 2) + SYNC, w.close("P", "p") + SYNC, w.query("COMMIT")],
    "a portal outside a transaction": [w.parse("SELECT generate_series(1, 5)") + w.bind([], "", "p") + w.execute("p", 2) + SYNC,
                                       w.execute("p", 2) + SYNC],
    "a failed transaction": [w.query("BEGIN"), w.simple_statement("SELECT 1/0"), w.simple_statement("SELECT 1"),
                             w.close("S", "x") + SYNC, w.query("ROLLBACK"), w.query("SELECT 2")],
    "a statement parsed in a transaction that failed": [w.query("BEGIN"), w.parse("SELECT 8", "kept") + SYNC, w.query("SELECT 1/0"),
                                                        w.query("ROLLBACK"), w.bind([], "kept") + w.execute() + SYNC],
    "COMMIT AND CHAIN": [w.query("BEGIN"), w.query("COMMIT AND CHAIN"), w.query("SELECT 1"), w.query("COMMIT")],
    "an implicit transaction": [w.query("SELECT 1; SELECT 2; SELECT 3"), w.query("SELECT 1; SELECT 1/0; SELECT 2")],
    "an empty query": [w.query(""), w.query(" ; ;"), w.simple_statement("")],
    "a Flush before Sync": [w.parse("SELECT 1") + w.bind() + w.execute() + FLUSH + SYNC],
    "nothing but Syncs": [SYNC + SYNC + SYNC],
    "a Parse only": [w.parse("SELECT 1", "s") + SYNC],
    "a maximum of rows, then the next statement": [w.parse("SELECT generate_series(1, 5)") + w.bind() + w.execute("", 3) +
                                                   w.parse("SELECT 'next'") + w.bind() + w.execute() + SYNC],
    "DEALLOCATE ALL forgets protocol statements": [w.parse("SELECT 1", "s") + SYNC, w.query("DEALLOCATE ALL"),
                                                   w.bind([], "s") + w.execute() + SYNC, w.parse("SELECT 2", "s") + SYNC],
    "DISCARD ALL forgets them, too": [w.parse("SELECT 1", "s") + SYNC, w.query("DISCARD ALL"), w.bind([], "s") + w.execute() + SYNC],
    "DEALLOCATE of a protocol statement": [w.parse("SELECT 1", "s") + SYNC, w.query("DEALLOCATE s"),
                                           w.bind([], "s") + w.execute() + SYNC],
    "COPY out": [w.query("COPY (SELECT 1) TO STDOUT"), w.simple_statement("COPY (SELECT 2) TO STDOUT")],
    "COPY in": [w.query("CREATE TEMP TABLE c (n int)"), w.query("COPY c FROM STDIN") + w.copy_data(b"1\n") + w.COPY_DONE,
                w.query("SELECT count(*) FROM c")],
    "a late CopyData is ignored": [w.query("SELECT 1") + w.copy_data(b"x\n") + w.COPY_DONE, w.query("SELECT 2")],
    "a FunctionCall": [w.message("F", b"\0\0\x04\xd2" + b"\0\0" + b"\0\0" + b"\0\0"), w.query("SELECT 1")],
}

# Behind each step, to know that all of its answer has come: works in a failed transaction, and unlike a Query it leaves the
# unnamed statement alone. Three times, which no case does by itself.
MARK = (w.close("S", "no such statement") + SYNC) * 3
MARKED = ["3", "Z"] * 3


class Extended(ClusterCase):
    def answers(self, wire, steps):
        """What each step is answered with, through the marker's own answer."""
        shapes = []
        for step in steps:
            wire.send(step + SYNC + MARK)
            messages = []
            while [m.tag for m in messages[-6:]] != MARKED:
                messages += wire.read_ready()
            shapes.append(w.shape(messages))
        return shapes

    def compare(self, weir, name, steps):
        with Wire(self.cluster.primary.port) as direct, Wire(weir.port) as proxied:
            direct.login("trustuser")
            proxied.login("trustuser")
            expected, got = self.answers(direct, steps), self.answers(proxied, steps)
        for number, (want, have) in enumerate(zip(expected, got)):
            self.assertEqual(have, want, f"{name}, step {number + 1}")

    def weir_for(self, **settings):
        settings.setdefault("proxy", {"auth_type": "trust"})
        return self.weir_with_replicas(user=[{"name": "trustuser", "password": "trustpass"},
                                             {"name": "admin", "password": "admin", "admin": True}], **settings)

    def test_the_same_answers_as_without_a_proxy(self):
        weir = self.weir_for()
        for name, steps in CASES.items():
            with self.subTest(case=name):
                self.compare(weir, name, steps)

    def test_and_with_a_single_server_connection(self):
        """Every case meets what the one before left."""
        weir = self.weir_for(pool={"default_pool_size": 1}, routing={"split": "off"})
        for name, steps in CASES.items():
            with self.subTest(case=name):
                self.compare(weir, name, steps)

    def test_in_session_mode(self):
        weir = self.weir_for(pool={"pool_mode": "session", "default_pool_size": 5})
        for name, steps in CASES.items():
            with self.subTest(case=name):
                self.compare(weir, name, steps)

    def test_a_prepared_statement_follows_its_client(self):
        """On both replicas and on the primary, under one name that means different things to two clients."""
        weir = self.weir_for(routing={"consistency": "eventual"})
        with Wire(weir.port) as a, Wire(weir.port) as b:
            for wire, text in ((a, "'of a'"), (b, "'of b'")):
                wire.login("trustuser")
                wire.send(w.parse(f"SELECT {text}, name FROM which_server", "s") + SYNC)
                wire.read_ready()
            seen = {"a": set(), "b": set()}
            for _ in range(12):
                for key, wire in (("a", a), ("b", b), ("b", b)):  # three turns on two replicas, so everybody meets both
                    wire.send(w.bind([], "s") + w.execute() + SYNC)
                    row = [m.values for m in wire.read_ready() if m.tag == "D"][0]
                    self.assertEqual(row[0], f"of {key}")
                    seen[key].add(row[1])
            self.assertEqual(seen, {"a": {"replica1", "replica2"}, "b": {"replica1", "replica2"}})

    def test_the_settings_at_parse_are_part_of_a_statement(self):
        """semantics.md C: '01/02/2020'::date prepared under MDY and under DMY are two statements."""
        weir = self.weir_for(pool={"default_pool_size": 1})
        with Wire(weir.port) as a, Wire(weir.port) as b:
            dates = []
            for wire, style in ((a, "ISO, MDY"), (b, "ISO, DMY")):
                wire.login("trustuser")
                wire.ask(f"SET datestyle = '{style}'")
                wire.send(w.parse("SELECT extract(month FROM '01/02/2020'::date)::int", "s") + SYNC)
                wire.read_ready()
            for wire in (a, b):
                wire.send(w.bind([], "s") + w.execute() + SYNC)
                dates += [m.values[0] for m in wire.read_ready() if m.tag == "D"]
            self.assertEqual(dates, ["1", "2"])

    def test_more_statements_than_a_server_keeps(self):
        weir = self.weir_for(pool={"default_pool_size": 1, "max_prepared_statements": 5})
        with Wire(weir.port) as wire:
            wire.login("trustuser")
            for n in range(20):
                wire.send(w.parse(f"SELECT {n}", f"s{n}") + SYNC)
                wire.read_ready()
            for n in [*range(20), *reversed(range(20))]:
                wire.send(w.bind([], f"s{n}") + w.execute() + SYNC)
                self.assertEqual([m.values for m in wire.read_ready() if m.tag == "D"], [[str(n)]])
            kept = [int(row["prepared_statements"]) for row in weir.console("SHOW SERVERS")]
            self.assertLessEqual(max(kept), 5)

    def test_a_long_pipeline(self):
        weir = self.weir_for(pool={"default_pool_size": 2})
        with Wire(weir.port, 60) as wire:
            wire.login("trustuser")
            wire.send(b"".join(w.simple_statement("SELECT $1::int", [n]) for n in range(2000)))
            got = [m.values[0] for m in wire.read_ready(2000) if m.tag == "D"]
            self.assertEqual(got, [str(n) for n in range(2000)])

    def test_a_client_that_does_not_read(self):
        """Back-pressure: megabytes wait in the server, not in pgweir, and others go on."""
        weir = self.weir_for()
        before = weir.usage().rss_bytes()
        with Wire(weir.port, 60) as slow, Wire(weir.port) as other:
            slow.login("trustuser")
            other.login("trustuser")
            slow.send(w.query("SELECT repeat('x', 1000) FROM generate_series(1, 100000)"))
            for _ in range(50):
                self.assertEqual(other.ask("SELECT 1"), [["1"]])
            self.assertLess(weir.usage().rss_bytes() - before, 20_000_000)
            self.assertEqual(sum(m.tag == "D" for m in slow.read_ready()), 100_000)


if __name__ == "__main__":
    main()
