"""No state of a session is ever seen by another: 200 clients that leave all kinds of it behind, many of them killed.

Each group of clients is a process; a third of the processes die by SIGKILL in the middle of things. Meanwhile a checker looks
at what its connection to pgweir shows (semantics.md D).
"""

import multiprocessing
import os
import random
import signal
import socket
import struct
import time

import wire as w
from harness import SLOW, ClusterCase, Wire, main, until

GROUPS, PER_GROUP = 50, 4
SEED = int(os.environ.get("PGWEIR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)

SETTINGS = {"timezone": "Asia/Tokyo", "datestyle": "SQL, DMY", "application_name": "leaked", "work_mem": "7MB",
            "statement_timeout": "77s", "search_path": "leaked", "lock_timeout": "66s", "default_transaction_read_only": "on",
            "extra_float_digits": "0", "leak.custom": "leaked"}

CHECK = "/* pgweir: primary */ SELECT concat_ws(' ', " + ", ".join(
    f"nullif(current_setting('{name}', true), '')" for name in SETTINGS if name != "application_name") + """,
  current_user, session_user, current_setting('application_name'),
  (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()),
  (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
  (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_prepared_statements WHERE from_sql),
  (SELECT count(*) FROM pg_cursors WHERE name <> ''))"""


def acts(dice, number):
    """What one client does, in random order: SQL texts, or bytes."""
    name, setting = f"leak_{number}", dice.choice(list(SETTINGS))
    bound = w.parse("SELECT set_config($1, $2, false)") + w.bind([setting, SETTINGS[setting]]) + w.execute() + w.SYNC
    everything = [
        w.query(f"SET {setting} = '{SETTINGS[setting]}'"), w.query(f"BEGIN; SET {setting} = '{SETTINGS[setting]}'; COMMIT"), bound,
        w.query("SET ROLE leaker"), w.query("SET SESSION AUTHORIZATION DEFAULT"), w.query("SET SESSION AUTHORIZATION app"),
        w.query(f"CREATE TEMP TABLE {name} (n int)"), w.query(f"SELECT 1 AS n INTO TEMP {name}"),
        w.query(f"SELECT pg_advisory_lock({number})"), w.query(f"DO $$ BEGIN PERFORM pg_advisory_lock({number + 1000}); END $$"),
        w.query(f"LISTEN {name}"), w.query(f"PREPARE {name} AS SELECT 1"), w.parse("SELECT 'mine'", name) + w.SYNC,
        w.query(f"BEGIN; DECLARE {name} CURSOR WITH HOLD FOR SELECT generate_series(1, 3); COMMIT"),
        w.simple_statement(f"DO $$ BEGIN PERFORM set_config('{setting}', '{SETTINGS[setting]}', false); END $$"),
        w.query("BEGIN"), w.query("SELECT 1/0"), w.query("ROLLBACK"), w.query("SELECT pg_sleep(0.01)"),
        w.parse(f"CREATE TEMP TABLE {name} (n int)") + w.bind() + w.execute() + w.FLUSH + w.SYNC,
    ]
    return dice.sample(everything, dice.randint(2, 7))


def client(port, dice, number):
    """One client's life; it may end in the middle of an answer, by a reset."""
    wire = Wire(port, 60 * SLOW).login("app")
    steps = acts(dice, number)
    for step in steps:
        wire.send(step)
        if dice.random() < 0.85:
            wire.read_ready()
    if dice.random() < 0.4:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif dice.random() < 0.5:
        wire.send(w.TERMINATE)
    wire.close()


def group(port, seed, first, doomed, broken):
    """Clients one after the other; a doomed group goes on until it is killed."""
    dice, number = random.Random(seed), 0
    try:
        while doomed or number < PER_GROUP:
            client(port, dice, first + number % PER_GROUP)
            number += 1
    except Exception as error:  # noqa: BLE001: the parent tells
        broken.put(f"group {first // PER_GROUP}: {error!r}")


class Leaks(ClusterCase):
    replicas = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sql("CREATE ROLE leaker; GRANT leaker TO app", "postgres")

    def test_nothing_of_another_session_is_seen(self):
        weir = self.weir(proxy={"auth_type": "trust"}, pool={"default_pool_size": 5}, log={"connections": False, "disconnections": False})
        clean = self.wire(weir.port, user="app").ask(CHECK)
        self.assertIn("app app", clean[0][0])
        context = multiprocessing.get_context("fork")
        broken = context.Queue()
        waiting = [context.Process(target=group, args=(weir.port, f"{SEED}/{n}", n * PER_GROUP, n % 3 == 0, broken), daemon=True)
                   for n in range(GROUPS)]
        checks, killed = self.run_groups(weir, waiting, clean)
        self.assertTrue(broken.empty(), f"seed {SEED}: {broken.get() if not broken.empty() else ''}")
        print(f"seed {SEED}: {checks} looks, {killed} processes killed", flush=True)
        self.assertGreaterEqual(killed, GROUPS // 3)
        self.assertGreater(checks, GROUPS // 3)
        self.assert_nothing_left(weir, clean)

    def run_groups(self, weir, waiting, clean):
        """A few groups at a time; the checker looks in between, through old and new connections."""
        dice, running, checks, killed = random.Random(SEED), [], 0, 0
        deadline = time.monotonic() + 120 * SLOW
        keeper = self.wire(weir.port, user="app")
        keeper.timeout = 60 * SLOW
        while (waiting or running) and time.monotonic() < deadline:
            while waiting and len(running) < 8:
                process, doomed = waiting.pop(0), (GROUPS - len(waiting) - 1) % 3 == 0
                process.start()
                running.append((process, time.monotonic() + dice.uniform(0.05, 0.3) if doomed else None))
            for process, end in list(running):
                if end is not None and time.monotonic() > end:
                    os.kill(process.pid, signal.SIGKILL)
                    killed += 1
                    process.join()
                if not process.is_alive():
                    process.join()
                    running.remove((process, end))
            with Wire(weir.port, 60 * SLOW).login("app") as fresh:
                for wire in (keeper, fresh):
                    self.assertEqual(wire.ask(CHECK), clean, f"seed {SEED}: a client sees another's state")
                    checks += 1
        self.assertEqual((waiting, running), ([], []), f"seed {SEED}: the clients hang")
        return checks, killed

    def assert_nothing_left(self, weir, clean):
        left = "SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') || ' ' || " \
               "(SELECT count(*) FROM pg_class WHERE relpersistence = 't')"
        until(lambda: self.sql(left)[0][0] == "0 0", "no advisory lock and no temporary relation is left")
        wires = [self.wire(weir.port, user="app") for _ in range(5)]
        for wire in wires:
            wire.ask("BEGIN")
        for wire in wires:
            self.assertEqual(wire.ask(CHECK), clean)
            wire.ask("COMMIT")


if __name__ == "__main__":
    main()
