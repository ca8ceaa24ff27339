"""promote_unnamed = "auto" (issue 6, docs/sessions.md): statements without a name are prepared once, and no answer changes."""

from contextlib import closing

from harness import ClusterCase, main, pgbench, until
from wire import SYNC, bind, execute, parse, simple_statement


class Promote(ClusterCase):
    replicas = 0

    def promoting(self, **pool):
        return self.weir(pool={"default_pool_size": 1, "promote_unnamed": "auto", **pool}, proxy={"auth_type": "trust"})

    def run_segment(self, wire, sql, values=()):
        """The rows; an error fails the test."""
        wire.send(simple_statement(sql, values))
        messages = wire.read_ready()
        self.assertNotIn("E", "".join(m.tag for m in messages), messages)
        return [m.values for m in messages if m.tag == "D"]

    def test_it_is_prepared_once_and_the_answers_are_the_statements(self):
        weir = self.promoting()
        wire = self.wire(weir.port, user="app")
        for n in range(100):
            self.assertEqual(self.run_segment(wire, "SELECT $1::int + 1", [n]), [[str(n + 1)]])
        until(lambda: weir.metric("pgweir_statements_promoted_total") >= 80, "they are counted")
        self.assertLess(weir.metric("pgweir_stats_server_parses_total"), 20)
        prepared = self.run_segment(wire, "SELECT statement FROM pg_prepared_statements WHERE name LIKE 'pgweir%'")
        self.assertEqual(prepared, [["SELECT $1::int + 1"]])

    def test_off_is_the_default(self):
        weir = self.weir(pool={"default_pool_size": 1}, proxy={"auth_type": "trust"})
        wire = self.wire(weir.port, user="app")
        for n in range(10):
            self.run_segment(wire, "SELECT $1::int", [n])
        self.assertEqual(self.run_segment(wire, "SELECT count(*) FROM pg_prepared_statements"), [["0"]])

    def test_ddl_that_pgweir_did_not_see(self):
        """Whoever sends no name never meets "cached plan must not change result type"."""
        weir = self.promoting()
        self.sql("CREATE TABLE changes (a int); INSERT INTO changes VALUES (1); GRANT ALL ON changes TO app")
        self.addCleanup(self.sql, "DROP TABLE changes")
        wire = self.wire(weir.port, user="app")
        for _ in range(3):
            self.assertEqual(self.run_segment(wire, "SELECT * FROM changes"), [["1"]])
        self.sql("ALTER TABLE changes ADD b int DEFAULT 2")
        self.assertEqual(self.run_segment(wire, "SELECT * FROM changes"), [["1", "2"]])
        self.assertEqual(weir.metric("pgweir_statements_healed_total"), 1)
        self.sql("ALTER TABLE changes ALTER a TYPE text USING a || 'x'")
        self.assertEqual(self.run_segment(wire, "SELECT * FROM changes"), [["1x", "2"]])
        # In a transaction, too: there it is sent as it came.
        wire.ask("BEGIN")
        self.sql("ALTER TABLE changes ADD c int DEFAULT 3")
        self.assertEqual(self.run_segment(wire, "SELECT * FROM changes"), [["1x", "2", "3"]])
        wire.ask("COMMIT")

    def test_what_a_name_means_in_the_session(self):
        weir = self.promoting()
        self.sql("CREATE SCHEMA other; CREATE TABLE public.thing (n int); CREATE TABLE other.thing (n int);"
                 "INSERT INTO public.thing VALUES (1); INSERT INTO other.thing VALUES (2);"
                 "GRANT USAGE ON SCHEMA other TO app; GRANT ALL ON public.thing, other.thing TO app;"
                 "CREATE FUNCTION hide() RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
                 " CREATE TEMP TABLE thing (n int); INSERT INTO pg_temp.thing VALUES (3); END $$")
        self.addCleanup(self.sql, "DROP FUNCTION hide; DROP SCHEMA other CASCADE; DROP TABLE public.thing")
        sql = "SELECT n FROM thing"
        first, second = (self.wire(weir.port, user="app") for _ in range(2))
        for _ in range(3):
            self.assertEqual(self.run_segment(first, sql), [["1"]])
        second.ask("SET search_path = other")
        for _ in range(3):
            self.assertEqual(self.run_segment(second, sql), [["2"]])
            self.assertEqual(self.run_segment(first, sql), [["1"]])
        for _ in range(3):
            self.run_segment(first, "SELECT 1")
        self.run_segment(first, "SELECT hide()")  # nobody knows what is in a function
        self.assertEqual(self.run_segment(first, sql), [["3"]])
        first.close()
        until(lambda: self.run_segment(second, sql) == [["2"]], "the others go on")

    def test_ddl_through_pgweir(self):
        weir = self.promoting()
        wire = self.wire(weir.port, user="app")
        wire.ask("CREATE SCHEMA app")  # "$user", the first in search_path
        self.addCleanup(self.sql, "DROP SCHEMA app CASCADE; DROP TABLE hidden")
        wire.ask("CREATE TABLE public.hidden AS SELECT 1 AS n")
        for _ in range(3):
            self.assertEqual(self.run_segment(wire, "SELECT n FROM hidden"), [["1"]])
        wire.ask("CREATE TABLE app.hidden AS SELECT 2 AS n")
        self.assertEqual(self.run_segment(wire, "SELECT n FROM hidden"), [["2"]])

    def test_errors_are_those_of_the_statement(self):
        weir = self.promoting()
        wire = self.wire(weir.port, user="app")
        for _ in range(4):
            for sql, values, code in (("SELECT 1 / $1::int", [0], "22012"), ("SELECT * FROM nowhere", [], "42P01"),
                                      ("SELECT $1::int", ["x"], "22P02"), ("SELECT $1::int", [], "08P01")):
                wire.send(simple_statement(sql, values))
                errors = [m for m in wire.read_ready() if m.tag == "E"]
                self.assertEqual([e.fields["C"] for e in errors], [code])
        self.assertEqual(self.run_segment(wire, "SELECT 1 / $1::int", [1]), [["1"]])
        wire.send(bind(["x"]) + execute() + SYNC)
        self.assertIn("E", [m.tag for m in wire.read_ready()])
        wire.send(parse("SELECT * FROM nowhere") + SYNC)
        wire.read_ready()
        wire.send(bind() + execute() + SYNC)  # a Parse that fails leaves no statement
        self.assertEqual([m.fields["C"] for m in wire.read_ready() if m.tag == "E"], ["26000"])

    def test_a_generic_plan_that_is_dearer_is_given_back(self):
        """One value is everywhere, and its rows are looked up one by one by a plan for any value."""
        weir = self.promoting()
        self.sql("CREATE TABLE skewed AS SELECT g AS id, CASE WHEN g % 10 = 0 THEN g ELSE 1 END AS kind FROM generate_series(1, 10000) g;"
                 "CREATE INDEX ON skewed (kind); ALTER TABLE skewed ADD PRIMARY KEY (id); ANALYZE skewed; GRANT ALL ON skewed TO app")
        self.addCleanup(self.sql, "DROP TABLE skewed")
        sql = ("SELECT count(*) FROM skewed a JOIN skewed b ON b.id = a.id + 1 JOIN skewed c ON c.id = b.id + 1 "
               "WHERE a.kind = $1::int")
        wire = self.wire(weir.port, user="app")
        until(lambda: self.run_segment(wire, sql, [1]) and weir.metric("pgweir_promotions_given_back_total") == 1, "it is given back",
              120, interval=0)
        parses = weir.metric("pgweir_stats_server_parses_total")
        for _ in range(10):
            self.run_segment(wire, sql, [1])
        until(lambda: weir.metric("pgweir_stats_server_parses_total") >= parses + 10, "it runs as it comes")

    def test_a_literal_of_its_moment(self):
        weir = self.promoting()
        wire = self.wire(weir.port, user="app")
        moments = {self.run_segment(wire, "SELECT 'now'::timestamptz")[0][0] for _ in range(20)}
        self.assertEqual(len(moments), 20)

    def test_ddl_that_pgweir_did_not_see_and_reload(self):
        weir = self.promoting()
        self.sql("CREATE FUNCTION better(numeric) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'numeric' $$")
        self.addCleanup(self.sql, "DROP FUNCTION better(numeric); DROP FUNCTION better(int)")
        wire = self.wire(weir.port, user="app")
        for _ in range(4):
            self.assertEqual(self.run_segment(wire, "SELECT better($1::int)", [1]), [["numeric"]])
        self.sql("CREATE FUNCTION better(int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'int' $$")
        with closing(self.connect(weir, "admin", "admin", dbname="pgweir")) as console:
            console.cursor().execute("RELOAD")
        self.assertEqual(self.run_segment(wire, "SELECT better($1::int)", [1]), [["int"]])

    def test_a_load(self):
        weir = self.weir(pool={"default_pool_size": 5, "promote_unnamed": "auto"})
        pgbench.initialize(pgbench.environment(self.cluster.primary.port), 1)
        for select_only in (True, False):
            pgbench.run(weir.environment(), clients=8, seconds=2, protocol="extended", select_only=select_only)
        until(lambda: weir.metric("pgweir_statements_promoted_total") > 100, "statements were promoted")


if __name__ == "__main__":
    main()
