"""Free TCP ports on the loopback address."""

import random
import socket

# Below Linux's ephemeral range, so that no outgoing connection takes one between the choice and the bind.
LOWEST, HIGHEST = 20000, 32000


def is_free(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do; without it a port with connections in TIME_WAIT would look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count, avoid=()):
    """`count` different ports that nobody listens on at the moment."""
    chosen = []
    while len(chosen) < count:
        port = random.randint(LOWEST, HIGHEST)
        if port not in chosen and port not in avoid and is_free(port):
            chosen.append(port)
    return chosen


def preferred_or_free(wanted, avoid=()):
    """`wanted` when it is free, else any free port."""
    return wanted if wanted not in avoid and is_free(wanted) else free_ports(1, avoid)[0]
