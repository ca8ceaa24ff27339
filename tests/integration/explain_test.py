"""Why a statement went where it went: pgweir.explain, the log of slow statements, SHOW CLIENTS, and `pgweir route` on what a
server has logged and counted."""

import json
import re
import subprocess

import harness
import wire
from harness import ClusterCase, main, psycopg2, rows, until, value


def plan(connection, sql):
    return [row[0] for row in rows(connection, sql)]


class Explain(ClusterCase):
    def setUp(self):
        self.proxy = self.weir_with_replicas(routing={"consistency": "eventual"}, proxy={"auth_type": "md5"})
        self.sql("CREATE TABLE IF NOT EXISTS e (n int); GRANT ALL ON e TO app")
        self.cluster.wait_caught_up()

    def explaining(self, **more):
        connection = self.connect(self.proxy, **more)
        rows(connection, "SET pgweir.explain = on")
        return connection

    def test_a_read_and_a_write(self):
        connection = self.explaining()
        lines = plan(connection, "EXPLAIN SELECT * FROM which_server")
        self.assertGreater(len(lines), 1, "the server's own plan is there")
        self.assertRegex(lines[-1], r'^pgweir: replica "replica[12]" \(reason: read\)$')
        lines = plan(connection, "EXPLAIN INSERT INTO e VALUES (1)")
        self.assertEqual(lines[-1], 'pgweir: primary "primary" (reason: explain_other); the statement itself: primary (reason: write)')
        self.assertEqual(value(connection, "SELECT count(*) FROM e"), 0)
        lines = plan(connection, "EXPLAIN (ANALYZE, COSTS off) INSERT INTO e VALUES (1)")
        self.assertIn("(reason: explain_analyze)", lines[-1])
        rows(connection, "DELETE FROM e")
        self.assertEqual(plan(connection, "EXPLAIN SELECT 1 FOR UPDATE")[-1], 'pgweir: primary "primary" (reason: row_lock)')

    def test_the_name_is_that_of_the_server_that_ran_it(self):
        connection = self.explaining()
        name = re.search(r'"(\w+)"', plan(connection, "EXPLAIN (ANALYZE) SELECT name FROM which_server")[-1])[1]
        self.assertIn(name, ("replica1", "replica2"))
        rows(connection, "BEGIN READ ONLY")
        here = value(connection, "SELECT name FROM which_server")
        self.assertEqual(plan(connection, "EXPLAIN SELECT 1")[-1], f'pgweir: replica "{here}" (reason: read_only_transaction)')
        rows(connection, "COMMIT")

    def test_off_nothing_is_added(self):
        connection = self.connect(self.proxy)
        self.assertFalse([line for line in plan(connection, "EXPLAIN SELECT 1") if "pgweir" in line])

    def test_documents_stay_whole(self):
        connection = self.explaining()
        document = value(connection, "EXPLAIN (FORMAT JSON) SELECT 1")
        self.assertIn("Plan", document[0])
        self.assertEqual(len(connection.notices), 1)
        self.assertRegex(connection.notices[0], r'NOTICE:  pgweir: replica "replica[12]" \(reason: read\)')
        self.assertTrue(value(connection, "EXPLAIN (FORMAT XML) SELECT 1").rstrip().endswith("</explain>"))
        self.assertEqual(len(connection.notices), 2)

    def test_in_a_transaction(self):
        connection = self.connect(self.proxy, autocommit=False)
        rows(connection, "SET LOCAL pgweir.explain = on")
        lines = plan(connection, "EXPLAIN SELECT 1")
        self.assertEqual(lines[-1], 'pgweir: primary "primary" (reason: transaction)')
        connection.commit()
        self.assertNotIn("pgweir", plan(connection, "EXPLAIN SELECT 1")[-1])
        connection.rollback()

    def test_startup_options_and_psql(self):
        connection = self.connect(self.proxy, options="-c pgweir.explain=on")
        self.assertEqual(value(connection, "SHOW pgweir.explain"), "on")
        self.assertIn("pgweir: replica", plan(connection, "EXPLAIN SELECT 1")[-1])
        with self.assertRaises(psycopg2.OperationalError):
            self.connect(self.proxy, options="-c pgweir.explain=perhaps")
        done = subprocess.run(["psql", "-X", "-v", "ON_ERROR_STOP=1", "-c", "SET pgweir.explain = on", "-c", "EXPLAIN TABLE e"],
                              env=self.proxy.environment(), capture_output=True, text=True, timeout=60 * harness.SLOW)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r'pgweir: replica "replica[12]" \(reason: read\)\n\(\d+ rows\)')

    def test_the_extended_protocol(self):
        client = self.wire(self.proxy.port, user="app", password="app")
        client.ask("SET pgweir.explain = on")
        binary = wire.message("B", wire.text("") + wire.text("s") + b"\0\0\0\0\0\1\0\1")
        client.send(wire.parse("EXPLAIN SELECT 1", "s") + wire.describe("S", "s") + wire.SYNC)
        self.assertEqual([m.tag for m in client.read_ready() if m.tag != "S"], list("1tTZ"))
        for _ in range(2):
            client.send(binary + wire.execute() + wire.SYNC)
            messages = client.read_ready()
            self.assertEqual("".join(m.tag for m in messages), "2DDCZ")
            self.assertRegex(messages[-3].values[0], r'^pgweir: replica "replica[12]" \(reason: read\)$')
            self.assertEqual(messages[-2].body, b"EXPLAIN\0")
        # A pipeline in which each answer keeps its own place, and which goes on after it.
        one = wire.parse("EXPLAIN SELECT 1") + wire.bind() + wire.execute()
        client.send(one + wire.parse("SELECT 7") + wire.bind() + wire.execute() + one + wire.SYNC)
        self.assertEqual("".join(m.tag for m in client.read_ready()), "12DDC12DC12DDCZ")

    def test_with_a_row_limit(self):
        client = self.wire(self.proxy.port, user="app", password="app")
        client.ask("SET pgweir.explain = on")
        client.ask("BEGIN")
        client.send(wire.parse("EXPLAIN (COSTS off) SELECT 1 WHERE 1 = 1") + wire.bind(portal="p") + wire.execute("p", 1) + wire.SYNC)
        tags = "".join(m.tag for m in client.read_ready())
        lines = []
        while tags.endswith("sZ"):
            lines.append(tags)
            client.send(wire.execute("p", 1) + wire.SYNC)
            messages = client.read_ready()
            tags = "".join(m.tag for m in messages)
            self.assertLessEqual(tags.count("D"), 1, "never more than was asked for")
        self.assertEqual(messages[-3].values, ['pgweir: primary "primary" (reason: transaction)'])
        self.assertTrue(lines)
        self.assertEqual(client.ask("SELECT 1"), [["1"]])

    def test_what_runs_again_shows_where(self):
        self.sql("CREATE SEQUENCE IF NOT EXISTS es; GRANT ALL ON es TO app; DROP FUNCTION IF EXISTS sly() CASCADE;"
                 "CREATE FUNCTION sly() RETURNS bigint STABLE LANGUAGE plpgsql AS $$BEGIN RETURN nextval('es'); END$$")
        self.cluster.wait_caught_up()
        connection = self.explaining()
        until(lambda: value(connection, "EXPLAIN SELECT sly()") and "replica" in plan(connection, "EXPLAIN SELECT sly()")[-1],
              "the catalog says that the function is harmless")
        self.assertEqual(plan(connection, "EXPLAIN ANALYZE SELECT sly()")[-1].split(";")[0],
                         'pgweir: primary "primary" (reason: replica_refused)')

    def test_show_clients(self):
        connection = self.connect(self.proxy, application_name="seen")

        def shown():
            return [(r["target"], r["reason"]) for r in self.proxy.console("SHOW CLIENTS") if r["application_name"] == "seen"]
        self.assertEqual(shown(), [("", "")])
        value(connection, "SELECT name FROM which_server")
        self.assertEqual(shown(), [("replica", "read")])
        rows(connection, "DELETE FROM e")
        self.assertEqual(shown(), [("primary", "write")])
        rows(connection, "BEGIN")
        value(connection, "SELECT 1")
        self.assertEqual(shown(), [("primary", "transaction")])


