"""Who may come in, and how: [[access]] with addresses, databases, users, TLS and certificates."""

import os
import re

import wire as w
from harness import USERS, ClusterCase, main, psycopg2, until, value
from tls_test import Authority


def rule(name, method, **more):
    return {"name": name, "method": method, **more}


class Access(ClusterCase):
    replicas = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = Authority(cls.folder / "tls")
        cls.proxy_certificate = cls.authority.issue("proxy", "localhost")
        cls.certificates = {}
        for name in ("app", "other"):
            cls.certificates[name] = cls.authority.issue(f"client-{name}", name)
        cls.certificates["two names"] = cls.authority.issue("client-two", "other/CN=app")
        stranger = Authority(cls.folder / "stranger")
        cls.certificates["stranger"] = stranger.issue("client", "app")
        for _, key in cls.certificates.values():
            os.chmod(key, 0o600)

    def door(self, *rules, **more):
        return self.weir(access=list(rules), **more)

    def tls_door(self, *rules, mode="prefer", **more):
        certificate, key = self.proxy_certificate
        tls = {"sslmode": mode, "cert_file": str(certificate), "key_file": str(key), "ca_file": str(self.authority / "ca.crt")}
        return self.door(*rules, client_tls=tls, **more)

    def with_certificate(self, name):
        certificate, key = self.certificates[name]
        return {"sslmode": "require", "sslcert": str(certificate), "sslkey": str(key)}

    def refused(self, weir, user="app", password="app", database="app", **more):
        with self.assertRaises(psycopg2.OperationalError) as raised:
            psycopg2.connect(weir.dsn(user, password, database, connect_timeout=20, **more))
        return str(raised.exception)

    def test_the_first_rule_that_matches(self):
        weir = self.door(rule("elsewhere", "reject", address=["10.0.0.0/8", "fd00::/8"]),
                         rule("trusted", "trust", address=["127.0.0.0/8"], user=["trustuser"]),
                         rule("here", "scram-sha-256", address=["127.0.0.1"], user=["app"]),
                         user=[{"name": n, "password": USERS[n]} for n in ("app", "trustuser", "plainuser")])
        self.assertEqual(value(self.connect(weir), "SELECT current_user"), "app")
        self.assertIn("password authentication failed", self.refused(weir, password="wrong"))
        self.assertEqual(value(self.connect(weir, "trustuser", None), "SELECT current_user"), "trustuser")
        said = self.refused(weir, "plainuser", "plainpass")
        self.assertIn('no access rule for host "127.0.0.1", user "plainuser", database "app", no encryption', said)
        fields = self.fatal(weir, user="plainuser", database="app")
        self.assertEqual(fields["C"], "28000")

    def fatal(self, weir, **parameters):
        wire = self.wire(weir.port)
        wire.send(w.startup(parameters))
        return wire.read_to_end()[-1].fields

    def test_a_rejection_is_logged_with_its_rule(self):
        weir = self.door(rule("nobody, really", "reject", user=["app"]), rule("rest", "trust"))
        fields = self.fatal(weir, user="app", database="app")
        self.assertEqual(fields["C"], "28000")
        self.assertIn("access rules reject connection", fields["M"])
        self.assertNotIn("really", fields["M"])
        until(lambda: 'rule="nobody, really"' in weir.log_text(), "the rule is in the log")

    def test_databases(self):
        weir = self.door(rule("same", "trust", database=["sameuser"]), rule("console", "scram-sha-256", database=["pgweir"]),
                         rule("replication", "trust", database=["replication"]))
        self.assertEqual(value(self.connect(weir), "SELECT current_database()"), "app")
        self.assertIn("no access rule", self.refused(weir, database="postgres"))
        self.assertTrue(weir.console("SHOW CONFIG"))  # admin, whose database is not "admin"
        self.assertIn("no access rule", self.refused(weir, "admin", "admin", "app"))
        # replication=true is of no database; what comes after the door is not this test's business.
        self.assertNotIn("access rule", self.fatal(weir, user="app", database="postgres", replication="true")["M"])
        self.assertIn("no access rule", self.fatal(weir, user="app", database="postgres", replication="database")["M"])
        plain = self.door(rule("all", "trust", database=["all"]))
        self.assertIn("no access rule for replication connection", self.fatal(plain, user="app", replication="true")["M"])

    def test_v4_clients_of_a_v6_socket(self):
        weir = self.door(rule("v4", "trust", address=["127.0.0.1"]), proxy={"listen_addr": "*"})
        self.assertEqual(value(self.connect(weir, password=None), "SELECT current_user"), "app")
        v6 = self.door(rule("v6", "trust", address=["::/0"]), proxy={"listen_addr": "*"})
        self.assertIn("no access rule", self.refused(v6))

    def test_tls(self):
        weir = self.tls_door(rule("encrypted", "scram-sha-256", tls="only", user=["app"]), rule("plain", "reject", tls="none"),
                             rule("rest", "trust"))
        self.assertEqual(value(self.connect(weir, sslmode="require"), "SELECT current_user"), "app")
        self.assertIn("no encryption", self.refused(weir, sslmode="disable"))
        self.assertIn("password", self.refused(weir, sslmode="require", password="wrong"))

    def test_certificates(self):
        weir = self.tls_door(rule("certified", "cert", tls="only", user=["app", "nobody"]), rule("rest", "scram-sha-256"))
        connection = self.connect(weir, password=None, **self.with_certificate("app"))
        self.assertEqual(value(connection, "SELECT current_user"), "app")
        self.assertIn('certificate authentication failed for user "app"', self.refused(weir, **self.with_certificate("other")))
        # Of two names nobody knows which one was meant.
        self.assertIn("valid client certificate", self.refused(weir, **self.with_certificate("two names")))
        # Not even a handshake for what the authority has not signed.
        self.assertRegex(self.refused(weir, **self.with_certificate("stranger")), "(?i)certificate|closed|reset|alert")
        self.assertIn("valid client certificate", self.refused(weir, sslmode="require"))
        # Who needs none need not show one, and may.
        self.assertEqual(value(self.connect(weir, sslmode="disable"), "SELECT current_user"), "app")
        self.assertTrue(self.connect(weir, "admin", "admin", "pgweir", **self.with_certificate("other")))

    def test_a_right_certificate_of_somebody_unknown(self):
        weir = self.tls_door(rule("certified", "cert", tls="only"))
        said = self.refused(weir, "other", **self.with_certificate("other"))
        self.assertIn('certificate authentication failed for user "other"', said)

    def test_names_of_the_network_in_the_log(self):
        """A format string, quotes and line ends in names: one line a failure, and none of ours forged."""
        weir = self.door(rule("app", "trust", user=["app"]))
        for name in ("%s%n{}{0}", 'a" event="forged', "a\nevent=forged", "\x1b[2J\r\t", "x" * 3000):
            with self.subTest(name=name[:20]):
                before = weir.log_text().count("event=login_failed")
                self.assertEqual(self.fatal(weir, user=name, database=name)["C"], "28000")
                until(lambda: weir.log_text().count("event=login_failed") > before, "it is logged")
        # A database of such a name, and a client that comes in and goes.
        self.wire(weir.port).send(w.startup({"user": "app", "database": "d\nevent=forged"}))
        until(lambda: re.search(r"d(\?|\\x0a)event=forged", weir.log_text()), "the client's end is logged")
        lines = weir.log_text().splitlines()
        self.assertFalse([line for line in lines if line.startswith("event=forged")])
        self.assertFalse([line for line in lines if any(ord(c) < 32 for c in line)])
        self.assertIn("%s%n{}{0}", weir.log_text())


if __name__ == "__main__":
    main()
