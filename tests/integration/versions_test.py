"""What pgweir relies on and PostgreSQL's versions do differently, asked of the servers at hand (scripts/test --postgres N).

semantics.md A (functions on a standby), B (white space), D (reported settings), E (positions behind a page's header).
"""

import json
import signal
import subprocess

import harness
import wire as w
from harness import ClusterCase, main, until, value, which
from tls_test import Authority
from wire import SqlError

# Volatile, and allowed all the same: each is tried on a replica below. Two are methods of TABLESAMPLE (TABLESAMPLE system (1)).
ALLOWED_THOUGH_VOLATILE = {
    "random()": 15, "clock_timestamp()": 15, "timeofday()": 15, "gen_random_uuid()": 15, "current_query()": 15, "pg_sleep(0)": 15,
    "pg_sleep_for('0')": 15, "pg_sleep_until(now())": 15, "lo_get(4711)": 15, "pg_database_size('app')": 15,
    "pg_tablespace_size('pg_default')": 15, "pg_relation_size('t')": 15, "pg_table_size('t')": 15, "pg_indexes_size('t')": 15,
    "pg_total_relation_size('t')": 15, "pg_partition_tree('t')": 15, "pg_partition_ancestors('t')": 15,
    "pg_xact_status('3')": 15, "txid_status(3)": 15, "random_normal()": 16, "array_sample(array[1, 2], 1)": 16,
    "array_shuffle(array[1, 2])": 16, "random(1, 6)": 17, "uuidv4()": 18, "uuidv7()": 18,
}
TABLESAMPLE = {"bernoulli", "system"}

# What a standby says to functions that look harmless or are not volatile: SQLSTATE, and the one before PostgreSQL 16.
REFUSED_ON_A_STANDBY = {
    "nextval('s')": "25006", "setval('s', 1)": "25006", "pg_notify('a', 'b')": "25006", "txid_current()": "25006",
    "pg_current_xact_id()": "25006", "pg_replication_origin_oid('x')": "25006", "pg_switch_wal()": "55000",
    "pg_create_restore_point('x')": "55000", "pg_current_wal_insert_lsn()": "55000", "pg_walfile_name('0/4000000')": "55000",
    "brin_summarize_new_values('pg_class_oid_index')": "55000", "pg_import_system_collations('pg_catalog')": "55000",
    "pg_logical_emit_message(false, 'a', 'b')": "XX000", "pg_nextoid('pg_class', 'oid', 'pg_class_oid_index')": "XX000",
    # 16: "Prevent the writing of large objects in read-only transactions".
    "lo_unlink(4711)": ("25006", "55000"), "lo_creat(-1)": ("25006", "XX000"), "lo_create(0)": ("25006", "XX000"),
    "lo_from_bytea(0, 'x')": ("25006", "XX000"), "lo_put(4711, 0, 'x')": ("25006", "XX000"),
}

# The settings that ParameterStatus tells, and the version that began to.
REPORTED = {
    "application_name": 15, "client_encoding": 15, "DateStyle": 15, "default_transaction_read_only": 15, "in_hot_standby": 15,
    "integer_datetimes": 15, "IntervalStyle": 15, "is_superuser": 15, "server_encoding": 15, "server_version": 15,
    "session_authorization": 15, "standard_conforming_strings": 15, "TimeZone": 15, "scram_iterations": 16, "search_path": 18,
}


def position(text):
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


