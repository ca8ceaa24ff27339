"""Who gets in: the four methods towards clients, and the four that servers ask for."""

import hashlib
import subprocess
import time

import harness
import wire as w
from harness import SLOW, USERS, ClusterCase, main, psycopg2, until, value


class Auth(ClusterCase):
    replicas = 1

    def users(self, *extra):
        listed = [{"name": name, "password": password} for name, password in USERS.items()
                  if name in ("app", "md5user", "plainuser", "trustuser")]
        return [*listed, *extra, {"name": "admin", "password": "admin", "admin": True}]

    def refused(self, weir, user="app", password="app", database="app"):
        with self.assertRaises(psycopg2.OperationalError) as raised:
            psycopg2.connect(weir.dsn(user, password, database, connect_timeout=20))
        return str(raised.exception)

    def test_every_method_towards_clients(self):
        for method in ("trust", "password", "md5", "scram-sha-256"):
            with self.subTest(auth_type=method):
                weir = self.weir(proxy={"auth_type": method}, user=self.users())
                self.assertEqual(value(self.connect(weir), "SELECT current_user"), "app")
                if method != "trust":
                    self.assertIn("password authentication failed", self.refused(weir, password="wrong"))
                    self.assertIn("failed", self.refused(weir, password=""))
                    # The same words for somebody unknown: names cannot be probed.
                    self.assertIn('password authentication failed for user "nobody"', self.refused(weir, "nobody", "app"))
                else:
                    self.assertEqual(value(self.connect(weir, password=None), "SELECT current_user"), "app")
                    self.refused(weir, "nobody")

    def test_every_method_towards_servers(self):
        weir = self.weir(user=self.users())
        for user in ("app", "md5user", "plainuser", "trustuser"):
            with self.subTest(user=user):
                connection = self.connect(weir, user, USERS[user])
                self.assertEqual(value(connection, "/* pgweir: primary */ SELECT current_user"), user)

    def test_the_server_refuses_the_password(self):
        """The client knows what pgweir was told, the server does not: an error, no hang, and others are well."""
        weir = self.weir(user=[{"name": "md5user", "password": "not the server's"}, {"name": "app", "password": "app"}],
                         pool={"query_wait_timeout": "3s"})
        with self.assertRaises(psycopg2.Error):
            connection = psycopg2.connect(weir.dsn("md5user", "not the server's", connect_timeout=20))
            connection.autocommit = True
            value(connection, "SELECT current_user")
        self.assertEqual(value(self.connect(weir), "SELECT current_user"), "app")

    def test_a_scram_verifier_instead_of_a_password(self):
        verifier = self.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'", "postgres")[0][0]
        self.assertTrue(verifier.startswith("SCRAM-SHA-256$"))
        weir = self.weir(proxy={"auth_type": "scram-sha-256"}, user=[{"name": "app", "password": verifier}],
                         database=[{"name": "*", "user": "app", "password": "app"}])
        self.assertEqual(value(self.connect(weir), "SELECT current_user"), "app")
        self.assertIn("password authentication failed", self.refused(weir, password="wrong"))
        # Whoever has stolen the verifier has not the password.
        self.assertIn("password authentication failed", self.refused(weir, password=verifier))

    def test_an_md5_hash_instead_of_a_password(self):
        hashed = self.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'md5user'", "postgres")[0][0]
        self.assertTrue(hashed.startswith("md5"))
        weir = self.weir(proxy={"auth_type": "md5"}, user=[{"name": "md5user", "password": hashed}])
        # An md5 hash is enough for the server's md5 question, too.
        self.assertEqual(value(self.connect(weir, "md5user", "md5pass"), "/* pgweir: primary */ SELECT current_user"), "md5user")
        self.refused(weir, "md5user", "wrong")

    def test_a_forced_user(self):
        weir = self.weir(user=[{"name": "guest", "password": "guest"}],
                         database=[{"name": "shop", "dbname": "app", "user": "app", "password": "app"}])
        connection = self.connect(weir, "guest", "guest", "shop")
        self.assertEqual(value(connection, "SELECT current_user || '@' || current_database()"), "app@app")

    def test_databases(self):
        weir = self.weir(database=[{"name": "app"}])
        self.assertEqual(value(self.connect(weir), "SELECT current_database()"), "app")
        self.assertIn("other", self.refused(weir, database="other"))

    def test_a_database_the_server_does_not_have(self):
        weir = self.weir(pool={"query_wait_timeout": "3s"})
        with self.assertRaises(psycopg2.Error) as raised:
            connection = psycopg2.connect(weir.dsn(database="absent", connect_timeout=20))
            connection.autocommit = True
            value(connection, "SELECT 1")
        self.assertIn("absent", str(raised.exception))

    def test_the_console_is_for_administrators(self):
        weir = self.weir()
        self.assertTrue(weir.console("SHOW CONFIG"))
        with self.assertRaises(psycopg2.Error):  # at login, or for a command that is not everybody's
            connection = psycopg2.connect(weir.dsn(database="pgweir", connect_timeout=20))
            connection.autocommit = True
            value(connection, "SHOW CONFIG")
        self.refused(weir, "admin", "wrong", "pgweir")

    def test_no_password_in_the_log_or_the_console(self):
        secret = "a-very-secret-word"
        weir = self.weir(user=[{"name": "app", "password": secret}, {"name": "admin", "password": "admin", "admin": True}])
        self.refused(weir, password="app")
        shown = str(weir.console("SHOW CONFIG")) + weir.log_text() + str(weir.metrics())
        self.assertNotIn(secret, shown)


