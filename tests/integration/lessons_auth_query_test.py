"""Lessons from others' security bugs about auth_query (semantics.md I): each class a test."""

import wire as w
from auth_queries import AskingCase
from harness import USERS, main, psycopg2, value

# Asks as it is told, and writes down under which settings.
SPY = """
CREATE SCHEMA spy; CREATE TABLE spy.seen (
    wanted text, search_path text, role text, session_user_name name, application_name text, date_style text, time_zone text,
    client_encoding text, statement_timeout text, row_security text, read_only text, custom text);
CREATE FUNCTION spy.lookup(wanted text) RETURNS TABLE (name text, password text) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO spy.seen VALUES (wanted, current_setting('search_path'), current_setting('role'), session_user,
        current_setting('application_name'), current_setting('DateStyle'), current_setting('TimeZone'),
        current_setting('client_encoding'), current_setting('statement_timeout'), current_setting('row_security'),
        current_setting('default_transaction_read_only'), current_setting('my.setting', true));
    RETURN QUERY SELECT rolname::text, rolpassword FROM pg_authid WHERE rolname::text = wanted;
END $$;
CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO public;
CREATE VIEW evil.pg_authid AS SELECT rolname, 'guessed'::text AS rolpassword, true AS rolcanlogin FROM pg_catalog.pg_roles;
CREATE FUNCTION evil.lookup(text) RETURNS TABLE (name text, password text) LANGUAGE sql AS $$ SELECT $1, 'guessed' $$;
"""
LOOKUP = "SELECT name, password FROM spy.lookup($1)"


