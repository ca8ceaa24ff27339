"""Users whose password pgweir does not have: auth_query, and logins to servers with nothing but a verifier."""

import base64
import hashlib
import hmac
import os
import select
import time

import wire as w
from auth_queries import AskingCase
from harness import ClusterCase, main, psycopg2, until, value


def verifier(password, salt, iterations):
    """As pg_authid has it."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt, stored, server = (base64.b64encode(part).decode() for part in (salt, hashlib.sha256(client).digest(), server))
    return f"SCRAM-SHA-256${iterations}:{salt}${stored}:{server}"


class Verifiers(ClusterCase):
    """The server demands SCRAM, and pgweir has only a verifier: the client's proof has the key to log in with."""

    replicas = 1

    def test_the_servers_own_verifier(self):
        for iterations, salt in ((4096, os.urandom(16)), (8192, os.urandom(24)), (1, b"x"), (5000, os.urandom(40))):
            with self.subTest(iterations=iterations, salt=len(salt)):
                stored = verifier("geheim", salt, iterations)
                self.sql(f"DROP ROLE IF EXISTS keyed; CREATE ROLE keyed LOGIN PASSWORD '{stored}'")
                self.cluster.wait_caught_up()
                weir = self.weir_with_replicas(routing={"consistency": "eventual"},
                                               user=[{"name": "keyed", "password": stored},
                                                     {"name": "admin", "password": "admin", "admin": True}])
                connection = self.connect(weir, "keyed", "geheim")
                self.assertEqual(value(connection, "/* pgweir: primary */ SELECT current_user"), "keyed")
                self.assertEqual(value(connection, "SELECT name FROM which_server"), "replica1")
                with self.assertRaises(psycopg2.OperationalError):
                    psycopg2.connect(weir.dsn("keyed", "wrong"))
                connection.close()
                weir.stop()


