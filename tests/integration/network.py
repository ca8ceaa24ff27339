"""A way to one server that can be cut and made slow: a network namespace of its own, a pair of virtual interfaces, and in it a relay
to the server's Unix socket. Needs root and iproute2."""

import os
import subprocess
import sys
import threading

RELAY = r"""
import selectors, socket, sys, threading
address, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
def serve(client):
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(path)
    except OSError:
        client.close()
        return
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    other = threading.Thread(target=pump, args=(server, client), daemon=True)
    other.start()
    pump(client, server)
    other.join()
    client.close()
    server.close()
listening = socket.create_server((address, port), backlog=100)
print("ready", flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), __import__("os")._exit(0)), daemon=True).start()
while True:
    threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()
"""


def available():
    """Whether namespaces can be made here, of mounts as well, as `ip netns exec` does: not in a plain chroot."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "-n", "-m", "true"], check=False, capture_output=True).returncode == 0


class Link:
    """`address` and `port` lead to `node`. The relay ends with this process, whatever happens; the interfaces go with the namespace."""

    count = 0
    lock = threading.Lock()

    def __init__(self, node):
        with Link.lock:
            Link.count += 1
            number = Link.count
        place = (os.getpid() * 8 + number) % 16384
        third, fourth = place // 64, place % 64 * 4
        self.name = f"pgw{place}"
        self.near, self.far = f"pgn{place}", f"pgf{place}"
        self.address, self.port = f"10.213.{third}.{fourth + 2}", node.port
        self.own_address = f"10.213.{third}.{fourth + 1}"
        self.path = f"{node.cluster.sockets}/.s.PGSQL.{node.port}"
        self.relay = None
        self.start()

    def start(self):
        """The way is there."""
        self._ip("netns", "add", self.name)
        try:
            self._ip("link", "add", self.near, "type", "veth", "peer", "name", self.far, "netns", self.name)
            self._ip("addr", "add", f"{self.own_address}/30", "dev", self.near)
            self._ip("link", "set", self.near, "up")
            self._inside("ip", "addr", "add", f"{self.address}/30", "dev", self.far)
            self.mend()
            self.relay = subprocess.Popen(["ip", "netns", "exec", self.name, sys.executable, "-c", RELAY, self.address, str(self.port), self.path],
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            assert self.relay.stdout.readline() == b"ready\n", "the relay does not listen"
        except BaseException:
            self._ip("netns", "del", self.name)
            raise

    @staticmethod
    def _ip(*arguments):
        subprocess.run(["ip", *arguments], check=True, timeout=20)

    def _inside(self, *command, check=True):
        subprocess.run(["ip", "netns", "exec", self.name, *command], check=check, timeout=20, capture_output=not check)

    def cut(self):
        """Nothing passes, and nobody is told."""
        self._inside("ip", "link", "set", self.far, "down")

    def silence(self):
        """What goes there arrives, and nothing comes back. (What cut() throws away does not count for this side's keepalive.)"""
        self._inside("tc", "qdisc", "replace", "dev", self.far, "root", "pfifo", "limit", "0")

    def acknowledged(self):
        """Nothing that was sent there is under way."""
        sockets = subprocess.run(["ss", "-tnH", "dst", self.address], check=True, timeout=20, capture_output=True, text=True)
        return all(line.split()[2] == "0" for line in sockets.stdout.splitlines())

    def mend(self):
        self._inside("tc", "qdisc", "del", "dev", self.far, "root", check=False)
        self._inside("ip", "link", "set", self.far, "up")

    def slow(self, rate="64kbit"):
        """Answers come at this rate, each packet after those before it."""
        self._inside("tc", "qdisc", "replace", "dev", self.far, "root", "tbf", "rate", rate, "burst", "2kb", "latency", "2s")

    def lose_power(self):
        """As a machine that is switched off: what was connected to it is forgotten there, and nobody is told. start() starts it again."""
        self._ip("link", "del", self.near)
        self.close()

    def close(self):
        if self.relay is None:
            return
        relay, self.relay = self.relay, None
        relay.stdin.close()
        relay.wait(20)
        relay.stdout.close()
        self._ip("netns", "del", self.name)
