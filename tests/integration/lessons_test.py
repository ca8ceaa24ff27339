"""Lessons from others' security bugs where the attacker is a client (semantics.md I): each class a test.

The classes of auth_query and of hostile servers have files of their own: lessons_auth_query_test.py, lessons_server_test.py.
"""

import ssl
import struct

import wire as w
from authority import Authority
from harness import SLOW, ClusterCase, main, value

FATAL = ("FATAL", "FATAL")
ADMIN = {"name": "admin", "password": "admin", "admin": True}
APP = {"name": "app", "password": "app"}
LENGTHS = (0, 1, 2, 3, -1, -2, -4, -5, -(1 << 31), 0x7FFFFFFF, 0x7FFFFFFB, 0x80000004, 1 << 30, 65540, 1 << 24)


class Before(ClusterCase):
    """What somebody sends who has not logged in."""

    replicas = 0

    def the_fatal(self, wire, codes, what):
        """The one error that ends it; nobody got further than a question for a password."""
        messages = wire.read_to_end()
        self.assertFalse([m for m in messages if m.tag not in "ER"], f"{what}: {messages}")
        fields = messages[-1].fields if messages else {}
        self.assertEqual((fields.get("S"), fields.get("V")), FATAL, f"{what}: {messages}")
        self.assertIn(fields["C"], codes, f"{what}: {fields}")
        return fields

    def asked(self, weir):
        """A connection that is asked for its password."""
        wire = self.wire(weir.port)
        wire.timeout = 5 * SLOW  # far below client_login_timeout: a length is judged before its message is there
        wire.send(w.startup({"user": "app", "database": "app"}))
        self.assertEqual(wire.read().tag, "R")
        return wire

    def test_an_integer_overflow_in_a_length_check_before_authentication(self):
        methods = ("scram-sha-256", "password", "md5")
        weirs = {m: self.weir(proxy={"auth_type": m, "client_login_timeout": "1min"}) for m in methods}
        weir = weirs["password"]
        others = self.wire(weir.port, user="app")
        before = weir.usage().rss_bytes()
        ssl_code, cancel = 80877103, 80877102
        for code in (w.PROTOCOL_3_0, w.PROTOCOL_3_2, ssl_code, 80877104, cancel):
            for length in (*(n for n in LENGTHS if n != 1 << 24), 4, 5, 6, 7, 10_001, 0x10000):
                wire = self.wire(weir.port)
                wire.timeout = 5 * SLOW
                wire.send(struct.pack(">II", length & 0xFFFFFFFF, code) + b"user\0app\0\0")
                self.the_fatal(wire, {"08P01"}, (hex(code), length))
        for code, length in ((ssl_code, 9), (ssl_code, 10_000), (80877104, 12), (cancel, 12), (cancel, 8), (cancel, 12 + 257)):
            wire = self.wire(weir.port)
            wire.send(struct.pack(">II", length, code) + b"\0" * (length - 8))
            self.the_fatal(wire, {"08P01"}, (hex(code), length))
        for method, weir in weirs.items():
            for tag in (b"p", b"Q", b"P", b"d", b"\0", b"\xff"):
                for length in LENGTHS:
                    wire = self.asked(weir)
                    wire.send(w.raw(tag, length, b"app\0"))
                    self.the_fatal(wire, {"08P01"}, (method, tag, length))
            for body in (b"", b"\0\0", b"app", b"app\0app\0"):
                wire = self.asked(weir)
                wire.send(w.message("p", body))
                self.the_fatal(wire, {"08P01", "28P01"} if method == "md5" else {"08P01"}, (method, body))
        self.sasl_lengths(weirs["scram-sha-256"])
        self.assertEqual(others.ask("SELECT 1"), [["1"]])
        for weir in weirs.values():
            self.assertEqual(value(self.connect(weir), "SELECT 1"), 1)
        if SLOW == 1:
            self.assertLess(weirs["password"].usage().rss_bytes() - before, 100_000_000)

    def sasl_lengths(self, weir):
        """The length inside SASLInitialResponse, which the message's own contradicts."""
        first = b"n,,n=,r=abcdefghijklmnopqrstuvwx"
        mechanism = b"SCRAM-SHA-256\0"
        for length in (*LENGTHS, len(first) - 1, len(first) + 1, len(first) + 14, 5):
            wire = self.asked(weir)
            wire.send(w.message("p", mechanism + struct.pack(">I", length & 0xFFFFFFFF) + first))
            self.the_fatal(wire, {"08P01"}, length)
        for body in (b"", b"\0", b"SCRAM-SHA-256", mechanism, mechanism + b"\0\0\0", mechanism + struct.pack(">i", 1 << 30),
                     mechanism + b"\0\0\0\0", mechanism + b"\xff\xff\xff\xfe"):
            wire = self.asked(weir)
            wire.send(w.message("p", body))
            self.the_fatal(wire, {"08P01"}, body)
        wire = self.asked(weir)  # the right length is understood
        wire.send(w.message("p", mechanism + struct.pack(">I", len(first)) + first))
        self.assertEqual(wire.read().body[:4], b"\0\0\0\x0b")

    def test_plaintext_accepted_after_starttls(self):
        certificate, key = Authority(self.folder / "tls").issue("proxy", "localhost")
        weir = self.weir(proxy={"auth_type": "trust"}, user=[APP, ADMIN],
                         client_tls={"sslmode": "prefer", "cert_file": str(certificate), "key_file": str(key)})
        startup = w.startup({"user": "app", "database": "app"})
        incoming, hello = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with self.assertRaises(ssl.SSLWantReadError):
            context.wrap_bio(incoming, hello).do_handshake()
        for behind in (startup, startup + w.query("SELECT 1"), startup[:1], b"\0", hello.read(), w.SSL_REQUEST, w.GSS_REQUEST):
            wire = self.wire(weir.port)
            wire.send(w.SSL_REQUEST + behind)
            answer = self.all_of(wire.socket)
            self.assertEqual(answer[:1], b"N", behind)  # a handshake would begin behind an S
            self.assertIn(b"C08P01\0", answer, behind)
            self.assertNotIn(b"R\0\0\0\x08\0\0\0\0", answer, behind)
        # And after the S, where TLS has to begin.
        for instead in (startup, w.query("SELECT 1"), w.message("p", b"app\0") + startup, b"\0" * 1000):
            wire = self.wire(weir.port)
            wire.send(w.SSL_REQUEST)
            self.assertEqual(wire.socket.recv(1), b"S")
            wire.send(instead)
            self.assertNotIn(b"R\0\0\0\x08\0\0\0\0", self.all_of(wire.socket), instead)
        self.assertEqual(value(self.connect(weir, sslmode="require"), "SELECT 1"), 1)

    @staticmethod
    def all_of(plain):
        answer = b""
        try:
            while chunk := plain.recv(65536):
                answer += chunk
        except ConnectionResetError:
            pass
        return answer