class AuthQuery(AskingCase):
    def test_both_recipes(self):
        for weir in (self.asking(proxy={"workers": 2}), self.by_function()):
            connection = self.connect(weir)
            self.assertEqual(value(connection, "/* pgweir: primary */ SELECT current_user"), "app")
            self.assertEqual(value(self.connect(weir, "eve", "evepass"), "SELECT current_user"), "eve")
            self.assertIn('password authentication failed for user "app"', self.refused(weir, password="wrong"))
            self.assertIn('password authentication failed for user "ghost"', self.refused(weir, "ghost"))
            # Never an administrator, and nobody is asked for the console.
            self.assertIn("failed", self.refused(weir, "app", "app", "pgweir"))
            self.assertTrue(weir.console("SHOW USERS"))
            self.assertNotIn("superpass", str(weir.console("SHOW CONFIG")) + weir.log_text())

    def test_a_changed_password_counts_at_once(self):
        weir = self.asking()
        self.sql("DROP ROLE IF EXISTS moody; CREATE ROLE moody LOGIN PASSWORD 'one'")
        self.assertEqual(value(self.connect(weir, "moody", "one"), "SELECT 1"), 1)
        self.sql("ALTER ROLE moody PASSWORD 'two'")
        self.assertIn("failed", self.refused(weir, "moody", "one"))
        # New server connections are made with what was proven now.
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'moody'")
        until(lambda: self.backends(self.cluster.primary, "moody") == 0, "its connections are gone")
        self.assertEqual(value(self.connect(weir, "moody", "two"), "/* pgweir: primary */ SELECT current_user"), "moody")
        self.sql("ALTER ROLE moody NOLOGIN")
        self.assertIn("failed", self.refused(weir, "moody", "two"))

    def test_valid_until(self):
        by_query, by_function = self.asking(), self.by_function()
        for until_when, works in (("infinity", True), ("2099-01-01", True), ("1999-01-01", False), ("-infinity", False)):
            self.sql(f"DROP ROLE IF EXISTS timed; CREATE ROLE timed LOGIN PASSWORD 'timed' VALID UNTIL '{until_when}'")
            for weir in (by_query, by_function):
                with self.subTest(until=until_when):
                    if works:
                        self.connect(weir, "timed", "timed").close()
                    else:
                        self.assertIn("password authentication failed", self.refused(weir, "timed", "timed"))

    def test_a_hostile_search_path(self):
        """semantics.md I: names that lead elsewhere for the role, the database and the client change nothing."""
        self.sql("""CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO public;
                    CREATE VIEW evil.pg_authid AS
                        SELECT rolname, 'guessed'::text AS rolpassword, rolcanlogin FROM pg_catalog.pg_roles;
                    CREATE FUNCTION evil.always(name, text) RETURNS bool LANGUAGE sql AS 'SELECT true';
                    CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = text, FUNCTION = evil.always);
                    ALTER ROLE authsuper SET search_path = evil, pg_catalog;
                    ALTER DATABASE app SET search_path = evil, pg_catalog""")
        self.addCleanup(self.sql, "ALTER ROLE authsuper RESET search_path; ALTER DATABASE app RESET search_path; "
                                  "DROP SCHEMA evil CASCADE")
        unqualified = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1"
        # The trap is set: whoever asks without care falls into it.
        direct = psycopg2.connect(host="127.0.0.1", port=self.cluster.primary.port, user="authsuper", password="superpass",
                                  dbname="app")
        self.addCleanup(direct.close)
        self.assertEqual(value(direct, "SELECT rolpassword FROM pg_authid WHERE rolname = 'eve'::name"), "guessed")
        weir = self.asking(unqualified)
        for options in (None, "-c search_path=evil"):
            self.assertIn("failed", self.refused(weir, "eve", "guessed", options=options))
        self.assertEqual(value(self.connect(weir, "eve", "evepass", options="-c search_path=evil"), "SELECT current_user"), "eve")

    def test_no_clients_parameter_is_on_the_connection(self):
        weir = self.asking()
        self.connect(weir, "eve", "evepass", application_name="mine", options="-c DateStyle=German")
        found = self.sql("SELECT application_name, usename, datname FROM pg_stat_activity WHERE query LIKE '%rolvaliduntil <%' "
                         "AND pid <> pg_backend_pid()")
        self.assertEqual(found, [("pgweir_auth", "authsuper", "app")])

    def test_a_row_of_somebody_else(self):
        """An unknown user logged in as the auth user must be impossible."""
        for method in ("trust", "password", "scram-sha-256"):
            with self.subTest(auth_type=method):
                weir = self.asking("SELECT 'authsuper', 'x' WHERE $1 <> ''", proxy={"auth_type": method})
                self.refused(weir, "ghost", "x")
                self.assertIn("event=auth_query_refused", weir.log_text())
        several = self.asking("SELECT rolname, 'x' FROM pg_catalog.pg_roles WHERE $1 <> ''", proxy={"auth_type": "trust"})
        self.assertIn("could not be looked up", self.refused(several, "app", "x"))

    def test_names_are_only_parameters(self):
        weir = self.asking(proxy={"auth_type": "password"})
        for name in ("' OR true --", "$1", "app'; DROP ROLE eve; --", "%s%n", "x" * 3000, "app\n"):
            with self.subTest(name=name[:20]):
                wire = self.wire(weir.port)
                wire.send(w.startup({"user": name, "database": "app"}) + w.message("p", w.text("app")))
                self.assertEqual(wire.read_to_end()[-1].fields["C"], "28P01")
        self.assertEqual(value(self.connect(weir, "eve", "evepass"), "SELECT current_user"), "eve")

    def test_failures_are_clear_and_let_nobody_in(self):
        cases = {"wrong password": {"password": "wrong"}, "no right": {"user": "eve", "password": "evepass"},
                 "a mistake": {"query": "SELEKT $1"}, "one column": {"query": "SELECT $1"},
                 "no such database": {"proxy": {"auth_dbname": "absent"}}}
        for what, settings in cases.items():
            for method in ("trust", "scram-sha-256"):
                with self.subTest(what=what, auth_type=method):
                    given = {**settings, "proxy": {"auth_type": method, **settings.get("proxy", {})}}
                    weir = self.asking(**given)
                    wire = self.wire(weir.port)
                    wire.send(w.startup({"user": "app", "database": "app"}))
                    self.assertEqual(wire.read_to_end()[-1].fields["C"], "08006")
                    self.assertIn("event=login_failed", weir.log_text())
                    weir.console("SHOW VERSION")  # who is configured is not concerned
                    weir.stop()

    def test_a_server_that_does_not_answer(self):
        weir = self.asking("SELECT 'a', 'b' FROM pg_catalog.pg_sleep(60) WHERE $1 <> ''",
                           proxy={"client_login_timeout": "2s"})
        leaving = self.wire(weir.port)
        leaving.send(w.startup({"user": "app", "database": "app"}))
        until(lambda: self.askers("state = 'active'") == 1, "it is asked")
        leaving.close()
        until(lambda: weir.metric("pgweir_used_clients") == 0, "who leaves is gone at once", 1.5)
        self.assertRegex(self.refused(weir), "could not be looked up|took too long")
        self.assertTrue(weir.console("SHOW VERSION"))

    def test_a_connection_that_was_closed(self):
        weir = self.asking()
        for _ in range(2):
            self.connect(weir, "eve", "evepass").close()
            self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgweir_auth'")
            until(lambda: self.askers() == 0, "it is gone")
        self.assertEqual(value(self.connect(weir, "eve", "evepass"), "SELECT current_user"), "eve")

    def test_the_time_does_not_tell_who_is_configured(self):
        slow = ("SELECT rolname, rolpassword FROM pg_catalog.pg_authid WHERE rolname = $1 "
                "UNION ALL SELECT 'x', 'y' FROM pg_catalog.pg_sleep(0.08) s WHERE s::text <> ''")
        weir = self.asking(slow)

        def took(user):
            client = self.wire(weir.port)
            begin = time.monotonic()
            client.send(w.startup({"user": user, "database": "app"}))
            self.assertEqual(client.read().body[:4], b"\0\0\0\x0a")
            client.close()
            return time.monotonic() - begin

        took("eve")
        for user in ("eve", "nobody", "admin", "nobody", "admin"):
            self.assertGreaterEqual(took(user), 0.08, user)

    def test_one_address_does_not_keep_others_waiting(self):
        slow = "SELECT 'x', 'y' FROM pg_catalog.pg_sleep(0.05) WHERE $1 <> ''"
        weir = self.asking(slow, proxy={"client_login_timeout": "30s"})
        flood = [self.wire(weir.port) for _ in range(60)]
        for one in flood:
            one.send(w.startup({"user": "eve", "database": "app"}))
        until(lambda: self.askers("state = 'active'") == 1, "it is asked")
        other = w.Wire(weir.port, source="127.0.0.2")
        self.addCleanup(other.close)
        other.send(w.startup({"user": "eve", "database": "app"}))
        other.read()
        waiting = select.select([one.socket for one in flood], [], [], 0)[0]
        self.assertLess(len(waiting), 30, "most of the flood still waits")

    def test_many_at_once(self):
        weir = self.asking(proxy={"auth_type": "md5", "workers": 2}, pool={"default_pool_size": 5})
        waiting = [self.wire(weir.port) for _ in range(100)]
        for one in waiting:
            one.send(w.startup({"user": "eve", "database": "app"}))
        for one in waiting:
            self.assertEqual(one.read().body[:4], b"\0\0\0\x0a")
        until(lambda: self.askers() == 1, "there is one connection for all (what another test left sleeps for 2 s at most)", 5)


if __name__ == "__main__":
    main()