class AuthFile(ClusterCase):
    """PgBouncer's userlist.txt."""

    replicas = 0

    def file(self, text):
        path = self.folder / "userlist.txt"
        path.write_text(text)
        return path.name  # next to the configuration

    def test_its_users_log_in_and_only_their_names_are_shown(self):
        stored = self.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'", "postgres")[0][0]
        name = self.file(f'; pgbouncer\n"app" "{stored}" ""\n'
                         f'"md5user" "md5{hashlib.md5(b"md5passmd5user").hexdigest()}"\n'
                         '"plainuser" "plainpass"\n"trustuser" "not this"\n')
        own = [{"name": "trustuser", "password": "trustpass"}, {"name": "admin", "password": "admin", "admin": True}]
        weir = self.weir(proxy={"auth_file": name, "auth_type": "md5"}, user=own)
        for user in ("app", "md5user", "plainuser", "trustuser"):
            with self.subTest(user=user):
                self.assertEqual(value(self.connect(weir, user, USERS[user]), "SELECT current_user"), user)
        with self.assertRaises(psycopg2.OperationalError):
            psycopg2.connect(weir.dsn("trustuser", "not this"))
        users = {row["name"]: row for row in weir.console("SHOW USERS")}
        self.assertEqual(set(users), {"app", "md5user", "plainuser", "trustuser", "admin"})
        shown = str(users) + str(weir.console("SHOW CONFIG")) + weir.log_text() + str(weir.metrics())
        for secret in (stored, "md5pass", "plainpass", "not this", "trustpass"):
            self.assertNotIn(secret, shown)

    def test_mistakes_have_their_line(self):
        name = self.file('"app" "app"\n\n"broken" hunter2\n')
        weir = self.make(proxy={"auth_file": name})
        weir.write_config()
        done = subprocess.run([str(harness.BINARY), "check", str(weir.config_file)], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("userlist.txt:3:1: ", done.stderr)
        self.assertNotIn("hunter2", done.stderr)


class Refusals(ClusterCase):
    """A wrong password is answered later, and costs nobody else anything."""

    replicas = 0

    def guess(self, weir, user="app", password="wrong"):
        wire = self.wire(weir.port)
        wire.send(w.startup({"user": user, "database": "app"}))
        wire.read()
        wire.send(w.message("p", w.text(password)))
        return wire

    def test_the_answer_is_late(self):
        weir = self.weir(proxy={"auth_type": "password", "auth_failure_delay": "1s"})
        for user in ("app", "ghost"):
            begun = time.monotonic()
            answer = self.guess(weir, user).read_to_end()
            self.assertGreaterEqual(time.monotonic() - begun, 0.9)
            self.assertEqual([(m.tag, m.fields["C"]) for m in answer], [("E", "28P01")])
        begun = time.monotonic()
        self.assertEqual(self.wire(weir.port, user="app").ask("SELECT 1"), [["1"]])
        if SLOW == 1:
            self.assertLess(time.monotonic() - begun, 0.9)

    def test_who_waits_for_it_holds_nobody_up_and_counts(self):
        weir = self.weir(proxy={"auth_type": "password", "auth_failure_delay": "1min", "max_client_conn": 4})
        guesses = [self.guess(weir) for _ in range(3)]
        until(lambda: weir.log_text().count("event=login_failed") == 3, "all are refused, and logged at once")
        self.assertEqual(weir.metric("pgweir_used_clients"), 3)
        one = self.wire(weir.port, user="app")
        self.assertEqual(one.ask("SELECT 1"), [["1"]])
        with self.assertRaises(PermissionError) as raised:
            self.wire(weir.port, user="app")
        self.assertEqual(raised.exception.args[0]["C"], "53300")
        guesses[0].send(b"more, which nobody reads")
        for guess in guesses:
            guess.close()
        until(lambda: weir.metric("pgweir_used_clients") == 1, "who hangs up is gone at once")


if __name__ == "__main__":
    main()
