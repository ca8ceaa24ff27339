"""TLS on both sides (issue 3, semantics.md H): modes, certificates, channel binding, direct TLS, cancel, reload."""

import os
import shutil
import signal
import socket
import ssl
import struct
import threading

import wire as w
from authority import Authority
from harness import ClusterCase, main, psycopg2, until, value
from cluster import server_user  # noqa: E402 (harness knows where)

SSL_REQUEST = struct.pack(">II", 8, 80877103)


class Records:
    """A logged-in client that sees TLS's records."""

    def __init__(self, plain, context):
        plain.settimeout(20)
        self.plain, self.raw = plain, b""
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        plain.sendall(SSL_REQUEST)
        plain.recv(1)
        self.session = context.wrap_bio(self.incoming, self.outgoing)
        self.pump(self.session.do_handshake)
        self.session.write(w.startup({"user": "app", "database": "app"}))
        self.read_ready()

    def flush(self):
        self.plain.sendall(self.outgoing.read())

    def pump(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.flush()
                got = self.plain.recv(65536)
                self.raw += got
                self.incoming.write(got)

    def read_ready(self):
        answer = b""
        while not answer.endswith(b"Z\0\0\0\x05I"):
            answer += self.pump(lambda: self.session.read(65536))
        return answer

    def sizes(self):
        at, found = 0, []
        while at + 5 <= len(self.raw):
            found.append(struct.unpack(">H", self.raw[at + 3:at + 5])[0])
            at += 5 + found[-1]
        return found


class Tls(ClusterCase):
    replicas = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = Authority(cls.folder / "tls")
        cls.certificate, cls.key = cls.authority.issue("proxy", "localhost")
        server_certificate, server_key = cls.authority.issue("server", "localhost")
        cls.client_certificate, cls.client_key = cls.authority.issue("client", "app")
        os.chmod(cls.client_key, 0o600)
        for node in cls.cluster.nodes.values():
            for source, name in ((server_certificate, "tls.crt"), (server_key, "tls.key")):
                shutil.copy(source, node.data / name)
                os.chmod(node.data / name, 0o600)
                if owner := server_user():
                    os.chown(node.data / name, owner.pw_uid, owner.pw_gid)
            with open(node.data / "postgresql.auto.conf", "a") as conf:
                conf.write("ssl = on\nssl_cert_file = 'tls.crt'\nssl_key_file = 'tls.key'\n")
            node.query("SELECT pg_reload_conf()")
            until(lambda n=node: n.value("SHOW ssl") == "on", f"{node.name} speaks TLS")

    def proxy_with(self, mode="prefer", server=None, **more):
        client = {"sslmode": mode, "cert_file": str(self.certificate), "key_file": str(self.key)}
        client.update(more.pop("client", {}))
        return self.weir_with_replicas(client_tls=client, server_tls=server or {"sslmode": "disable"}, **more)

    def refused(self, weir, **settings):
        with self.assertRaises(psycopg2.OperationalError) as raised:
            psycopg2.connect(weir.dsn(connect_timeout=20, **settings))
        return str(raised.exception)

    # ---- clients

    def test_modes_of_clients(self):
        for mode, plain, encrypted in (("disable", True, False), ("allow", True, True), ("prefer", True, True), ("require", False, True)):
            weir = self.proxy_with(mode)
            for wanted, works in (("disable", plain), ("require", encrypted)):
                with self.subTest(proxy=mode, client=wanted):
                    if works:
                        connection = self.connect(weir, sslmode=wanted)
                        self.assertEqual(value(connection, "SELECT 1"), 1)
                        self.assertEqual(connection.info.ssl_in_use, wanted == "require")
                    else:
                        self.assertRegex(self.refused(weir, sslmode=wanted), "TLS|SSL")

    def test_the_proxys_certificate_is_checked_by_clients(self):
        weir = self.proxy_with("require")
        ca = str(self.authority / "ca.crt")
        connection = self.connect(weir, sslmode="verify-full", sslrootcert=ca, host="localhost")
        self.assertEqual(value(connection, "SELECT 1"), 1)

    def test_channel_binding(self):
        weir = self.proxy_with("require")
        connection = self.connect(weir, sslmode="require", channel_binding="require")
        self.assertEqual(value(connection, "SELECT 1"), 1)
        plain = self.proxy_with("prefer")
        self.assertRegex(self.refused(plain, sslmode="disable", channel_binding="require"), "(?i)channel binding")

    def test_certificates_of_clients(self):
        weir = self.proxy_with("verify-ca", client={"ca_file": str(self.authority / "ca.crt")})
        self.assertRegex(self.refused(weir, sslmode="require"), "(?i)certificate|closed|reset")
        connection = self.connect(weir, sslmode="require", sslcert=str(self.client_certificate), sslkey=str(self.client_key))
        self.assertEqual(value(connection, "SELECT 1"), 1)

    def test_versions(self):
        weir = self.proxy_with("require", client={"min_protocol_version": "TLSv1.3"})
        self.assertRegex(self.refused(weir, sslmode="require", ssl_max_protocol_version="TLSv1.2"), "(?i)version|alert|closed")
        self.assertEqual(self.version(weir), "TLSv1.3")
        older = self.proxy_with("require")
        self.assertEqual(self.version(older, ssl.TLSVersion.TLSv1_2), "TLSv1.2")

    @staticmethod
    def context(alpn=None, highest=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if alpn:
            context.set_alpn_protocols(alpn)
        if highest:
            context.maximum_version = highest
        return context

    def version(self, weir, highest=None):
        with socket.create_connection(("127.0.0.1", weir.port), 20) as plain:
            plain.sendall(SSL_REQUEST)
            self.assertEqual(plain.recv(1), b"S")
            with self.context(highest=highest).wrap_socket(plain) as encrypted:
                return encrypted.version()

    def test_direct_tls(self):
        """semantics.md H: a handshake instead of an SSLRequest, and only with ALPN."""
        weir = self.proxy_with("require", proxy={"auth_type": "trust"})
        with socket.create_connection(("127.0.0.1", weir.port), 20) as plain:
            with self.context(["postgresql"]).wrap_socket(plain) as encrypted:
                self.assertEqual(encrypted.selected_alpn_protocol(), "postgresql")
                encrypted.sendall(w.startup({"user": "app", "database": "app"}))
                self.assertEqual(encrypted.recv(1), b"R")
        for alpn in (None, ["http/1.1"]):
            with self.subTest(alpn=alpn), socket.create_connection(("127.0.0.1", weir.port), 20) as plain:
                with self.assertRaises((ssl.SSLError, ConnectionError, EOFError)):
                    with self.context(alpn).wrap_socket(plain) as encrypted:
                        encrypted.sendall(w.startup({"user": "app", "database": "app"}))
                        if not encrypted.recv(1):
                            raise EOFError

    def test_nothing_in_plain_text_is_taken_after_the_request(self):
        """CVE-2021-23214: bytes behind the SSLRequest were sent by somebody in between."""
        weir = self.proxy_with("prefer", proxy={"auth_type": "trust"})
        with socket.create_connection(("127.0.0.1", weir.port), 20) as plain:
            plain.sendall(SSL_REQUEST + w.startup({"user": "app", "database": "app"}))
            answer = b""
            while chunk := plain.recv(4096):
                answer += chunk
            self.assertIn(b"08P01", answer)
            self.assertNotIn(b"R\0\0\0\x08\0\0\0\0", answer)

    def test_nothing_in_plain_text_is_taken_before_direct_tls(self):
        """The front of a packet, then a handshake: whoever sent the front is not whom the certificate was shown to."""
        weir = self.proxy_with("prefer", proxy={"auth_type": "trust"})
        with socket.create_connection(("127.0.0.1", weir.port), 20) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.sendall(b"\0\0\0")
            until(lambda: weir.metric("pgweir_stats_received_bytes_total") >= 3, "the front has come")
            with self.assertRaises((ssl.SSLError, ConnectionError, EOFError, TimeoutError)):
                plain.settimeout(10)
                with self.context(["postgresql"]).wrap_socket(plain) as encrypted:
                    encrypted.sendall(w.startup({"user": "app", "database": "app"}))
                    if not encrypted.recv(1):
                        raise EOFError

    def test_an_end_that_comes_with_the_last_bytes(self):
        """close_notify in one flight with a request, and no FIN: pgweir answers it, and gives the transaction up."""
        weir = self.proxy_with("require", proxy={"auth_type": "trust"})
        with socket.create_connection(("127.0.0.1", weir.port), 20) as plain:
            records = Records(plain, self.context())
            records.session.write(w.query("BEGIN"))
            try:
                records.session.unwrap()
            except ssl.SSLWantReadError:
                pass
            records.flush()
            until(lambda: weir.metric("pgweir_used_clients") == 0, "the client is gone")

    def test_no_record_is_larger_than_libpqs_room(self):
        """A record of more than 8 KiB hangs libpq's asynchronous users, as pg_basebackup: part of it may stay unread within
        OpenSSL while the socket has nothing to tell."""
        weir = self.proxy_with("require", proxy={"auth_type": "trust"})
        for highest in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version=highest), socket.create_connection(("127.0.0.1", weir.port), 20) as plain:
                records = Records(plain, self.context(highest=highest))
                records.session.write(w.query("SELECT repeat('x', 200000)"))
                self.assertGreater(len(records.read_ready()), 200_000)
                sizes = records.sizes()
                self.assertGreater(max(sizes), 4096)  # it was in few large ones
                self.assertLessEqual(max(sizes), 8192 + 64)  # nonce, tag and type

    def test_a_second_request_and_garbage(self):
        weir = self.proxy_with("prefer")
        with socket.create_connection(("127.0.0.1", weir.port), 20) as plain:
            plain.sendall(SSL_REQUEST)
            self.assertEqual(plain.recv(1), b"S")
            plain.sendall(b"this is no handshake" * 10)
            plain.settimeout(20)
            try:
                while plain.recv(4096):
                    pass
            except ConnectionError:
                pass
        self.assertEqual(value(self.connect(weir, sslmode="require"), "SELECT 1"), 1)

    def test_a_large_result_and_a_large_request(self):
        weir = self.proxy_with("require", {"sslmode": "require"})
        connection = self.connect(weir, sslmode="require")
        self.assertEqual(value(connection, "SELECT length(%s)", ("y" * 3_000_000,)), 3_000_000)
        self.assertEqual(len(value(connection, "SELECT repeat('x', 20000000)")), 20_000_000)
        with connection.cursor() as cursor:
            cursor.execute("SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
            self.assertEqual(sum(len(row[0]) for row in cursor), 20_000_000)

    def test_cancel(self):
        weir = self.proxy_with("require", {"sslmode": "require"})
        connection = self.connect(weir, sslmode="require")
        with connection.cursor() as cursor:
            threading.Timer(0.5, connection.cancel).start()
            with self.assertRaises(psycopg2.errors.QueryCanceled):
                cursor.execute("/* pgweir: primary */ SELECT pg_sleep(30)")

    def test_certificates_are_reloaded(self):
        self.addCleanup(self.authority.issue, "proxy", "localhost")
        weir = self.proxy_with("require")
        before = self.connect(weir, sslmode="require")
        old = self.shown(weir)
        certificate, key = self.authority.issue("proxy", "localhost")  # over the same files
        self.assertEqual(certificate, self.certificate)
        os.kill(weir.pid, signal.SIGHUP)
        until(lambda: self.shown(weir) != old, "the new certificate is shown")
        self.assertEqual(value(before, "SELECT 1"), 1)
        key.write_text("broken")
        os.kill(weir.pid, signal.SIGHUP)
        until(lambda: "event=config_not_reloaded" in weir.log_text(), "the broken key is reported")
        self.assertEqual(value(self.connect(weir, sslmode="require"), "SELECT 1"), 1)

    def shown(self, weir):
        with socket.create_connection(("127.0.0.1", weir.port), 20) as plain:
            plain.sendall(SSL_REQUEST)
            plain.recv(1)
            with self.context().wrap_socket(plain) as encrypted:
                return encrypted.getpeercert(binary_form=True)

    # ---- servers

    def encrypted_backends(self):
        return self.sql("SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.usename = 'app' AND s.ssl")[0][0]

    def test_modes_of_servers(self):
        ca = str(self.authority / "ca.crt")
        for mode, encrypted in (("disable", "0"), ("allow", "0"), ("prefer", "1"), ("require", "1"), ("verify-ca", "1")):
            with self.subTest(mode=mode):
                server = {"sslmode": mode, "ca_file": ca} if mode.startswith("verify") else {"sslmode": mode}
                weir = self.weir_with_replicas(server_tls=server)
                connection = self.connect(weir)
                self.assertEqual(value(connection, "/* pgweir: primary */ SELECT 1"), 1)
                self.assertEqual(self.encrypted_backends(), encrypted)
                weir.stop()

    def test_the_servers_name_is_checked(self):
        ca = str(self.authority / "ca.crt")
        servers = [{"name": n.name, "host": "localhost", "port": n.port} for n in self.cluster.nodes.values()]
        weir = self.weir_with_replicas(server_tls={"sslmode": "verify-full", "ca_file": ca}, server=servers)
        self.assertEqual(value(self.connect(weir), "/* pgweir: primary */ SELECT 1"), 1)
        # An address that libpq can compare and OpenSSL cannot: it must not count as checked.
        odd = [dict(server, host="127.1") for server in servers]
        weir = self.weir(server_tls={"sslmode": "verify-full", "ca_file": ca}, server=odd, proxy={"auth_type": "trust"})
        self.wire(weir.port).send(w.startup({"user": "app", "database": "app"}))
        until(lambda: "no certificate can be for this host name" in weir.log_text(), "it is refused")
        other = Authority(self.folder / "other")
        weir = self.make(server_tls={"sslmode": "verify-ca", "ca_file": str(other / "ca.crt")}).start(wait=False)
        until(lambda: "certificate verify failed" in weir.log_text(), "the certificate is refused")

    def test_a_hand_over_between_workers(self):
        """A connection goes to another worker with its session of TLS."""
        weir = self.weir_with_replicas(server_tls={"sslmode": "require"}, proxy={"workers": 2}, pool={"default_pool_size": 1})
        connections = [self.connect(weir) for _ in range(8)]
        for number in range(10):
            for connection in connections:
                self.assertEqual(value(connection, "/* pgweir: primary */ SELECT %s::int", (number,)), number)
        self.assertGreater(weir.metric("pgweir_servers_handed_over_total"), 0)
        self.assertEqual(self.encrypted_backends(), "1")


if __name__ == "__main__":
    main()
