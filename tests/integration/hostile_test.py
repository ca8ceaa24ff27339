"""Malformed and hostile bytes get a FATAL with the right SQLSTATE and never harm another client (issue 2, semantics.md I)."""

import os
import random
import struct
import time

import wire as w
from harness import SLOW, ClusterCase, main, until


class Hostile(ClusterCase):
    replicas = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()

    def setUp(self):
        self.proxy = self.weir_with_replicas(proxy={"auth_type": "trust", "client_login_timeout": "2s"},
                                             pool={"default_pool_size": 2})
        # Two who must not notice anything: one idle, one inside a transaction.
        self.bystander = self.wire(self.proxy.port, user="app")
        self.bystander.ask("BEGIN")
        self.bystander.ask("CREATE TABLE IF NOT EXISTS b (n int)")
        self.idle = self.wire(self.proxy.port, user="app")

    def tearDown(self):
        self.assertTrue(self.proxy.running, "pgweir is alive")
        self.assertEqual(self.bystander.ask("SELECT 'well'"), [["well"]])
        self.assertEqual(self.bystander.status, "T")
        self.bystander.ask("ROLLBACK")
        self.assertEqual(self.idle.ask("/* pgweir: primary */ SELECT 'well'"), [["well"]])

    def assert_fatal(self, wire, codes, what):
        messages = wire.read_to_end()
        fatal = [m.fields for m in messages if m.tag == "E"]
        self.assertTrue(fatal, f"{what}: closed without a word after {messages}")
        self.assertIn(fatal[-1]["S"], ("FATAL",), what)
        self.assertIn(fatal[-1]["C"], codes, f"{what}: {fatal[-1]}")

    def test_pipelines_whose_answers_nobody_reads(self):
        """They stop being worked on: what the client leaves lying does not pile up in pgweir."""
        before = self.proxy.usage().rss_bytes()
        rude = self.wire(self.proxy.port, user="app")
        rude.socket.setblocking(False)
        for sql, count in (("SELECT repeat('x', 100000)", 2000), ("SHOW pgweir.read_preference", 200_000)):
            data = memoryview(w.query(sql) * count)
            until(lambda: self.cannot_send(rude, data), f"{sql}: the socket is full, or all was taken", 30)
            grown = self.proxy.usage().rss_bytes() - before
            if SLOW == 1:
                self.assertLess(grown, 30_000_000, f"{sql}: pgweir grew by {grown} bytes")

    @staticmethod
    def cannot_send(wire, data):
        """Sends as much as the socket takes in a second without room."""
        sent, deadline = 0, time.monotonic() + 1
        while sent < len(data) and time.monotonic() < deadline:
            try:
                sent += wire.socket.send(data[sent:])
                deadline = time.monotonic() + 1
            except BlockingIOError:
                time.sleep(0.01)
        return True

    def test_segments_that_seem_to_need_no_server(self):
        """A statement of pgweir's own, a Close or a known Parse in front, and something else behind."""
        show = w.parse("SHOW pgweir.read_preference")
        wires = {
            "an Execute without a Bind": show + w.execute() + w.SYNC,
            "an Execute of another portal": show + w.bind() + w.execute("x") + w.SYNC,
            "a Describe of another portal": show + w.bind() + w.describe("P", "x") + w.SYNC,
            "a Query behind a Flush": w.close("S", "x") + w.FLUSH + w.query("SELECT 1"),
            "a Close before its use": w.parse("SHOW pgweir.read_preference", "l") + w.SYNC + w.close("S", "l") + w.bind(name="l") + w.SYNC,
            "two uses of what goes": w.parse("SELECT 1", "d") + w.SYNC + w.parse("DEALLOCATE d") + (w.bind() + w.execute()) * 2 + w.SYNC,
        }
        for what, data in wires.items():
            with self.subTest(what=what):
                wire = self.wire(self.proxy.port, user="app")
                wire.send(data)
                wire.read_ready()
                self.assertTrue(self.proxy.running)

    def test_after_login(self):
        violations = {"08P01"}
        for what, data, codes in [
            ("a length under four", w.raw(b"Q", 3), violations),
            ("a length of nothing", w.raw(b"Q", 0), violations),
            ("a negative length", w.raw(b"Q", -1), violations | {"54000"}),
            ("the largest length", w.raw(b"Q", 0x7FFFFFFF), violations | {"54000"}),
            ("just over the limit", w.raw(b"Q", (1 << 30) + 5), violations | {"54000"}),
            ("a huge Bind", w.raw(b"B", 0x7FFFFFFF), violations | {"54000"}),
            ("a huge CopyData outside COPY", w.raw(b"d", 0x7FFFFFFF), violations | {"54000"}),
            ("an unknown tag", w.raw(b"!", 4), violations),
            ("a server's tag", w.raw(b"Z", 5, b"I"), violations),
            ("a Query without its NUL", w.message("Q", b"SELECT 1"), violations),
            ("a Query with two NULs", w.message("Q", b"SELECT 1\0; DROP TABLE b\0"), violations),
            ("an empty Query body", w.message("Q", b""), violations),
            ("a Parse that ends early", w.message("P", b"name\0SELECT 1\0\0"), violations),
            ("a Parse without NULs", w.message("P", b"xxxxxxxxxxxx"), violations),
            ("a Parse with too many types", w.message("P", b"\0SELECT 1\0\xff\xff"), violations),
            ("a Bind that ends early", w.message("B", b"\0\0\0"), violations),
            ("a Bind without NULs", w.message("B", b"xxxx"), violations),
            ("a Close of a strange kind", w.message("C", b"X\0"), violations),
            ("a Describe of a strange kind", w.message("D", b"X\0"), violations),
            ("an Execute without its count", w.message("E", b"\0"), violations),
            ("a Sync with a body", w.message("S", b"xx"), violations),
            ("a password after login", w.message("p", b"x\0"), violations),
            ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", violations | {"54000"}),
        ]:
            with self.subTest(what=what):
                wire = self.wire(self.proxy.port, user="app")
                wire.send(data)
                # The server itself only reports an ERROR for some of these and goes on; then a Sync answers.
                self.assert_error_or_fatal(wire, codes, what)

    def assert_error_or_fatal(self, wire, codes, what):
        """FATAL and the end; or ERROR, where PostgreSQL itself goes on (a message whose frame is right)."""
        wire.timeout = 5
        messages = []
        try:
            while True:
                messages.append(wire.read())
                if messages[-1].tag == "Z":
                    break
                if messages[-1].tag == "E" and messages[-1].fields["S"] == "ERROR":
                    wire.send(w.SYNC)
        except w.Closed:
            pass
        except TimeoutError:
            self.fail(f"{what}: no answer, only {messages}")
        errors = [m.fields for m in messages if m.tag == "E"]
        self.assertTrue(errors, f"{what}: no error, only {messages}")
        self.assertIn(errors[0]["C"], codes, f"{what}: {errors[0]}")

    def test_before_login(self):
        for what, data, codes in [
            ("a startup length of nothing", struct.pack(">II", 0, w.PROTOCOL_3_0), {"08P01"}),
            ("a startup length under eight", struct.pack(">II", 7, w.PROTOCOL_3_0), {"08P01"}),
            ("a negative startup length", struct.pack(">iI", -1, w.PROTOCOL_3_0), {"08P01"}),
            ("a huge startup length", struct.pack(">II", 0x7FFFFFFF, w.PROTOCOL_3_0), {"08P01"}),
            ("startup over 10,000 bytes", w.startup({"user": "x" * 20_000}), {"08P01"}),
            ("protocol 2", struct.pack(">II", 8, 2 << 16), {"0A000"}),
            ("protocol 4", struct.pack(">II", 8, 4 << 16), {"0A000"}),
            ("an unknown request code", struct.pack(">II", 8, (1234 << 16) | 9999), {"0A000", "08P01"}),
            ("no final NUL", struct.pack(">II", 8 + 9, w.PROTOCOL_3_0) + b"user\0app\0", {"08P01"}),
            ("a name without a value", struct.pack(">II", 8 + 6, w.PROTOCOL_3_0) + b"user\0\0", {"08P01", "28000"}),
            ("bytes after the end", struct.pack(">II", 8 + 12, w.PROTOCOL_3_0) + b"user\0app\0\0zz", {"08P01"}),
            ("no user", w.startup({"database": "app"}), {"28000"}),
            ("an SSLRequest of a wrong size", struct.pack(">II", 12, 80877103) + b"\0\0\0\0", {"08P01", "0A000"}),
            ("plaintext behind an SSLRequest", w.SSL_REQUEST + w.startup({"user": "app", "database": "app"}), {"08P01"}),
            ("HTTP", b"GET / HTTP/1.1\r\n\r\n", {"08P01", "0A000"}),
        ]:
            with self.subTest(what=what):
                wire = self.wire(self.proxy.port)
                wire.send(data)
                if data.startswith(w.SSL_REQUEST) or data.startswith(w.GSS_REQUEST):
                    self.read_answer_byte(wire)
                self.assert_fatal(wire, codes, what)

    @staticmethod
    def read_answer_byte(wire):
        """The single byte N that answers an SSLRequest, if it is there."""
        wire.receive()
        if wire.buffer[:1] in (b"N", b"S"):
            wire.buffer = wire.buffer[1:]

    def test_ssl_and_gss_are_declined(self):
        wire = self.wire(self.proxy.port)
        for request in (w.GSS_REQUEST, w.SSL_REQUEST):
            wire.send(request)
            wire.receive()
            self.assertEqual(wire.buffer, b"N")
            wire.buffer = b""
        wire.login("app")
        self.assertEqual(wire.ask("SELECT 1"), [["1"]])

    def test_endless_requests_for_encryption(self):
        wire = self.wire(self.proxy.port)
        try:
            for _ in range(20):
                wire.send(w.SSL_REQUEST)
                if not wire.receive() or b"E" in wire.buffer:
                    return
                wire.buffer = b""
        except (ConnectionError, BrokenPipeError):
            return
        self.fail("twenty SSLRequests in a row are answered")

    def test_a_newer_protocol_is_negotiated(self):
        wire = self.wire(self.proxy.port)
        wire.send(w.startup({"user": "app", "database": "app", "_pq_.strange": "1"}, (3 << 16) | 9999))
        messages = wire.read_ready()
        negotiated = [m for m in messages if m.tag == "v"]
        self.assertEqual(len(negotiated), 1)
        self.assertIn(b"_pq_.strange\0", negotiated[0].body)
        minor = struct.unpack_from(">I", negotiated[0].body)[0] & 0xFFFF
        self.assertNotEqual(minor, 1, "3.1 was never claimed by anybody")

    def test_whoever_says_nothing_is_closed(self):
        """client_login_timeout is 2 s here."""
        for data in (b"", b"\0\0", w.startup({"user": "app"})[:9], w.SSL_REQUEST[:5]):
            with self.subTest(data=data):
                wire = self.wire(self.proxy.port)
                wire.send(data)
                wire.read_to_end()  # TimeoutError unless it is closed

    def test_one_byte_at_a_time(self):
        wire = self.wire(self.proxy.port)
        for byte in w.startup({"user": "app", "database": "app"}):
            wire.send(bytes([byte]))
        wire.read_ready()
        for byte in w.query("SELECT 1") + w.simple_statement("SELECT 'slow'"):
            wire.send(bytes([byte]))
        self.assertEqual([m.values for m in wire.read_ready(2) if m.tag == "D"], [["1"], ["slow"]])

    def test_a_large_query_within_the_limits(self):
        text = "x" * 3_000_000
        self.assertEqual(self.wire(self.proxy.port, user="app").ask(f"SELECT length('{text}')"), [["3000000"]])

    def test_a_claim_of_much_costs_no_memory(self):
        """Lengths are checked before memory is taken: thirty claims of 1 GB each."""
        before = self.proxy.usage().rss_bytes()
        wires = [self.wire(self.proxy.port, user="app") for _ in range(30)]
        for wire in wires:
            wire.send(w.raw(b"Q", 1 << 30, b"SELECT 1"))
        self.assertEqual(self.idle.ask("SELECT 1"), [["1"]])
        self.assertLess(self.proxy.usage().rss_bytes() - before, 100_000_000)

    def test_garbage(self):
        """Random bytes, and good messages with bytes changed, before and after login. The seed is printed on failure."""
        seed = int(os.environ.get("PGWEIR_SEED", "0")) or random.randrange(1 << 32)
        dice = random.Random(seed)
        good = w.query("SELECT 1") + w.parse("SELECT $1::text", "s") + w.bind(["x"], "s") + w.execute() + w.SYNC
        with self.subTest(seed=seed):
            for number in range(150):
                wire = self.wire(self.proxy.port)
                wire.timeout = 10
                try:
                    if number % 3:
                        wire.login("app")
                    data = bytearray(good if number % 2 else dice.randbytes(dice.randint(1, 300)))
                    for _ in range(dice.randint(1, 4)):
                        data[dice.randrange(len(data))] = dice.randrange(256)
                    wire.send(bytes(data))
                except (ConnectionError, w.Closed):
                    pass
                wire.close()
                self.assertTrue(self.proxy.running, f"alive after {number} rounds")
            self.assertEqual(self.idle.ask("SELECT 1"), [["1"]])


if __name__ == "__main__":
    main()
