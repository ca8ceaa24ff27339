"""Lessons from others' security bugs, about those who are logged in and what operators see (semantics.md I): a test each."""

import hashlib
import re
import subprocess

import harness
import wire as w
from harness import ROOT, ClusterCase, main, psycopg2, until, value

ADMIN = {"name": "admin", "password": "admin", "admin": True}
APP = {"name": "app", "password": "app"}
# PgBouncer's, of which a console may once have some.
ELSEWHERE = ["PAUSE", "PAUSE app", "RESUME", "RELOAD", "KILL app", "SHUTDOWN", "SHUTDOWN WAIT_FOR_CLIENTS", "SUSPEND",
             "DISABLE app", "ENABLE app", "RECONNECT", "WAIT_CLOSE app", "SHOW FDS", "SHOW MEM", "SHOW SOCKETS", "SET max_client_conn = 1"]


def extended(sql):
    return w.parse(sql) + w.bind() + w.describe() + w.execute() + w.SYNC


class Sessions(ClusterCase):
    replicas = 1

    # ---- the console

    def test_an_admin_command_without_an_admin_check(self):
        users = [APP, ADMIN, {"name": "pgweir", "password": "pgweir"}, {"name": "Admin", "password": "admin"}]
        for method in ("trust", "password"):
            weir = self.weir(proxy={"auth_type": method, "auth_failure_delay": "0s"}, user=users)
            commands = [row["command"] for row in weir.console("SHOW HELP")] + ELSEWHERE
            self.assertGreater(len(commands), len(ELSEWHERE) + 10)
            settings = weir.console("SHOW CONFIG")
            for command in commands:
                for said in (w.query(command + ";"), extended(command), w.SYNC + w.query(f"/* x */ {command.lower()}")):
                    self.no_console_for(weir, said, command)
            for more in ({"replication": "database"}, {"replication": "true"}, {"replication": "off", "options": "-c admin=on"},
                         {"user": "pgweir"}, {"user": "Admin"}, {"database": "PGWEIR"}, {"database": "pgweir "}):
                self.no_console_for(weir, w.query("SHOW CONFIG"), more, **more)
            self.no_commands_elsewhere(weir, commands)
            # The administrator's way is simple queries of known commands, and no other way does anything.
            console = self.wire(weir.port, user="admin", password="admin", database="pgweir")
            for command in commands:
                console.send(extended(command))
                self.assertFalse([m for m in console.read_ready() if m.tag in "TD"], command)
            self.assertEqual({r["key"]: r["value"] for r in weir.console("SHOW STATE")},
                             {"active": "yes", "paused": "no", "suspended": "no"})
            self.assertEqual(weir.console("SHOW CONFIG"), settings)

    def no_console_for(self, weir, said, what, **more):
        wire = self.wire(weir.port)
        login = {"user": "app", "database": "pgweir", **more}
        wire.send(w.startup(login) + w.message("p", w.text(login["user"].lower() if more else "app")) + said)
        messages = wire.read_to_end()
        self.assertFalse([m for m in messages if m.tag in "TDCZK"], (what, messages))
        if not more:
            self.assertEqual([m.fields["C"] for m in messages if m.tag == "E"], ["42501"], what)

    def no_commands_elsewhere(self, weir, commands):
        wire = self.wire(weir.port, user="app", password="app")
        for command in commands:
            for said in (w.query(command), extended(command)):
                wire.send(said)
                codes = [m.fields["C"] for m in wire.read_ready() if m.tag == "E"]
                self.assertIn(codes, (["42601"], ["42704"]), command)  # PostgreSQL's: it knows no such thing

    # ---- names

    NAMES = [b"%s%n%x%99999d", b"{} {0} {:d} {", b"a\nb level=error event=forged", b"\r\nevent=forged", b"\x1b[2J\x07\t\x7f\x08",
             b"\xff\xfe\x80", b"\xc3\x28", b"x" * 9000, "\u00e9\u202e\u2028\ufeff".encode(), b"\\x0a\\",
             b"'; DROP ROLE app; --", b"$1", b"..", b"%", b"{" * 60]

    def test_a_network_supplied_name_in_a_fatal_path(self):
        odd = '%s%n {} {0} " \u00e9'
        self.sql(f"""CREATE ROLE "{odd.replace('"', '""')}" LOGIN PASSWORD 'odd'""")
        weir = self.weir_with_replicas(proxy={"auth_type": "trust", "auth_failure_delay": "0s"},
                                       user=[APP, ADMIN, {"name": odd, "password": "odd"}],
                         log={"level": "debug", "connections": True, "disconnections": True},
                         pool={"query_wait_timeout": "3s"})
        for name in self.NAMES:
            with self.subTest(name=name[:20]):
                self.named(weir, name)
        self.assertEqual(self.wire(weir.port, user=odd).ask("SELECT session_user"), [[odd]])
        for command in ("CLIENTS", "POOLS", "SERVERS", "DATABASES", "USERS", "LISTS"):
            weir.console(f"SHOW {command}")
        page = weir.get("/metrics")[1]
        self.assertFalse([line for line in page.split("\n") if line and not re.match(r"# |\w+(\{.*\})? [-+.\w]+$", line)])
        # Those of unknown users, of databases that there are none of, and of settings: each is a line.
        failed = len(self.NAMES)
        until(lambda: weir.log_text().count(" event=login_failed ") >= failed, "all are logged")
        lines = weir.log_file.read_bytes().split(b"\n")
        self.assertEqual(lines.pop(), b"")
        self.assertEqual(sum(b" event=login_failed " in line for line in lines if b'user="app"' not in line), failed)
        for line in lines:
            self.assertRegex(line[:60], rb"^\d{4}-\d\d-\d\dT[\d:.]{12}Z level=\w+ event=\w+")
            self.assertFalse([c for c in line if c < 32 or c == 127], line[:200])
            self.assertLess(len(line), 11_000)
        self.assertFalse([line for line in lines if line.startswith(b"event=")])

    def named(self, weir, name):
        """Everywhere that a name can be said."""
        opened = []

        def wire_to(port, **login):
            opened.append(self.wire(port, **login))
            return opened[-1]
        self.named_at(weir, name, wire_to)
        for wire in opened:  # a PREPARE has its server connection until it leaves
            wire.close()
        self.assertTrue(weir.running)

    def named_at(self, weir, name, wire_to):
        wire = wire_to(weir.port)
        wire.send(w.startup({"user": name, "database": "app"}))
        self.assertEqual(wire.read_to_end()[-1].fields["C"], "28000")
        wire = wire_to(weir.port)
        wire.send(w.startup({"user": "app", "database": name}))
        self.assertRegex(wire.read_to_end()[-1].fields["C"], "3D000|22021|42602|08P01|57014|08006")
        for more in ({"application_name": name}, {"options": b"-c application_name=" + name.replace(b" ", b"\\ ")}, {name: "x"},
                     {"DateStyle": name}):
            wire = wire_to(weir.port)
            wire.send(w.startup({"user": "app", "database": "app", **more}) + w.query("SELECT 1"))
            answer = wire.read()
            while answer.tag not in "EZ":
                answer = wire.read()
        wire = wire_to(weir.port, user="app")
        quoted = b'"' + name[:60].replace(b'"', b'""') + b'"'
        for said in (w.parse("SELECT 1", name) + w.SYNC, w.bind(name=name, portal=name) + w.SYNC, w.close("S", name) + w.SYNC,
                     w.query(b"LISTEN " + quoted), w.query(b"UNLISTEN " + quoted),
                     w.query(b"PREPARE " + quoted + b" AS SELECT 1"),
                     w.query(b"SELECT * FROM " + quoted), w.query(b"SET application_name = " + quoted),
                     w.query(b"/* " + name + b" */ SELECT 1")):
            wire.send(said)
            wire.read_ready()
        console = wire_to(weir.port, user="admin", database="pgweir")
        console.send(w.query(b"SHOW " + name))
        self.assertEqual(console.read_ready()[0].tag, "E")
        http = wire_to(weir.http_port)
        http.send(b"GET /" + name + b" HTTP/1.1\r\nHost: " + name + b"\r\n\r\n")
        http.receive()

    # ---- caches

    def test_a_cache_that_serves_rows_which_the_user_may_not_see(self):
        self.sql("""CREATE ROLE alice LOGIN PASSWORD 'alice'; CREATE ROLE bob LOGIN PASSWORD 'bob';
                    CREATE TABLE notes (owner name, note text); GRANT SELECT ON notes TO alice, bob;
                    INSERT INTO notes VALUES ('alice', 'of alice'), ('bob', 'of bob');
                    ALTER TABLE notes ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON notes USING (owner = current_user);
                    CREATE TABLE hers (note text); INSERT INTO hers VALUES ('hers'); GRANT SELECT ON hers TO alice;
                    CREATE SCHEMA private; GRANT USAGE ON SCHEMA private TO alice;
                    CREATE TABLE private.t (secret_column text); GRANT SELECT ON private.t TO alice""", "app")
        self.cluster.wait_caught_up()
        weir = self.weir_with_replicas(proxy={"auth_type": "trust"}, pool={"default_pool_size": 1},
                                       user=[APP, ADMIN, *({"name": n, "password": n} for n in ("alice", "bob"))])
        alice, bob = (self.wire(weir.port, user=name) for name in ("alice", "bob"))
        sql = "SELECT note FROM notes ORDER BY note"
        for text in (sql, "/* pgweir: primary */ " + sql):  # of a replica, and of the primary
            for wire in (alice, bob):
                wire.send(w.parse(text, "s") + w.SYNC)
                wire.read_ready()
            for _ in range(3):
                for wire, own in ((alice, "of alice"), (bob, "of bob")):
                    self.assertEqual(wire.ask(text), [[own]])
                    for said in (w.bind(name="s") + w.describe() + w.execute() + w.SYNC, extended(text)):
                        self.assertEqual(self.rows(wire, said), [[own]])
            for wire in (alice, bob):
                wire.send(w.close("S", "s") + w.SYNC)
                wire.read_ready()
        self.hers_alone(alice, bob)
        # A setting that one may make is not therefore accepted of another.
        self.sql("CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'boss'")
        weir = self.weir(proxy={"auth_type": "trust"}, user=[ADMIN, *({"name": n, "password": n} for n in ("boss", "bob"))])
        allowed = {"session_replication_role": "replica"}
        self.assertEqual(self.wire(weir.port, user="boss", **allowed).ask("SHOW session_replication_role"), [["replica"]])
        with self.assertRaises(PermissionError) as raised:
            self.wire(weir.port, user="bob", **allowed)
        self.assertEqual(raised.exception.args[0]["C"], "42501")

    def rows(self, wire, said):
        wire.send(said)
        messages = wire.read_ready()
        self.assertFalse([m.fields for m in messages if m.tag == "E"])
        return [m.values for m in messages if m.tag == "D"]

    def hers_alone(self, alice, bob):
        """What was parsed for her is not therefore his."""
        for text in ("SELECT note FROM hers", "SELECT secret_column FROM private.t",
                     "/* pgweir: primary */ SELECT note FROM hers"):
            self.rows(alice, w.parse(text, "n") + w.describe("S", "n") + w.bind(name="n") + w.execute() + w.SYNC)
            self.rows(alice, w.close("S", "n") + w.SYNC)
            bare = (w.parse(text, "n") + w.SYNC,) if "private" in text else ()  # PostgreSQL's Parse does not look at the table's rights
            for said in (*bare, extended(text), w.query(text), w.parse(text, "n") + w.bind(name="n") + w.execute() + w.SYNC):
                bob.send(said)
                messages = bob.read_ready()
                self.assertEqual([m.fields["C"] for m in messages if m.tag == "E"], ["42501"], text)
                self.assertFalse([m for m in messages if m.tag == "D"], text)
            bob.send(w.close("S", "n") + w.parse(text, "n") + w.describe("S", "n") + w.SYNC)
            if "private" in text:  # not even its columns
                self.assertFalse([m for m in bob.read_ready() if m.tag == "T"])
            else:
                bob.read_ready()
            bob.send(w.close("S", "n") + w.SYNC)
            bob.read_ready()

    # ---- passwords

    def test_a_console_command_that_prints_a_password(self):
        verifier = self.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'")[0][0]
        digest = hashlib.md5(b"md5passmd5user").hexdigest()
        self.sql("ALTER ROLE pgweir_monitor PASSWORD 'monitor-word'; CREATE ROLE asker SUPERUSER LOGIN PASSWORD 'asker-word'; "
                 "CREATE ROLE found LOGIN PASSWORD 'found-word'; CREATE ROLE other LOGIN PASSWORD 'other-word'")
        self.addCleanup(self.sql, "ALTER ROLE pgweir_monitor PASSWORD 'monitor'")
        self.cluster.wait_caught_up()
        (self.folder / "userlist.txt").write_text('"listed" "listed-word"\n')
        (self.folder / "password.txt").write_text("filed-word\n")
        weir = self.weir_with_replicas(
            log={"level": "debug", "connections": True, "disconnections": True}, monitor={"password": "monitor-word"},
            proxy={"auth_type": "password", "auth_failure_delay": "0s", "auth_file": "userlist.txt",
                   "auth_user": "asker", "auth_password": "asker-word", "auth_dbname": "app",
                   "auth_query": "SELECT rolname, rolpassword FROM pg_catalog.pg_authid WHERE rolname = $1"},
            database=[{"name": "forced", "dbname": "app", "user": "other", "password": "other-word"}, {"name": "*"}],
            user=[{"name": "app", "password": verifier}, {"name": "md5user", "password": f"md5{digest}"}, ADMIN,
                  {"name": "plain", "password": "plain-word"}, {"name": "filed", "password_file": "password.txt"}])
        told = []
        for user, password, database in (("app", "app", "app"), ("md5user", "md5pass", "app"), ("plain", "plain-word", "forced"),
                                         ("filed", "filed-word", "forced"), ("listed", "listed-word", "forced"),
                                         ("found", "found-word", "app"), ("listed", "listed-word", "app"),
                                         ("plain", "wrong-word", "app"), ("ghost", "wrong-word", "app"),
                                         ("plain", "plain-word", "absent"), ("plain", "plain-word", "pgweir")):
            try:
                connection = self.connect(weir, user, password, database)
                told.append(value(connection, "/* pgweir: primary */ SELECT session_user"))
                value(connection, "SELECT 1")
            except psycopg2.Error as error:
                told.append(str(error))
        self.assertGreaterEqual(told.count("other"), 3)  # the way of the secrets was gone
        app = self.connect(weir)
        for sql in ("CREATE ROLE late PASSWORD 'sql-word'", "SELECT 'sql-word' FROM nothing"):
            with self.assertRaises(psycopg2.Error):
                value(app, sql)
        shown = {row["command"]: str(weir.console(row["command"])) for row in weir.console("SHOW HELP")
                 if row["command"].startswith("SHOW ")}
        hidden = [row for row in weir.console("SHOW CONFIG") if "password" in row["key"]]
        self.assertGreaterEqual(len({row["key"] for row in hidden}), 8)
        checked = subprocess.run([str(harness.BINARY), "check", str(weir.config_file)], capture_output=True, text=True,
                                 timeout=60)
        places = {**shown, "metrics": weir.get("/metrics")[1], "health": weir.get("/health")[1], "ready": weir.get("/ready")[1],
                  "told": str(told), "check": checked.stdout + checked.stderr, "log": weir.log_text()}
        self.assertIn("event=server_login ", places["log"])  # it is of level debug
        salt, keys = verifier.split(":", 1)[1].split("$")
        words = [f"{n}-word" for n in "monitor asker found other listed filed plain wrong sql".split()]
        for secret in (*words, digest, salt, *keys.split(":")):
            self.assertEqual([place for place, text in places.items() if secret in text], [], secret)

    # ---- comparisons

    # What holds a secret, or is made of one.
    SECRET = r"(?:\w*(?:password|passwd|secret|proof|signature|verifier|digest)\w*|stored_?key\w*|" \
             r"\w*server_key\w*|\w*client_key\w*|" \
             r"\w*md5_\w*|plain_|hash|nonce_?|stored|answer|scram_\w*)"
    OPERAND = rf"(?:[\w:]+(?:\.|->))*{SECRET}(?:\(\))?(?![\w.(-])"
    DIGEST = "(?:sha256|hmac_sha256|md5_hex|md5_stored|md5_response)"
    PLAIN = re.compile(rf"(?<![\w.>]){OPERAND}\s*(?:==|!=)(?!\s*(?:nullptr|std::nullopt|std::string_view::npos))|"
                       rf"(?:==|!=)\s*\*?{OPERAND}|"
                       rf"\b{DIGEST}\([^;]*?\)\s*(?:==|!=)|(?:==|!=)\s*(?:\w+::)*{DIGEST}\(|"
                       rf"\b(?:memcmp|strcmp|strncmp|std::equal|ranges::equal)\(|\.compare\(")

    # They compare settings' values, names, the answers of two servers, and two versions of the administrator's own file.
    NO_SECRETS = {"functions.cpp", "parameters.cpp", "setting_names.cpp", "tls_context.cpp", "names.hpp", "verifier.cpp", "diff.cpp"}

    def plain_comparisons(self, text):
        """Lines that compare secrets in a time that tells where they differ."""
        found = []
        for line in text.splitlines():
            code = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line).split("//")[0]
            if self.PLAIN.search(code) and "CRYPTO_memcmp" not in code:
                found.append(line.strip())
        return found

    def test_password_comparison_that_is_not_constant_time(self):
        files = [f for folder in ("config", "protocol", "proxy") for f in (ROOT / folder).rglob("*.[ch]pp")
                 if f.name not in self.NO_SECRETS]
        self.assertGreater(len(files), 100)
        found = {(f.name, line) for f in files for line in self.plain_comparisons(f.read_text())}
        self.assertEqual(found, set())
        # It sees what it looks for: such lines, and each call of the right function made a plain comparison.
        for bad in ("if (password == plain_) return true;", "return std::memcmp(a.data(), b.data(), a.size()) == 0;",
                    "if (proof.compare(own) == 0)", "if (entry_->credentials.password() == *password)",
                    "return std::ranges::equal(given, secret);", "if (keys.server_key == verifier.server_key)"):
            self.assertTrue(self.plain_comparisons(bad), bad)
        calls = [line for f in files if f.suffix == ".cpp" for line in f.read_text().splitlines()
                 if "constant_time_equal(" in line and "noexcept" not in line and "(void)" not in line]
        self.assertGreaterEqual(len(calls), 7)
        for line in calls:
            plain = re.sub(r"(?:protocol::)?constant_time_equal\((\S+), ", r"(\1 == ", line)
            self.assertTrue("==" in plain and self.plain_comparisons(plain), plain)
        # And what is called instead is constant in time, wherever a client or a server proves something.
        crypto = (ROOT / "protocol/scram_crypto.cpp").read_text()
        self.assertRegex(crypto, r"bool constant_time_equal\(.*\) noexcept \{\n"
                         r"    return .*CRYPTO_memcmp\(a\.data\(\), b\.data\(\), a\.size\(\)\) == 0;\n\}")
        for file, function in (("protocol/scram.cpp", "ScramServer::final"), ("protocol/scram.cpp", "ScramServer::check_proof"),
                               ("protocol/scram.cpp", "ScramClient::verify"), ("protocol/scram_verifier.cpp", "bool matches"),
                               ("proxy/session/credentials.cpp", "Credentials::matches"),
                               ("proxy/session/client_login.cpp", "ClientLogin::on_md5")):
            body = (ROOT / file).read_text().split(function + "(", 1)[1].split("\n}\n", 1)[0]
            self.assertIn("constant_time_equal(", body, function)
        mail = (ROOT / "proxy/net/worker_mail.cpp").read_text()  # the keys of cancel requests
        self.assertIn("difference |= ", mail.split("bool same_secret(", 1)[1].split("\n}\n", 1)[0])


if __name__ == "__main__":
    main()
