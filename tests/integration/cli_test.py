"""The program's commands that need no server: check, route, --help, --version; and starting with a bad file."""

import json
import subprocess

import harness
from harness import BareCase, main
from proxy import toml


def run(*arguments, given=""):
    return subprocess.run([str(harness.BINARY), *arguments], input=given, capture_output=True, text=True,
                          timeout=30 * harness.SLOW)


class Check(BareCase):
    def check(self, text):
        path = self.folder / "checked.toml"
        path.write_text(text)
        return run("check", str(path))

    GOOD = {"server": [{"name": "a", "host": "127.0.0.1", "port": 5432}], "database": [{"name": "*"}],
            "user": [{"name": "app", "password": "secret-word"}]}

    def test_a_good_file(self):
        done = self.check(toml(self.GOOD))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_an_unknown_key_is_named_with_its_place_and_the_nearest(self):
        done = self.check(toml({"pool": {"pool_mod": "transaction"}, **self.GOOD}))
        self.assertNotEqual(done.returncode, 0)
        said = done.stdout + done.stderr
        self.assertRegex(said, r"checked\.toml:2:1\b")
        self.assertIn("pool_mod", said)
        self.assertRegex(said, r"pool_mode\b")

    def test_wrong_values(self):
        for section in ({"proxy": {"listen_port": 70000}}, {"proxy": {"listen_port": "abc"}},
                        {"pool": {"pool_mode": "statement"}}, {"pool": {"query_wait_timeout": "fast"}}):
            with self.subTest(section=section):
                done = self.check(toml({**section, **self.GOOD}))
                self.assertNotEqual(done.returncode, 0)
                self.assertRegex(done.stdout + done.stderr, r"checked\.toml:\d+:\d+")

    def test_no_message_shows_a_password(self):
        done = self.check(toml({**self.GOOD, "user": [{"name": "app", "password": "secret-word", "admn": True}]}))
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("secret-word", done.stdout + done.stderr)

    def test_a_missing_file(self):
        self.assertNotEqual(run("check", str(self.folder / "absent.toml")).returncode, 0)
        self.assertNotEqual(run(str(self.folder / "absent.toml")).returncode, 0)


class Route(BareCase):
    def route(self, text, *options):
        done = run("route", *options, given=text)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_one_line_of_json_each(self):
        routes = self.route("SELECT 1;\nINSERT INTO t VALUES (1);\nSELECT\n 2;\n")
        self.assertEqual([r["target"] for r in routes], ["replica", "primary", "replica"])
        self.assertEqual(set(routes[0]), {"target", "reason", "sql"})
        self.assertIn("INSERT INTO t", routes[1]["sql"])

    def test_separated_by_nul(self):
        routes = self.route("SELECT 1;\n SELECT 2\0SELECT 3\0", "-0")
        self.assertEqual([r["target"] for r in routes], ["primary", "replica"])

    def test_semantics_a_and_b(self):
        """Rows of semantics.md A and traps of B: (statement, target)."""
        cases = [
            ("SELECT 1", "replica"), ("VALUES (1)", "replica"), ("TABLE t", "replica"), ("(SELECT 1)", "replica"),
            ("WITH x AS (SELECT 1) SELECT * FROM x", "replica"), ("SELECT 1 FOR UPDATE", "primary"),
            ("WITH x AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM x", "primary"),
            ("SELECT nextval('s')", "primary"), ('SELECT "nextval"(\'s\')', "primary"),
            ("SELECT 1 --\r, nextval('s')", "primary"), ("SELECT 1 /* a /* b */ nextval() */", "replica"),
            ("SELECT U&\"n\\0065xtval\"('s')", "primary"), ("SELECT pg_catalog . /* */ nextval\n('s')", "primary"),
            ("SELECT E'a'\n'b\\' , nextval(''s'') --'", "replica"), ("SELECT $$nextval('s')$$", "replica"),
            ("EXPLAIN SELECT 1", "replica"), ("EXPLAIN ANALYZE INSERT INTO t VALUES (1)", "primary"),
            ("COPY t TO STDOUT", "replica"), ("COPY t FROM STDIN", "primary"), ("COPY t TO '/tmp/x'", "primary"),
            ("SELECT 1; SELECT 2", "primary"), ("SHOW in_hot_standby", "primary"), ("SELECT pg_is_in_recovery()", "primary"),
            ("/* pgweir: primary */ SELECT 1", "primary"), ("ALTER SYSTEM SET x = 1", "primary"),
            ("SELECT my_function()", "primary"), ("SELECT count(*), lower('A') FROM t", "replica"),
        ]
        routes = self.route("".join(sql + "\0" for sql, _ in cases), "-0")
        self.assertEqual(len(routes), len(cases))
        for (sql, target), route in zip(cases, routes):
            with self.subTest(sql=sql):
                self.assertEqual(route["target"], target, route)


class Words(BareCase):
    def test_help_and_version(self):
        self.assertEqual(run("--help").returncode, 0)
        self.assertIn("check", run("--help").stdout)
        version = run("--version")
        self.assertEqual(version.returncode, 0)
        self.assertRegex(version.stdout, r"\d+\.\d+\.\d+")

    def test_a_wrong_command_line(self):
        self.assertNotEqual(run("--no-such-option").returncode, 0)
        self.assertNotEqual(run().returncode, 0)


if __name__ == "__main__":
    main()
