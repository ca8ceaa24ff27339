"""Lessons from others' security bugs where the attacker is a server (semantics.md I): each class a test."""

import base64
import re
import threading

import wire as w
from harness import SLOW, ClusterCase, main, until
from hostile_server import LOGIN, HostileServer, error

SALT, TEXT_SALT = b"saltsaltsaltsalt", base64.b64encode(b"saltsaltsaltsalt")
OURS = "said by the server before TLS"


class Servers(ClusterCase):
    replicas = 0

    def setUp(self):
        self.server = HostileServer(self.cluster.primary.port)
        self.addCleanup(self.server.close)

    def weir_behind(self, victims=(), **settings):
        """pgweir whose only server is the hostile one; app is the user who must not notice anything."""
        users = [{"name": name, "password": "pencil"} for name in ("app", *victims) if name != "app"]
        return self.weir(server=[{"name": "primary", "host": "127.0.0.1", "port": self.server.port}],
                         proxy={"auth_type": "trust"}, user=[*users, {"name": "app", "password": "app"}],
                         routing={"catalog_interval": "0s"},  # read by libpq, which is not what is tried here
                         pool={"query_wait_timeout": "2s", "server_login_retry": "100ms"}, **settings)

    def start(self, weir, user):
        wire = self.wire(weir.port)
        wire.send(w.startup({"user": user, "database": "app"}))
        return wire

    def the_error(self, messages, what):
        """Of somebody who got nothing but one error, and a whole one."""
        errors = [m.fields for m in messages if m.tag == "E"]
        self.assertEqual([m.tag for m in messages if m.tag not in "RE"], [], what)
        self.assertEqual(len(errors), 1, what)
        self.assertEqual((errors[0]["S"], errors[0]["V"]), ("FATAL", "FATAL"), what)
        self.assertRegex(errors[0]["C"], "^[0-9A-Z]{5}$", what)
        self.assertTrue(errors[0]["M"], what)
        return errors[0]

    def well(self, weir):
        self.assertTrue(weir.running)
        self.assertEqual(self.wire(weir.port, user="app").ask("SELECT current_user"), [["app"]])

    # ---- the nonce

    @staticmethod
    def scram_lies():
        """Name: the server's first message, from the client's nonce."""
        def first(nonce, salt=TEXT_SALT, count=b"4096"):
            return b"r=" + nonce + b",s=" + salt + b",i=" + count
        long = base64.b64encode(b"s" * 30_000)
        return {
            "nothing": lambda n: b"", "no attributes": lambda n: b"\0" * 100, "an empty nonce": lambda n: first(b""),
            "a foreign nonce": lambda n: first(b"foreign" * 5), "no nonce of its own": first,
            "the front of a nonce": lambda n: first(n[:-1] + b"!!!!"), "a nonce behind another": lambda n: first(b"x" + n),
            "a nonce over the limit": lambda n: first(n + b"n" * (1025 - len(n))),
            "a huge nonce": lambda n: first(n + b"n" * 60_000),
            "a nonce longer than any message": lambda n: first(n + b"n" * 100_000),
            "a nonce with a NUL": lambda n: first(n + b"\0x"), "a nonce with a comma": lambda n: first(n + b",x"),
            "a nonce that is no ASCII": lambda n: first(n + b"\xff\xfe"), "a nonce of formats": lambda n: first(n + b"%s %n"),
            "no salt": lambda n: b"r=" + n + b"x,i=1", "an empty salt": lambda n: first(n + b"x", b""),
            "a salt that is no base64": lambda n: first(n + b"x", b"!!!!"), "a huge salt": lambda n: first(n + b"x", long),
            "a count of 0": lambda n: first(n + b"x", count=b"0"), "a negative count": lambda n: first(n + b"x", count=b"-1"),
            "half an hour": lambda n: first(n + b"x", count=b"2147483647"),
            "2^32 - 1": lambda n: first(n + b"x", count=b"4294967295"),
            "2^32 + 1": lambda n: first(n + b"x", count=b"4294967297"),
            "2^64 + 1": lambda n: first(n + b"x", count=b"18446744073709551617"),
            "no count": lambda n: b"r=" + n + b"x,s=" + TEXT_SALT,
            "an endless count": lambda n: first(n + b"x", count=b"1" * 20_000),
            "an extension": lambda n: b"m=x," + first(n + b"x"), "an error": lambda n: b"e=other-error",
        }

    def test_a_backends_nonce_that_overflows_the_scram_final_message(self):
        lies = self.scram_lies()
        users = {f"victim{number}": what for number, what in enumerate(lies)}
        honest = {"plain": b"server", "longest": b"n" * 1000}  # with the 24 bytes of the client's: the most there may be
        false = {"forged": b"v=" + base64.b64encode(b"f" * 32), "huge": b"v=" + b"A" * 60_000, "none": b"", "bad": b"e=x"}
        asked, answered = set(), set()

        def lie(user):
            def script(talk):
                first = lies[users[user]](talk.scram_nonce())
                asked.add(user)
                talk.authentication(11, first)
                answered.add((user, talk.read().tag))  # ConnectionError, unless the bug is there
                talk.send(LOGIN)
            return script

        def tell(user):
            def script(talk):
                nonce = talk.scram_nonce() + honest.get(user, b"server")
                signature = talk.scram_signature(b"r=" + nonce + b",s=" + TEXT_SALT + b",i=4096", b"pencil", SALT, 4096)
                talk.authentication(12, false.get(user, signature))
                talk.send(LOGIN)
                while talk.read().tag == "Q":
                    talk.send(w.message("C", b"SET\0") + w.message("Z", b"I"))
            return script
        self.server.scripts = {**{user: lie(user) for user in users}, **{user: tell(user) for user in (*honest, *false)}}
        weir = self.weir_behind([*users, *honest, *false])
        before = weir.usage().rss_bytes()
        waiting = {user: self.start(weir, user) for user in (*users, *false)}
        for user in honest:  # the rig works: an honest one is believed
            self.assertEqual(self.wire(weir.port, user=user).ask("x"), [])
        for user, wire in waiting.items():
            what = users.get(user, user)
            self.assertIn(self.the_error(wire.read_to_end(), what)["C"], ("08P01", "08006", "28000", "28P01", "57014"), what)
        self.assertEqual(asked, set(users))
        self.assertEqual(answered, set(), "a lie was believed")
        log = weir.log_text()
        for user in (*users, *false):
            causes = re.findall(rf'event=server_login_failed .*user="{user}".* cause="([^"]*)"', log)
            self.assertTrue(causes, user)
            self.assertRegex(causes[0], "SCRAM|message length|signature|SASL", users.get(user, user))
        if SLOW == 1:
            self.assertLess(weir.usage().rss_bytes() - before, 100_000_000)
        self.well(weir)

    # ---- an error without SQLSTATE

    LOGIN_ERRORS = {
        "no code": error(S="FATAL", V="FATAL", M="no code"), "no field at all": error(), "no body": w.message("E"),
        "only a code": error(C="28P01"), "a short code": error(S="FATAL", C="42", M="m"),
        "a long code": error(S="FATAL", C="424242", M="m"),
        "a code of other bytes": error(S="FATAL", C="%s\n{}", M="m"), "an empty code": error(S="FATAL", C="", M="m"),
        "no NUL": w.message("E", b"SFATAL"), "no severity": error(C="XX000", M="m"),
        "a field of nothing": w.message("E", b"\0\0\0C\0M\0"),
        "formats": error(S="FATAL", M="%s%n{}{0}"), "a huge message": error(S="FATAL", M="m" * 60_000),
    }

    def test_an_error_without_sqlstate_of_a_server(self):
        at_login = {f"victim{number}": what for number, what in enumerate(self.LOGIN_ERRORS)}
        for user, what in at_login.items():
            self.server.scripts[user] = lambda talk, said=self.LOGIN_ERRORS[what]: talk.send(said)

        def in_session(talk):
            talk.send(LOGIN)
            while True:
                asked = talk.read()
                if asked.tag == "Q" and b"lie" in asked.body:
                    talk.send(error(S="ERROR", M="no code") + w.message("E", b"\0") + w.message("E") + w.message("Z", b"I"))
                elif asked.tag == "Q":
                    talk.send(w.message("C", b"SET\0") + w.message("Z", b"I"))
        self.server.scripts["late"] = in_session
        weir = self.weir_behind([*at_login, "late"])
        waiting = {user: self.start(weir, user) for user in at_login}
        for user, wire in waiting.items():
            self.the_error(wire.read_to_end(), at_login[user])
        late = self.wire(weir.port, user="late")
        for _ in range(2):  # the server's own words go on to the client, and the session with them
            late.send(w.query("lie"))
            messages = late.read_ready()
            self.assertEqual([m.tag for m in messages], ["E", "E", "E", "Z"])
            self.assertEqual(messages[0].fields, {"S": "ERROR", "M": "no code"})
            self.assertEqual(late.ask("truth"), [])
        self.well(weir)

    # ---- plaintext behind the answer to an SSLRequest

    def test_plaintext_accepted_after_starttls_of_a_server(self):
        heard, seen = [], threading.Event()

        def answering(said, later=b""):
            def script(talk):
                talk.send(said)
                hello = talk.socket.recv(65536)
                if later and hello:
                    talk.send(later)
                    while chunk := talk.socket.recv(65536):
                        hello += chunk
                heard.append(hello)
                seen.set()
            return script
        said_early = error(S="FATAL", C="57P03", M=OURS)
        for what, script, hello in (
                ("a login behind S", answering(b"S" + LOGIN), b""), ("one byte behind S", answering(b"SR"), b""),
                ("a login behind N", answering(b"N" + LOGIN), b""), ("an error before TLS", answering(said_early), b""),
                ("a login instead of a handshake", answering(b"S", LOGIN), b"\x16\x03")):
            with self.subTest(what=what):
                weir = self.weir_behind(server_tls={"sslmode": "prefer"})  # its monitor is at work already
                heard.clear()
                seen.clear()
                self.server.ssl = script
                wire = self.start(weir, "app")
                self.assertTrue(seen.wait(20))
                fields = self.the_error(wire.read_to_end(), what)
                self.assertNotIn(OURS, str(fields) + weir.log_text())
                self.assertEqual({sent[:2] for sent in heard}, {hello})
                # A startup packet in the clear is what must never come.
                self.assertFalse([sent for sent in heard if b"user\0app" in sent])
                self.server.ssl = None
                until(lambda weir=weir: self.well(weir) is None, "others are well again")
                weir.stop()


if __name__ == "__main__":
    main()