class Inside(ClusterCase):
    """What somebody does who is known."""

    replicas = 1

    # ---- an error without SQLSTATE

    def whole(self, messages, what):
        """Every error among these has each of S, V, C and M once; the codes."""
        codes = []
        for m in (m for m in messages if m.tag == "E"):
            letters = [part[:1] for part in m.body.rstrip(b"\0").split(b"\0")]
            for letter in (b"S", b"V", b"C", b"M"):
                self.assertEqual(letters.count(letter), 1, f"{what}: {m.body}")
            self.assertRegex(m.fields["C"], "^[0-9A-Z]{5}$", what)
            self.assertEqual(m.fields["S"], m.fields["V"], what)
            self.assertTrue(m.fields["M"], what)
            codes.append(m.fields["C"])
        self.assertTrue(codes, f"{what}: no error among {messages}")
        return codes

    def failing_startups(self):
        login = {"user": "app", "database": "app"}
        return {"no user": (w.startup({"database": "app"}), "28000"), "who?": (w.startup({"user": "x"}), "28000"),
                "no such database": (w.startup({**login, "database": "absent"}), "3D000"),
                "no such setting": (w.startup({**login, "b@d": "1"}), "42704"),
                "options": (w.startup({**login, "options": "x"}), "42601"),
                "a server's no": (w.startup({**login, "DateStyle": "no such"}), "22023"),
                "preference": (w.startup({**login, "pgweir.read_preference": "x"}), "22023"),
                "replication": (w.startup({**login, "replication": "perhaps"}), "22023"),
                "no replication": (w.startup({**login, "replication": "database", "database": "absent"}), "3D000"),
                "a version": (struct.pack(">II", 8, 2 << 16), "0A000"), "a length": (struct.pack(">II", 3, 3 << 16), "08P01"),
                "the console": (w.startup({**login, "database": "pgweir"}), "42501")}

    def test_an_error_without_sqlstate(self):
        weir = self.weir_with_replicas(
            proxy={"auth_type": "trust", "client_login_timeout": "1s", "max_statement_size": "100kB", "max_row_size": "100kB"},
            pool={"default_pool_size": 1, "query_wait_timeout": "2s", "on_session_state": "reject"},
            database=[{"name": "app"}], user=[APP, ADMIN])
        for what, (data, code) in self.failing_startups().items():
            wire = self.wire(weir.port)
            wire.send(data)
            self.assertEqual(self.whole(wire.read_to_end(), what), [code], what)
        # A silent one, and those of a session.
        self.assertEqual(self.whole(self.wire(weir.port).read_to_end(), "says nothing"), ["08006"])
        for what, data, code in (
                ("a long statement", w.query("SELECT '" + "x" * 200_000 + "'"), "54000"),
                ("an unknown tag", w.raw(b"!", 4), "08P01"),
                ("a long row", w.query("SELECT repeat('x', 1000000)"), "54000"), ("a length", w.raw(b"Q", -1), "54000"),
                ("state", w.query("CREATE TEMP TABLE t (n int)"), "0A000"),
                ("a preference", w.query("SET pgweir.read_preference = x"), "22023"),
                ("no statement", w.bind(name="absent") + w.SYNC, "26000"), ("a server's", w.query("SELECT 1/0"), "22012"),
                ("twice the name", w.parse("SELECT 1", "a") + w.parse("SELECT 1", "a") + w.SYNC, "42P05"),
                ("a setting", w.query("SHOW pgweir.nothing"), "42704")):
            wire = self.wire(weir.port, user="app")
            wire.send(data)
            self.assertEqual(self.whole(self.until_error(wire), what)[0], code, what)
            wire.close()
        self.waiting_and_ending(weir)

    @staticmethod
    def until_error(wire):
        messages = []
        while not messages or messages[-1].tag != "E":
            messages.append(wire.read())
        return messages

    def waiting_and_ending(self, weir):
        holder, waiter = self.wire(weir.port, user="app"), self.wire(weir.port, user="app")
        holder.ask("BEGIN")
        holder.ask("CREATE TABLE IF NOT EXISTS held (n int)")
        waiter.send(w.query("CREATE TABLE other (n int)"))
        self.assertEqual(self.whole(waiter.read_to_end(), "no connection in time"), ["57014"])
        console = self.wire(weir.port, user="admin", database="pgweir")
        for data in (w.query("NONSENSE"), w.query("SHOW"), w.query("\xff;"), w.parse("SHOW POOLS") + w.SYNC,
                     w.message("F") + w.SYNC):
            console.send(data)
            self.assertIn(self.whole(console.read_ready(), data)[0], ("42601", "0A000"))
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app' AND state = 'idle in transaction'")
        self.assertIn(self.whole(holder.read_to_end(), "terminated")[0], ("57P01", "08006"))
        idle = self.wire(weir.port, user="app")
        weir.stop()
        self.assertEqual(self.whole(idle.read_to_end(), "shut down"), ["57P01"])


if __name__ == "__main__":
    main()