class Lessons(AskingCase):
    def refused_by_wire(self, weir, parameters, password="x"):
        """Startup and a password behind it; the error."""
        wire = self.wire(weir.port)
        wire.send(w.startup(parameters) + w.message("p", w.text(password)))
        messages = wire.read_to_end()
        self.assertFalse([m for m in messages if m.tag in "ZDK"], parameters)
        return messages[-1].fields

    def test_a_startup_search_path_on_the_auth_query_connection(self):
        self.sql(SPY, "app")
        self.addCleanup(self.sql, "DROP SCHEMA spy CASCADE; DROP SCHEMA evil CASCADE", "app")
        weir = self.asking(LOOKUP, proxy={"auth_type": "password"})
        hostile = [{"search_path": "evil, pg_catalog"}, {"options": "-c search_path=evil,pg_catalog"},
                   {"options": "--search-path=evil,pg_catalog -c role=authsuper"}, {"role": "authsuper"},
                   {"session_authorization": "authsuper"}, {"options": "-c session_authorization=authsuper"},
                   {"application_name": "pgweir_auth'; --"}, {"DateStyle": "German"}, {"TimeZone": "Asia/Tokyo"},
                   {"client_encoding": "LATIN1"}, {"statement_timeout": "1"}, {"row_security": "off"},
                   {"default_transaction_read_only": "on"}, {"my.setting": "mine"}, {"SEARCH_PATH": "evil"},
                   {"Search-Path": "evil"},
                   {"search_path": "evil", "options": "-c search_path=evil"}]
        for parameters in hostile:
            with self.subTest(parameters=parameters):
                login = {"user": "eve", "database": "app", **parameters}
                self.assertRegex(self.refused_by_wire(weir, login, "guessed")["C"], "28P01|42704")
                try:  # whether the settings are the role's to make is the server's business
                    self.wire(weir.port, user="eve", password="evepass", **parameters)
                except PermissionError:
                    pass
        asked = self.sql("SELECT DISTINCT search_path, role, session_user_name, application_name, date_style, time_zone, "
                         "client_encoding, row_security, read_only, coalesce(custom, '') FROM spy.seen", "app")
        own = ("pg_catalog,pg_temp", "none", "authsuper", "pgweir_auth", "ISO, MDY", "UTC", "UTF8", "on", "off", "")
        self.assertEqual(asked, [own])
        self.assertEqual(self.sql("SELECT DISTINCT statement_timeout <> '1ms', wanted FROM spy.seen", "app"), [("t", "eve")])
        self.assertGreaterEqual(int(self.sql("SELECT count(*) FROM spy.seen", "app")[0][0]), 2 * (len(hostile) - 1))
        # The trap is set: the same names by that path find the guess.
        direct = psycopg2.connect(host="127.0.0.1", port=self.cluster.primary.port, user="authsuper", password="superpass",
                                  dbname="app", options="-c search_path=evil,pg_catalog")
        self.addCleanup(direct.close)
        self.assertEqual(value(direct, "SELECT password FROM spy.lookup('eve')"), "guessed")
        # What clients set before stays on their connections: a shadow in the database, for the unqualified name.
        careless = self.asking("SELECT name, password FROM lookup($1)")
        self.assertIn("looked up", self.refused(careless, "eve", "guessed", options="-c search_path=evil"))

    def test_auth_query_that_ignores_valid_until(self):
        for role in ("authsuper", "pgweir_auth"):  # what a role likes to read must not move the end
            self.sql(f"ALTER ROLE {role} SET DateStyle = 'German'; ALTER ROLE {role} SET TimeZone = 'Pacific/Kiritimati'")
            self.addCleanup(self.sql, f"ALTER ROLE {role} RESET ALL")
        recipes = {"query": self.asking, "function": self.by_function}
        # Each with a server that takes what pgweir learns by the method.
        users = {"scram-sha-256": "app", "password": "plainuser", "md5": "md5user", "trust": "trustuser"}
        for name, make in recipes.items():
            for method, user in users.items():
                weir = make(proxy={"auth_type": method})
                self.addCleanup(self.set_end, user, None)
                for when, works in (("now() + interval '10 min'", True), ("now() - interval '10 min'", False), (None, True),
                                    ("now() - interval '1 s'", False), ("'infinity'", True), ("'-infinity'", False),
                                    ("'0044-03-15 BC'", False)):
                    with self.subTest(recipe=name, auth_type=method, until=when):
                        self.set_end(user, when)
                        if works:  # and leaves its server connection in the pool
                            self.assertEqual(value(self.connect(weir, user, USERS[user]), "SELECT 1"), 1)
                        elif method == "trust":
                            self.assertIn("is not configured", self.refused(weir, user, USERS[user]))
                        else:
                            self.assertIn("password authentication failed", self.refused(weir, user, USERS[user]))
                weir.stop()

    def set_end(self, user, when):
        self.sql(f"UPDATE pg_authid SET rolvaliduntil = {when or 'NULL'} WHERE rolname = '{user}'")

    def test_an_unknown_user_logged_in_as_the_auth_user(self):
        self.sql("CREATE ROLE \"o'brien\" LOGIN PASSWORD 'quoted'; CREATE ROLE \"say \"\"hi\"\"\" LOGIN PASSWORD 'quoted'; "
                 "CREATE ROLE nopass LOGIN")
        for role in ("authsuper", "pgweir_auth"):
            for method in ("trust", "password", "md5", "scram-sha-256"):
                make = self.asking if role == "authsuper" else self.by_function
                weir = make(proxy={"auth_type": method})
                with self.subTest(auth_user=role, auth_type=method):
                    self.nobody_comes_in_as(role, weir, method)
                    weir.stop()

    def nobody_comes_in_as(self, role, weir, method):
        unknown = ["ghost", " ", role.upper(), f" {role}", f"{role} ", f'"{role}"', f"{role}'", f"'; SELECT '{role}", f"{role}\n",
                   "$1", "%", "_" * len(role), "nopass", "postgres\\", f"{role}/", "\u00e9" * 40, "x" * 5000, "public", "none"]
        passwords = ["x"] if method in ("trust", "scram-sha-256") else ["", "x", "superpass", "authpass"]
        for name in unknown:
            for password in passwords:
                fields = self.refused_by_wire(weir, {"user": name, "database": "app"}, password)
                self.assertRegex(fields["C"], "28000|28P01|08P01", name)
        for parameters in ({"user": "", "database": "app"}, {"database": "app"}):
            self.assertEqual(self.refused_by_wire(weir, parameters)["C"], "28000")
        # A NUL ends the name: what is behind it is another parameter, or broken.
        for login, codes in (({"user": f"ghost\0{role}"}, "08P01|42704|28000|28P01"),
                             ({"user": "ghost", "options": f"-c user={role}"}, "42704")):
            self.assertRegex(self.refused_by_wire(weir, {**login, "database": "app"})["C"], codes)
        if method != "trust":  # the auth user's own name, and not its password
            for password in ("", "x", role, "md5" + "0" * 32, "superpass\0" if role == "authsuper" else "authpass\0"):
                fields = self.refused_by_wire(weir, {"user": role, "database": "app"}, password)
                self.assertRegex(fields["C"], "28P01|08P01", password)
        else:
            self.assertIn("is not configured", self.refused(weir, "nopass", ""))
        if method in ("password", "scram-sha-256"):  # who is somebody is that one
            for name in ("o'brien", 'say "hi"'):
                connection = self.connect(weir, name.replace("'", "\\'"), "quoted")
                self.assertEqual(value(connection, "/* pgweir: primary */ SELECT session_user"), name)
        as_role = self.sql(f"SELECT application_name FROM pg_stat_activity WHERE usename = '{role}'")
        self.assertEqual(set(as_role) - {("pgweir_auth",)}, set())


if __name__ == "__main__":
    main()