class Versions(ClusterCase):
    replicas = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.version = int(cls.cluster.primary.value("SHOW server_version_num")) // 10000
        cls.sql("ALTER ROLE trustuser SUPERUSER; CREATE SEQUENCE s; CREATE TABLE t (n int); SELECT lo_create(4711)")
        cls.cluster.wait_caught_up()

    def weir_for_trust(self, **settings):
        return self.weir_with_replicas(proxy={"auth_type": "trust"},
                                       user=[{"name": "trustuser"}, {"name": "admin", "password": "admin", "admin": True}], **settings)

    def here(self, table):
        return [name for name, since in table.items() if since <= self.version]

    @staticmethod
    def targets(statements):
        done = subprocess.run([str(harness.BINARY), "route", "-0"], input="\0".join([*statements, ""]), capture_output=True,
                              text=True, timeout=60 * harness.SLOW, check=True)
        return [json.loads(line)["target"] for line in done.stdout.splitlines()]

    # ---- functions

    def test_no_other_volatile_function_is_allowed(self):
        volatile = [name for name, in self.sql("SELECT DISTINCT proname FROM pg_proc WHERE provolatile = 'v' AND prokind <> 'p' "
                                               "AND pronamespace = 'pg_catalog'::regnamespace ORDER BY 1")]
        routes = self.targets(f'SELECT "{name}"()' for name in volatile)
        self.assertEqual(len(routes), len(volatile))
        allowed = {name for name, target in zip(volatile, routes) if target != "primary"}
        self.assertEqual(allowed, {call.partition("(")[0] for call in self.here(ALLOWED_THOUGH_VOLATILE)} | TABLESAMPLE)

    def test_what_is_allowed_though_volatile_works_on_a_replica(self):
        weir = self.weir_for_trust()
        client = self.wire(weir.port, user="trustuser")
        for call in self.here(ALLOWED_THOUGH_VOLATILE):
            with self.subTest(call=call):
                before = self.queries_at("replica", weir)
                client.ask(f"SELECT {call}")
                self.assertEqual(self.queries_at("replica", weir), before + 1)

    @staticmethod
    def queries_at(target, weir):
        return weir.metric("pgweir_queries_routed_total", target=target)

    def test_what_a_standby_refuses_goes_to_the_primary(self):
        self.assertEqual(set(self.targets(f"SELECT {call}" for call in REFUSED_ON_A_STANDBY)), {"primary"})
        standby = self.wire(self.cluster.replicas[0].port, user="trustuser")
        for call, codes in REFUSED_ON_A_STANDBY.items():
            code = codes if isinstance(codes, str) else codes[self.version < 16]
            with self.subTest(call=call), self.assertRaises(SqlError) as raised:
                standby.ask(f"SELECT {call}")
            self.assertEqual(raised.exception.code, code, raised.exception)

    # ---- sessions

    def test_the_settings_that_are_reported(self):
        """A new one has to be known to proxy/session/setting_names.cpp."""
        direct = self.wire(self.cluster.primary.port, user="trustuser")
        self.assertEqual(set(direct.parameters), set(self.here(REPORTED)))
        welcome = self.wire(self.weir_for_trust().port, user="trustuser")
        self.assertEqual(welcome.parameters, direct.parameters)

    def test_a_search_path_of_the_startup_packet(self):
        weir = self.weir_for_trust(pool={"default_pool_size": 1}, routing={"split": "off"})
        a = self.wire(weir.port, user="trustuser", options="-c search_path=information_schema,pg_catalog")
        b = self.wire(weir.port, user="trustuser")
        for _ in range(2):
            self.assertEqual(a.ask("SELECT current_schemas(false)"), [["{information_schema,pg_catalog}"]])
            self.assertEqual(b.ask("SELECT current_schemas(false)"), [["{public}"]])

    def test_vertical_tabs(self):
        """White space since 16: the server's answer counts, and what such a text does to the session stays with its client."""
        weir = self.weir_for_trust(pool={"default_pool_size": 1})
        a, b = (self.wire(weir.port, user="trustuser") for _ in range(2))
        if self.version < 16:
            with self.assertRaises(SqlError) as raised:
                a.ask("SELECT\v1")
            self.assertEqual(raised.exception.code, "42601")
            return
        self.assertEqual(a.ask("SELECT\v'a'\v\n\v'b'"), [["ab"]])
        self.assertEqual(a.ask("SELECT\vnextval\v('s')"), [["1"]])
        a.ask("SET\vwork_mem\v=\v'77MB'")
        a.close()
        self.assertNotEqual(b.ask("SHOW work_mem"), [["77MB"]])

    def test_a_query_amid_extended_messages(self):
        """PostgreSQL 18.6 says that it has committed and has not: pgweir makes it, and the next client finds no wreck."""
        weir = self.weir_for_trust(pool={"default_pool_size": 1})
        self.sql("TRUNCATE t")
        a, b = (self.wire(weir.port, user="trustuser") for _ in range(2))
        a.send(w.parse("INSERT INTO t VALUES (1)") + w.bind() + w.execute() + w.query("INSERT INTO t VALUES (2)") + w.SYNC)
        self.assertEqual([m.body for m in a.read_ready(2) if m.tag == "C"], [b"INSERT 0 1\0"] * 2)
        self.assertEqual(b.ask("/* pgweir: primary */ SELECT n FROM t ORDER BY n"), [["1"], ["2"]])
        self.assertEqual(self.sql("SELECT n FROM t ORDER BY n"), [("1",), ("2",)])

    def test_more_iterations_of_scram(self):
        """Since 16 a password may be stored with more than 4096."""
        if self.version < 16:
            self.skipTest("this server knows no scram_iterations")
        self.sql("SET scram_iterations = 20000; CREATE ROLE strong LOGIN PASSWORD 'strong'")
        self.assertEqual(self.sql("SELECT rolpassword LIKE 'SCRAM-SHA-256$20000:%' FROM pg_authid WHERE rolname = 'strong'"), [("t",)])
        self.cluster.wait_caught_up()
        weir = self.weir_with_replicas(user=[{"name": "strong", "password": "strong"}])
        self.assertEqual(which(self.connect(weir, "strong", "strong")), "replica1")

    # ---- positions

    def test_positions_behind_a_header(self):
        """semantics.md E: at the start of a page the insert position is behind the header, where no replica ever gets."""
        weir = self.weir_for_trust()
        for what, size, header in (("page", 8192, 24), ("segment", 16 << 20, 40)):
            with self.subTest(what=what):
                # Whatever else writes in the meantime makes the attempt worth nothing.
                until(lambda a=what, b=size, c=header: self.stands_behind_a_header(weir, a, b, c), f"nobody else begins the {what}", 60)

    def stands_behind_a_header(self, weir, what, size, header):
        """False when somebody else has written. Otherwise the replica has all there is, and pgweir knows it."""
        self.end_of(what)
        insert = self.insert_position()
        if insert % size != header:
            return False
        until(lambda: self.replay_position() >= insert - header or self.insert_position() != insert, "the replica has the rest")
        until(lambda: weir.metric("pgweir_server_lag_bytes", server="replica1") == 0 or self.insert_position() != insert, "no lag")
        replay, lag = self.replay_position(), weir.metric("pgweir_server_lag_bytes", server="replica1")
        if self.insert_position() != insert:
            return False
        self.assertEqual((insert - replay, lag), (header, 0))
        session = self.connect(weir, "trustuser", "trustpass")
        until(lambda: value(session, "/* pgweir: max_lag=2s */ SELECT name FROM which_server") == "replica1" or self.insert_position() != insert,
              "a read with a bound goes to the replica")
        return self.insert_position() == insert

    def insert_position(self):
        return position(self.cluster.primary.value("SELECT pg_current_wal_insert_lsn()"))

    def replay_position(self):
        return position(self.cluster.replicas[0].value("SELECT pg_last_wal_replay_lsn()"))

    def end_of(self, what):
        """Fills the page of the WAL, or ends the segment."""
        self.sql("SELECT pg_logical_emit_message(false, '', 'something')")
        if what == "segment":
            self.sql("SELECT pg_switch_wal()")
            return
        left = 8192 - self.insert_position() % 8192
        if left > 400:
            overhead = 56  # of such a record of more than 255 bytes
            self.sql(f"SELECT pg_logical_emit_message(false, '', repeat('x', {left - overhead}))")


