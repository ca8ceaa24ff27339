"""A client that speaks the protocol byte by byte: for hostile bytes, pipelines and whatever a real driver never sends."""

import hashlib
import socket
import struct
import time

PROTOCOL_3_0 = 3 << 16
PROTOCOL_3_2 = (3 << 16) | 2
SSL_REQUEST = struct.pack(">II", 8, 80877103)
GSS_REQUEST = struct.pack(">II", 8, 80877104)


class Closed(Exception):
    """The server closed the connection; `messages` came before."""

    def __init__(self, messages=()):
        super().__init__(f"connection closed after {[m.tag for m in messages]}")
        self.messages = list(messages)


class Message:
    def __init__(self, tag, body):
        self.tag = tag
        self.body = body

    def __repr__(self):
        return f"{self.tag}{self.body[:40]!r}"

    @property
    def fields(self):
        """Of an ErrorResponse or NoticeResponse: {'C': '42601', …}."""
        return {part[:1].decode("latin1"): part[1:].decode(errors="backslashreplace") for part in self.body.rstrip(b"\0").split(b"\0") if part}

    @property
    def values(self):
        """Of a DataRow: text or None."""
        count, at, row = struct.unpack_from(">H", self.body)[0], 2, []
        for _ in range(count):
            size = struct.unpack_from(">i", self.body, at)[0]
            at += 4
            row.append(None if size < 0 else self.body[at:at + size].decode())
            at += max(size, 0)
        return row


# ---- what a client sends

def message(tag, body=b""):
    return tag.encode() + struct.pack(">I", len(body) + 4) + body


def raw(tag, length, body=b""):
    """A message whose length says what we like."""
    return tag + struct.pack(">I", length & 0xFFFFFFFF) + body


def text(value):
    return (value if isinstance(value, bytes) else value.encode()) + b"\0"


def query(sql):
    return message("Q", text(sql))


def parse(sql, name="", types=()):
    return message("P", text(name) + text(sql) + struct.pack(f">H{len(types)}I", len(types), *types))


def bind(values=(), name="", portal=""):
    parameters = b"".join(struct.pack(">i", -1) if v is None else struct.pack(">I", len(str(v).encode())) + str(v).encode()
                          for v in values)
    return message("B", text(portal) + text(name) + struct.pack(">HH", 0, len(values)) + parameters + struct.pack(">H", 0))


def describe(kind="P", name=""):
    return message("D", kind.encode() + text(name))


def execute(portal="", rows=0):
    return message("E", text(portal) + struct.pack(">I", rows))


def close(kind="S", name=""):
    return message("C", kind.encode() + text(name))


def copy_data(data):
    return message("d", data)


SYNC, FLUSH, TERMINATE, COPY_DONE = message("S"), message("H"), message("X"), message("c")


def startup(parameters, version=PROTOCOL_3_0):
    body = b"".join(text(k) + text(v) for k, v in parameters.items()) + b"\0"
    return struct.pack(">II", len(body) + 8, version) + body


def simple_statement(sql, values=()):
    """Parse, Bind, Describe, Execute, Sync through the unnamed statement."""
    return parse(sql) + bind(values) + describe() + execute() + SYNC


class Wire:
    """One connection. Every wait has a deadline: a proxy that does not answer is a failed test, not a hung one."""

    def __init__(self, port, timeout=20.0, source=""):
        self.timeout = timeout
        self.socket = socket.create_connection(("127.0.0.1", port), timeout, (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.parameters = {}
        self.key = None
        self.status = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, deadline=None):
        """More bytes into the buffer; False at the end of the stream."""
        left = self.timeout if deadline is None else deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no answer in time; so far {self.buffer[:80]!r}")
        self.socket.settimeout(left)
        try:
            chunk = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self.buffer += chunk
        return bool(chunk)

    def read(self, deadline=None):
        """The next message; Closed at the end of the stream."""
        deadline = deadline or time.monotonic() + self.timeout
        while len(self.buffer) < 5 or len(self.buffer) < 1 + struct.unpack_from(">I", self.buffer, 1)[0]:
            if not self.receive(deadline):
                raise Closed()
        length = struct.unpack_from(">I", self.buffer, 1)[0]
        answer = Message(self.buffer[:1].decode("latin1"), self.buffer[5:1 + length])
        self.buffer = self.buffer[1 + length:]
        if answer.tag == "S":
            name, value = answer.body.split(b"\0")[:2]
            self.parameters[name.decode()] = value.decode()
        elif answer.tag == "K":
            self.key = answer.body
        elif answer.tag == "Z":
            self.status = answer.body.decode()
        return answer

    def read_ready(self, count=1):
        """All messages through the count-th ReadyForQuery."""
        deadline, messages = time.monotonic() + self.timeout, []
        while count:
            try:
                messages.append(self.read(deadline))
            except Closed:
                raise Closed(messages) from None
            count -= messages[-1].tag == "Z"
        return messages

    def read_to_end(self):
        """All messages until the server closes the connection."""
        messages = []
        try:
            while True:
                messages.append(self.read())
        except Closed:
            return messages

    def login(self, user="app", password="app", database="app", **parameters):
        """Startup through the first ReadyForQuery; SCRAM is a matter for libpq."""
        self.send(startup({"user": user, "database": database, **parameters}))
        while True:
            answer = self.read()
            if answer.tag == "E":
                raise PermissionError(answer.fields)
            if answer.tag == "R":
                self._authenticate(answer.body, user, password)
            if answer.tag == "Z":
                return self

    def _authenticate(self, body, user, password):
        kind = struct.unpack_from(">I", body)[0]
        if kind == 3:
            self.send(message("p", text(password)))
        elif kind == 5:
            inner = hashlib.md5((password + user).encode()).hexdigest().encode()
            self.send(message("p", b"md5" + hashlib.md5(inner + body[4:8]).hexdigest().encode() + b"\0"))
        elif kind != 0:
            raise NotImplementedError(f"authentication {kind}")

    def ask(self, sql):
        """Rows of one simple Query; raises SqlError on an error."""
        self.send(query(sql))
        messages = self.read_ready()
        errors = [m.fields for m in messages if m.tag == "E"]
        if errors:
            raise SqlError(errors[0])
        return [m.values for m in messages if m.tag == "D"]


class SqlError(Exception):
    def __init__(self, fields):
        super().__init__(f"{fields.get('C')}: {fields.get('M')}")
        self.code = fields.get("C")


def shape(messages):
    """What has to be the same through the proxy and without it: tags, states, SQLSTATEs, rows, command tags."""
    lines = []
    for m in messages:
        if m.tag in ("S", "N", "K"):
            continue
        detail = {"E": lambda m=m: m.fields.get("C"), "Z": lambda m=m: m.body.decode(), "D": lambda m=m: m.values,
                  "C": lambda m=m: m.body.rstrip(b"\0").decode()}.get(m.tag, lambda: None)()
        lines.append((m.tag, detail))
    return lines