class SlowLog(ClusterCase):
    def slow_lines(self):
        found = []
        for line in self.proxy.log_text().splitlines():
            if "event=slow_statement" not in line:
                continue
            quoted = re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S+))', line[line.index("event="):])
            found.append({key: text or word for key, text, word in quoted})
        return found

    def wait_for(self, count):
        until(lambda: len(self.slow_lines()) >= count, f"{count} lines of slow statements")
        return self.slow_lines()

    def test_what_is_slow_is_logged_without_its_literals(self):
        self.proxy = self.weir_with_replicas(log={"min_duration_statement": "300ms"}, routing={"consistency": "eventual"},
                                             proxy={"auth_type": "md5"})
        connection = self.connect(self.proxy, application_name="my app")
        value(connection, "SELECT 'fast-secret'")
        value(connection, "/* pgweir: primary */ SELECT 'secret-1', pg_sleep(0.4) -- secret-2")
        line = self.wait_for(1)[0]
        self.assertEqual({k: line[k] for k in ("user", "database", "application_name", "server", "target", "reason", "rows")},
                         {"user": "app", "database": "app", "application_name": "my app", "server": "primary", "target": "primary",
                          "reason": "hint_primary", "rows": "1"})
        self.assertEqual(line["statement"], "SELECT ?, pg_sleep(?)")
        self.assertGreaterEqual(float(line["duration_ms"]), 400)
        self.assertLess(float(line["duration_ms"]), 400 + 20_000 * harness.SLOW)
        self.assertLess(float(line["wait_ms"]), 20_000 * harness.SLOW)

        client = self.wire(self.proxy.port, user="app", password="app")
        client.send(wire.parse("SELECT 'secret-3', pg_sleep($1)", "s", [701]) + wire.SYNC)
        client.read_ready()
        client.send(wire.bind(["0.4"], "s") + wire.execute() + wire.SYNC)
        client.read_ready()
        line = self.wait_for(2)[1]
        self.assertEqual((line["statement"], line["target"], line["reason"]), ("SELECT ?, pg_sleep($1)", "replica", "read"))
        self.assertRegex(line["server"], "^replica[12]$")

        rows(connection, "BEGIN")
        rows(connection, "SELECT pg_sleep(0.4)")
        with self.assertRaises(psycopg2.Error):
            rows(connection, "DO $$BEGIN PERFORM pg_sleep(0.4); RAISE 'secret-4' USING ERRCODE = '22012'; END$$")
        lines = self.wait_for(4)
        self.assertEqual((lines[2]["reason"], lines[2]["wait_ms"]), ("transaction", "0.000"))
        self.assertEqual((lines[3]["statement"], lines[3]["sqlstate"]), ("DO ?", "22012"))
        self.assertEqual(len(lines), 4, "nothing else was slow")
        self.assertNotIn("secret", self.proxy.log_text())

    def test_the_wait_for_a_connection(self):
        self.proxy = self.weir_with_replicas(log={"min_duration_statement": "200ms"}, pool={"default_pool_size": 1},
                                             proxy={"auth_type": "md5"})
        first = self.wire(self.proxy.port, user="app", password="app")
        second = self.wire(self.proxy.port, user="app", password="app")
        first.send(wire.query("/* pgweir: primary */ SELECT 1, pg_sleep(0.6)"))
        until(lambda: [r for r in self.proxy.console("SHOW CLIENTS") if r["state"] == "active"], "the first one runs")
        second.send(wire.query("/* pgweir: primary */ SELECT 2, pg_sleep(0.3)"))
        first.read_ready()
        second.read_ready()
        lines = self.wait_for(2)
        self.assertGreater(float(lines[1]["wait_ms"]), 50)
        self.assertLess(float(lines[0]["wait_ms"]), 50 * harness.SLOW)

    def test_off_nothing_is_logged(self):
        self.proxy = self.weir_with_replicas()
        value(self.connect(self.proxy), "SELECT pg_sleep(0.5)")
        self.assertEqual(self.slow_lines(), [])


