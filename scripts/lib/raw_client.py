"""The cheapest client there is: speaks just enough of the protocol that the proxy is what is measured."""

import socket
import ssl
import struct

PROTOCOL_3, SSL_REQUEST = 196608, 80877103
READY_AND_IDLE = b"Z\0\0\0\5I"


class RawClient:
    """A connection, perhaps with TLS, whose certificate nobody checks."""

    def __init__(self, port, tls=False):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self._encrypt()

    def _encrypt(self):
        self.socket.sendall(struct.pack(">II", 8, SSL_REQUEST))
        if self.socket.recv(1) != b"S":
            raise ConnectionError("no TLS here")
        self.socket = _UNCHECKED.wrap_socket(self.socket)

    def login(self, user):
        """For servers and proxies that trust."""
        parameters = f"user\0{user}\0database\0app\0\0".encode()
        self.socket.sendall(struct.pack(">II", len(parameters) + 8, PROTOCOL_3) + parameters)
        received = b""
        while not received.endswith(READY_AND_IDLE):
            chunk = self.socket.recv(65536)
            if not chunk or received[:1] == b"E":
                raise ConnectionError(f"refused: {received!r}")
            received += chunk

    def query(self, sql):
        """Reads the whole answer and returns how many bytes it had."""
        body = sql.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack(">I", len(body) + 4) + body)
        buffer, total, tail = bytearray(1 << 20), 0, b""
        while True:
            count = self.socket.recv_into(buffer)
            if count == 0:
                raise ConnectionError("the connection was closed in the middle of the result")
            total += count
            tail = (tail + bytes(buffer[max(0, count - 6):count]))[-6:]
            if tail == READY_AND_IDLE:
                return total

    def close(self):
        self.socket.close()


def _unchecked():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_UNCHECKED = _unchecked()
