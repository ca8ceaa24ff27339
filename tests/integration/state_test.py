"""Session state in transaction pooling: settings that follow their client, pins that end, the policy against them, limits,
and statements outdated by DDL (semantics.md C and D)."""

import unittest

from harness import ClusterCase, main, psycopg2, rows, until, value
from wire import bind, describe, execute, parse, query, simple_statement, SYNC


class State(ClusterCase):
    replicas = 1

    def pinned(self, weir):
        return [c["pinned"] for c in weir.console("SHOW CLIENTS") if c["pinned"]]

    def test_settings_follow_their_client(self):
        weir = self.weir(pool={"default_pool_size": 1}, routing={"split": "off"})
        a, b = self.connect(weir), self.connect(weir)
        rows(a, "SET statement_timeout = '7s'")
        rows(a, "SET search_path = public, \"Weird schema\"")
        rows(a, "SELECT set_config('app.tenant', %s, false)", ("it's 7 \\ é",))
        rows(b, "SET statement_timeout = 9000; SET app.tenant = 'b'")
        for _ in range(3):
            self.assertEqual(value(a, "SHOW statement_timeout"), "7s")
            self.assertEqual(value(b, "SHOW statement_timeout"), "9s")
            self.assertEqual(value(a, "SHOW search_path"), 'public, "Weird schema"')
            self.assertEqual(value(b, "SHOW search_path"), '"$user", public')
            self.assertEqual(value(a, "SHOW app.tenant"), "it's 7 \\ é")
            self.assertEqual(value(b, "SHOW app.tenant"), "b")
        rows(a, "RESET ALL")
        self.assertEqual(value(a, "SHOW statement_timeout"), "0")
        self.assertEqual(value(b, "SHOW statement_timeout"), "9s")
        self.assertEqual(self.pinned(weir), [])

    def test_settings_go_to_replicas_too(self):
        # The catalog would know that the view looks at a setting, and the session has just written.
        weir = self.weir_with_replicas(routing={"consistency": "eventual", "catalog_interval": "0s"})
        connection = self.connect(weir)
        rows(connection, "SET app.tenant = '42'")
        rows(connection, "CREATE VIEW tenant AS SELECT current_setting('app.tenant', true) AS t, current_setting('cluster_name') AS c")
        self.addCleanup(self.sql, "DROP VIEW tenant")
        self.cluster.wait_caught_up()
        self.assertEqual(rows(connection, "SELECT * FROM tenant"), [("42", "replica1")])

    def test_settings_are_staged_in_transactions(self):
        weir = self.weir(pool={"default_pool_size": 1}, routing={"split": "off"})
        a = self.connect(weir, autocommit=False)
        rows(a, "SET app.x = '1'")
        rows(a, "SAVEPOINT s")
        rows(a, "SET app.x = '2'")
        rows(a, "ROLLBACK TO s")
        rows(a, "SET LOCAL app.y = 'local'")
        a.commit()
        b = self.connect(weir)
        self.assertIn(value(b, "SELECT current_setting('app.x', true)"), (None, ""))
        self.assertEqual(value(a, "SHOW app.x"), "1")
        self.assertIn(value(a, "SELECT current_setting('app.y', true)"), (None, ""))
        rows(a, "SET app.x = '3'")
        a.rollback()
        rows(b, "SELECT 1")
        self.assertEqual(value(a, "SHOW app.x"), "1")
        a.commit()
        self.assertEqual(self.pinned(weir), [])

    def test_the_same_setting_in_a_function_is_seen_by_the_probe(self):
        weir = self.weir(pool={"default_pool_size": 1}, routing={"split": "off"})
        a = self.connect(weir)
        rows(a, "SET work_mem = '5MB'")
        rows(a, "DO $$ BEGIN PERFORM 1; END $$")
        rows(a, "SELECT 1")
        self.assertEqual(self.pinned(weir), [], "it is as it was")
        rows(a, "DO $$ BEGIN PERFORM set_config('work_mem', '6MB', false); END $$")
        rows(a, "SELECT 1")
        self.assertEqual(self.pinned(weir), ["state"])
        self.assertEqual(value(a, "SHOW work_mem"), "6MB")

    def test_pins_end_when_they_have_lost_their_reason(self):
        weir = self.weir(routing={"split": "off"})
        for take, give in (("CREATE TEMP TABLE t (a int)", "DROP TABLE t"),
                           ("SELECT pg_advisory_lock(7)", "SELECT pg_advisory_unlock(7)"),
                           ("PREPARE p AS SELECT 1", "DEALLOCATE p"),
                           ("SET ROLE app", "RESET ROLE"),
                           ("SET work_mem = E'7MB'", "DISCARD ALL")):
            with self.subTest(take):
                connection = self.connect(weir)
                rows(connection, take)
                self.assertEqual(len(self.pinned(weir)), 1)
                rows(connection, give)
                until(lambda: self.pinned(weir) == [], "the pin is gone")
                self.assertEqual(value(connection, "SELECT 1"), 1)
                connection.close()
        connection = self.connect(weir, autocommit=False)
        rows(connection, "CREATE TEMP TABLE t (a int) ON COMMIT DROP")
        connection.commit()
        until(lambda: self.pinned(weir) == [], "the pin is gone")

    def test_what_a_function_sets_under_an_unlisted_name_is_nobody_elses(self):
        weir = self.weir(pool={"default_pool_size": 1}, routing={"split": "off"})
        a, b = self.connect(weir), self.connect(weir)
        rows(a, "SET app.known = 'a'")
        rows(a, "DO $$ BEGIN PERFORM set_config('app.secret', 'a''s', false); END $$")
        self.assertIn(value(b, "SELECT current_setting('app.secret', true)"), (None, ""))
        self.assertIn(value(b, "SELECT current_setting('app.known', true)"), (None, ""))
        self.assertEqual(value(a, "SHOW app.known"), "a")

    def test_on_session_state_reject(self):
        weir = self.weir(database=[{"name": "app", "on_session_state": "reject"}, {"name": "*"}], routing={"split": "off"})
        connection = self.connect(weir)
        for sql in ("CREATE TEMP TABLE t (a int)", "SELECT pg_advisory_lock(1)", "SET ROLE app", "PREPARE p AS SELECT 1",
                    "DECLARE c CURSOR WITH HOLD FOR SELECT 1"):
            with self.assertRaises(psycopg2.Error) as raised:
                rows(connection, sql)
            self.assertEqual(raised.exception.pgcode, "0A000", sql)
        rows(connection, "SET statement_timeout = '3s'")
        rows(connection, "LISTEN x")
        self.assertEqual(value(connection, "SHOW statement_timeout"), "3s")
        # Not to be foreseen: the client that leaves state by a function is ended, and the state with it.
        with self.assertRaises(psycopg2.Error):
            rows(connection, "DO $$ BEGIN PERFORM pg_advisory_lock(5); END $$")
            rows(connection, "SELECT 1")
        until(lambda: self.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")[0][0] == "0", "the lock is gone")

    def test_limits_are_errors_of_one_client(self):
        weir = self.weir(proxy={"auth_type": "trust", "max_statement_size": "10kB", "max_row_size": "100kB"}, pool={"max_client_statement_memory": "4kB"})
        connection = self.connect(weir)
        bystander = self.connect(weir)
        with self.assertRaises(psycopg2.Error) as raised:
            rows(connection, "SELECT 1 -- " + "x" * 20000)
        self.assertEqual(raised.exception.pgcode, "54000")
        self.assertEqual(value(connection, "SELECT 1"), 1)
        long_row = self.wire(weir.port, user="app")
        long_row.send(query("SELECT repeat('x', 200000)"))
        messages = long_row.read_to_end()
        self.assertEqual("".join(m.tag for m in messages), "TE")
        self.assertEqual((messages[1].fields["S"], messages[1].fields["C"]), ("FATAL", "54000"))
        self.assertEqual(value(bystander, "SELECT length(repeat('x', 90000))"), 90000)
        self.assertEqual(len(value(bystander, "SELECT repeat('x', 90000)")), 90000)
        wire = self.wire(weir.port, user="app")
        codes = []
        for i in range(30):
            wire.send(parse(f"SELECT {i}", name=f"s{i}") + SYNC)
            codes += [m.fields["C"] for m in wire.read_ready() if m.tag == "E"]
        self.assertEqual(set(codes), {"54000"})
        wire.send(simple_statement("SELECT 7"))
        self.assertEqual([m.values for m in wire.read_ready() if m.tag == "D"], [["7"]])


class Outdated(ClusterCase):
    """"cached plan must not change result type" (semantics.md C)."""

    replicas = 0

    def tags(self, wire):
        return "".join(m.tag for m in wire.read_ready())

    def test_a_statement_that_others_prepared_before_the_ddl_is_healed(self):
        weir = self.weir(pool={"default_pool_size": 1}, proxy={"auth_type": "trust"})
        self.sql("CREATE TABLE d (a int); INSERT INTO d VALUES (1); GRANT ALL ON d TO app")
        self.addCleanup(self.sql, "DROP TABLE d")
        first, second = (self.wire(weir.port, user="app") for _ in range(2))
        first.send(parse("SELECT * FROM d", name="mine") + bind(name="mine") + execute() + SYNC)
        self.assertEqual(self.tags(first), "12DCZ")
        self.sql("ALTER TABLE d ADD b int DEFAULT 2")  # not seen by pgweir
        second.send(parse("SELECT * FROM d", name="yours") + SYNC)
        self.assertEqual(self.tags(second), "1Z")
        second.send(bind(name="yours") + describe() + execute() + SYNC)
        messages = second.read_ready()
        self.assertEqual("".join(m.tag for m in messages), "2TDCZ")
        self.assertEqual(messages[2].values, ["1", "2"])
        self.assertEqual(weir.metric("pgweir_statements_healed_total"), 1)
        # The one that had it before gets it healed, too, and Describe as well.
        self.sql("ALTER TABLE d DROP b")
        first.send(describe("S", "mine") + SYNC)
        self.assertEqual(self.tags(first), "tTZ")
        self.assertEqual(weir.metric("pgweir_statements_healed_total"), 2)
        first.send(bind(name="mine") + execute() + SYNC)
        self.assertEqual(self.tags(first), "2DCZ")

    def test_ddl_that_passes_renews_statements_in_transactions_too(self):
        weir = self.weir(pool={"default_pool_size": 1}, proxy={"auth_type": "trust"})
        self.sql("CREATE TABLE d (a int); ALTER TABLE d OWNER TO app; INSERT INTO d VALUES (1)")
        self.addCleanup(self.sql, "DROP TABLE d")
        wire = self.wire(weir.port, user="app")
        wire.send(parse("SELECT * FROM d", name="s") + bind(name="s") + execute() + SYNC)
        self.assertEqual(self.tags(wire), "12DCZ")
        other = self.connect(weir)
        rows(other, "ALTER TABLE d ADD b int DEFAULT 2")
        wire.send(query("BEGIN"))
        wire.read_ready()
        wire.send(bind(name="s") + describe() + execute() + SYNC)
        messages = wire.read_ready()
        self.assertEqual("".join(m.tag for m in messages), "2TDCZ")
        self.assertEqual(messages[2].values, ["1", "2"])
        wire.send(query("COMMIT"))
        wire.read_ready()


if __name__ == "__main__":
    main()