class Route(ClusterCase):
    """`pgweir route` on what this very server has logged and counted."""

    replicas = 0
    settings = "shared_preload_libraries = 'pg_stat_statements'\nlog_min_duration_statement = 0\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sql("CREATE EXTENSION pg_stat_statements; CREATE TABLE r (n int); GRANT ALL ON r TO app;"
                "CREATE FUNCTION shy() RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'")
        connection = psycopg2.connect(f"host=127.0.0.1 port={cls.cluster.primary.port} user=app password=app dbname=app")
        connection.autocommit = True
        for _ in range(30):
            rows(connection, "SELECT 'logged-secret',\n\tcount(*)\nFROM r")
        for _ in range(10):
            rows(connection, "SELECT shy()")
        rows(connection, "INSERT INTO r VALUES (%s)", (1,))
        connection.close()
        client = wire.Wire(cls.cluster.primary.port)
        with client.login("trustuser", "trustpass"):
            client.send(wire.simple_statement("SELECT $1::int", ["5"]))
            client.read_ready()

    def route(self, given, *options):
        done = subprocess.run([str(harness.BINARY), "route", *options], input=given, capture_output=True, text=True,
                              timeout=60 * harness.SLOW)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def export(self):
        node = self.cluster.primary
        return subprocess.run(["psql", "-X", "-h", self.cluster.sockets, "-p", str(node.port), "-U", "postgres", "-d", "app", "-c",
                               "COPY (SELECT query, calls, total_exec_time FROM pg_stat_statements JOIN pg_roles ON oid = userid "
                               "WHERE rolname <> 'postgres') TO STDOUT CSV HEADER"],
                              check=True, capture_output=True, text=True, timeout=60).stdout

    def counted(self, summary, what):
        """Texts and calls of one line of the summary."""
        found = re.search(rf"^\s*{what}\s+(?:replica |primary )?\s*(\d+)\s+(\d+) ", summary, re.M)
        return (int(found[1]), int(found[2])) if found else None

    def test_pg_stat_statements(self):
        exported = self.export()
        summary = self.route(exported, "--summary")
        self.assertIn("seconds", summary)
        self.assertEqual(self.counted(summary, "read"), (2, 31))
        self.assertEqual(self.counted(summary, "write"), (1, 1))
        self.assertEqual(self.counted(summary, "function_not_allowed"), (1, 10))
        self.assertRegex(summary, r"10 calls +\d+\.\d s  SELECT shy\(\)")
        known = self.route(exported, "--summary", "--catalog",
                           f"host=127.0.0.1 port={self.cluster.primary.port} user=pgweir_monitor password=monitor dbname=app")
        self.assertEqual(self.counted(known, "read"), (3, 41))
        self.assertIsNone(self.counted(known, "function_not_allowed"))
        lines = [json.loads(line) for line in self.route(exported).splitlines()]
        self.assertEqual(sum(line["target"] == "primary" for line in lines), 2, lines)

    def test_a_servers_log(self):
        log = self.cluster.primary.log.read_text()
        mine = "\n".join(entry for entry in re.split(r"\n(?!\t)", log) if " app@app " in entry or " trustuser@app " in entry) + "\n"
        for options in ((), ("--format", "log")):
            summary = self.route(mine, "--summary", *options)
            self.assertEqual(self.counted(summary, "read"), (2, 31), summary)
            self.assertEqual(self.counted(summary, "write"), (1, 1), summary)
            self.assertEqual(self.counted(summary, "function_not_allowed"), (1, 10), summary)
            self.assertNotIn("logged-secret", summary)
        self.assertIn("seconds", self.route(log, "--summary"), "the whole of it, found to be a log")

    def test_a_csv_that_is_none(self):
        done = subprocess.run([str(harness.BINARY), "route", "--format", "csv"], input="a,b\n1,2\n", capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn('no header with a column "query"', done.stderr)


if __name__ == "__main__":
    main()