class Libpq(ClusterCase):
    """psql of the same version as the servers, as a client of pgweir."""

    replicas = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.version = int(cls.cluster.primary.value("SHOW server_version_num")) // 10000
        cls.authority = Authority(cls.folder / "tls")
        certificate, key = cls.authority.issue("proxy", "localhost")
        cls.tls = {"sslmode": "prefer", "cert_file": str(certificate), "key_file": str(key)}

    def psql(self, weir, *commands, **settings):
        """A psql that is running `commands`; what it says comes in one stream."""
        arguments = [part for command in commands for part in ("-c", command)]
        return subprocess.Popen([str(self.cluster.bin / "psql"), "-X", "-A", "-t", *arguments, weir.dsn(**settings)], text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def says(self, weir, *commands, **settings):
        psql = self.psql(weir, *commands, **settings)
        output = psql.communicate(timeout=30 * harness.SLOW)[0]
        self.assertEqual(psql.returncode, 0, output)
        return output.split()

    def ways(self):
        """What this version's libpq can be asked for, each with the version that knows it."""
        verified = {"sslmode": "verify-full", "sslrootcert": str(self.authority / "ca.crt"), "host": "localhost"}
        everything = [
            (15, {"sslmode": "disable"}),
            (15, {**verified, "channel_binding": "require"}),
            (16, {**verified, "channel_binding": "require", "require_auth": "scram-sha-256"}),
            (17, {**verified, "sslnegotiation": "direct", "channel_binding": "require"}),
            (18, {"sslmode": "disable", "max_protocol_version": "latest"}),
            (18, {"sslmode": "disable", "min_protocol_version": "3.2", "max_protocol_version": "3.2"}),
            (18, {**verified, "sslnegotiation": "direct", "channel_binding": "require", "min_protocol_version": "3.2",
                  "max_protocol_version": "latest"}),
        ]
        return [settings for since, settings in everything if since <= self.version]

    def test_logins(self):
        weir = self.weir_with_replicas(client_tls=self.tls)
        for settings in self.ways():
            with self.subTest(settings=settings):
                self.assertEqual(self.says(weir, "SELECT name FROM which_server", "SHOW cluster_name", **settings), ["replica1", "primary"])

    def test_cancels(self):
        """A cancel request of libpq's own, with a key of the length that the protocol's version allows."""
        weir = self.weir_with_replicas(client_tls=self.tls)
        for settings in self.ways():
            with self.subTest(settings=settings):
                psql = self.psql(weir, "/* pgweir: primary */ SELECT pg_sleep(60)", **settings)
                until(lambda: self.backends(self.cluster.primary, extra="state = 'active' AND query LIKE '%pg_sleep(60)'") == 1, "it runs")
                psql.send_signal(signal.SIGINT)
                self.assertIn("canceling statement due to user request", psql.communicate(timeout=30 * harness.SLOW)[0])


if __name__ == "__main__":
    main()
