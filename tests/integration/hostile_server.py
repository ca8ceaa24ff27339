"""A server that lies: in front of a real one it hands connections on, and plays a script to those of chosen users.

The monitor of pgweir meets the real server behind it, so that this one counts as the primary.
"""

import base64
import hashlib
import hmac
import select
import socket
import struct
import threading
from contextlib import closing

import wire as w

LOGIN = (w.message("R", struct.pack(">I", 0)) + w.message("S", b"server_version\x0015.0\0") +
         w.message("S", b"client_encoding\0UTF8\0") + w.message("K", b"\0\0\0\x01abcd") + w.message("Z", b"I"))


def error(**fields):
    """An ErrorResponse of these fields and no others."""
    return w.message("E", b"".join(k.encode() + w.text(v) for k, v in fields.items()) + b"\0")


class Talk:
    """The server's end of one connection, behind its startup packet."""

    def __init__(self, connection):
        self.socket, self.buffer = connection, b""

    def send(self, data):
        self.socket.sendall(data)

    def authentication(self, kind, data=b""):
        self.send(w.message("R", struct.pack(">I", kind) + data))

    def take(self, size):
        while len(self.buffer) < size:
            chunk = self.socket.recv(65536)
            if not chunk:
                raise ConnectionError("pgweir closed the connection")
            self.buffer += chunk
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read(self):
        tag, length = struct.unpack(">cI", self.take(5))
        return w.Message(tag.decode(), self.take(length - 4))

    def first_packet(self):
        head = self.take(4)
        return head + self.take(struct.unpack(">I", head)[0] - 4)

    def scram_nonce(self):
        """Asks for SCRAM; the client's nonce."""
        self.authentication(10, b"SCRAM-SHA-256\0\0")
        self.first_bare = self.read().body.split(b"n,,", 1)[1]
        return self.first_bare.split(b"r=")[1]

    def scram_signature(self, server_first, password, salt, iterations):
        """Sends the server's first message; what an honest server says to the answer."""
        self.authentication(11, server_first)
        without_proof = self.read().body.rsplit(b",p=", 1)[0]
        key = hmac.digest(hashlib.pbkdf2_hmac("sha256", password, salt, iterations), b"Server Key", "sha256")
        said = b",".join((self.first_bare, server_first, without_proof))
        return b"v=" + base64.b64encode(hmac.digest(key, said, "sha256"))


class HostileServer:
    """`scripts`: what is played to a user, a function of a Talk. `ssl`: the same for who sends an SSLRequest."""

    def __init__(self, real_port):
        self.real_port, self.scripts, self.ssl = real_port, {}, None
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()

    def _accept(self):
        while True:
            try:
                connection = self.listening.accept()[0]
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with closing(connection):
            try:
                connection.settimeout(60)
                self._play(Talk(connection))
            except OSError:
                pass  # pgweir has heard enough

    def _play(self, talk):
        packet = talk.first_packet()
        if packet == w.SSL_REQUEST:
            if self.ssl is not None:
                return self.ssl(talk)
            talk.send(b"N")
            packet = talk.first_packet()
        words = packet[8:].split(b"\0")
        user = words[words.index(b"user") + 1].decode() if b"user" in words else None
        if user in self.scripts:
            return self.scripts[user](talk)
        self._hand_on(talk, packet)

    def _hand_on(self, talk, packet):
        with socket.create_connection(("127.0.0.1", self.real_port)) as real:
            real.sendall(packet + talk.buffer)
            other = {talk.socket: real, real: talk.socket}
            while True:
                for ready in select.select(list(other), [], [])[0]:
                    chunk = ready.recv(65536)
                    if not chunk:
                        return
                    other[ready].sendall(chunk)
