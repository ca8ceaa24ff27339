"""What a session leaves behind, and what the next client on the same server connection sees (semantics.md D)."""

import signal
import socket
import struct
import subprocess

import wire as w
from harness import ClusterCase, main, psycopg2, rows, until, value, which

ONE = {"default_pool_size": 1}


class Settings(ClusterCase):
    """Pools of one: every client meets every other's leftovers."""

    replicas = 1

    def setUp(self):
        self.proxy = self.weir_with_replicas(pool=ONE)

    def test_reported_settings_follow_the_client(self):
        a, b = self.connect(self.proxy), self.connect(self.proxy)
        rows(a, "SET timezone = 'Asia/Tokyo'")
        rows(b, "SET timezone = 'America/New_York'")
        for _ in range(3):
            self.assertEqual(value(a, "SHOW timezone"), "Asia/Tokyo")
            self.assertEqual(value(b, "SHOW timezone"), "America/New_York")
        # On a replica, too: 12:00 UTC is 21:00 in Tokyo.
        self.assertEqual(value(a, "SELECT to_char('2026-01-01 12:00+00'::timestamptz, 'HH24:MI')"), "21:00")
        self.assertEqual(value(b, "SELECT to_char('2026-01-01 12:00+00'::timestamptz, 'HH24:MI')"), "07:00")

    def test_every_reported_setting(self):
        for setting, other in (("DateStyle", "SQL, DMY"), ("IntervalStyle", "iso_8601"), ("application_name", "it's \"me\"\\"),
                               ("client_encoding", "LATIN1"), ("standard_conforming_strings", "off")):
            with self.subTest(setting=setting):
                a, b = self.connect(self.proxy), self.connect(self.proxy)
                before = value(b, f"SHOW {setting}")
                rows(a, f"SET {setting} = %s", (other,))
                self.assertEqual(value(b, f"SHOW {setting}"), before)
                self.assertEqual(value(a, f"SHOW {setting}"), other)
                a.close()
                self.assertEqual(value(self.connect(self.proxy), f"SHOW {setting}"), before)

    def test_settings_of_the_startup_message(self):
        a = self.connect(self.proxy, application_name="first", options="-c timezone=Asia/Kolkata -c datestyle=German")
        b = self.connect(self.proxy, application_name="second")
        for _ in range(2):
            self.assertEqual(rows(a, "SELECT 1") and value(a, "SHOW application_name"), "first")
            self.assertEqual(value(b, "SHOW application_name"), "second")
            self.assertEqual(value(a, "SHOW timezone"), "Asia/Kolkata")
            self.assertEqual(value(b, "SHOW timezone"), "UTC")
        # They are the session's defaults: RESET goes back to them.
        rows(a, "SET timezone = 'UTC'")
        rows(a, "RESET timezone")
        self.assertEqual(value(a, "SHOW timezone"), "Asia/Kolkata")

    def test_each_is_welcomed_with_its_own_settings(self):
        """What is made once for all who ask for the same is not for those who ask for something else."""
        weir = self.weir_with_replicas(proxy={"auth_type": "trust"}, pool=ONE)
        asked = [{}, {"application_name": "one"}, {"application_name": "two"}, {"application_name": "one", "TimeZone": "Asia/Tokyo"},
                 {"TimeZone": "Asia/Tokyo"}, {"TimeZone": "UTC", "DateStyle": "German"}, {"options": "-c timezone=Asia/Tokyo"}]
        for _ in range(2):
            for parameters in asked:
                with self.subTest(parameters):
                    told = self.wire(weir.port, user="app", **parameters).parameters
                    self.assertEqual(told["application_name"], parameters.get("application_name", ""))
                    self.assertEqual(told["TimeZone"], "Asia/Tokyo" if "Asia" in str(parameters) else "UTC")
                    self.assertEqual(told["DateStyle"].split(",")[0], parameters.get("DateStyle", "ISO"))
                    self.assertIn("server_version", told)

    def test_the_welcome_follows_the_server(self):
        """What it reports at a login is what clients are told, though others were told something else before."""
        weir = self.weir_with_replicas(proxy={"auth_type": "trust"}, pool=ONE)
        told = self.wire(weir.port, user="app").parameters
        self.assertEqual(told["is_superuser"], "off")
        self.sql("ALTER ROLE app SUPERUSER")
        self.addCleanup(self.sql, "ALTER ROLE app NOSUPERUSER")
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")

        def superuser():
            client = self.wire(weir.port, user="app")
            client.ask("/* pgweir: primary */ SELECT 1")
            return self.wire(weir.port, user="app").parameters["is_superuser"] == "on"
        until(superuser, "a new login has told it")

    def test_a_rolled_back_setting_is_gone(self):
        a = self.connect(self.proxy, autocommit=True)
        for statement in ("BEGIN", "SET timezone = 'Asia/Tokyo'", "ROLLBACK"):
            rows(a, statement)
        self.assertEqual(value(a, "SHOW timezone"), "UTC")
        rows(a, "BEGIN")
        rows(a, "SET LOCAL timezone = 'Asia/Tokyo'")
        self.assertEqual(value(a, "SHOW timezone"), "Asia/Tokyo")
        rows(a, "COMMIT")
        self.assertEqual(value(a, "SHOW timezone"), "UTC")

    def test_other_settings_never_leak(self):
        """Pinned or refused, as it may be: the next client does not see it."""
        for statement, probe in (("SET work_mem = '7MB'", "SHOW work_mem"), ("SET search_path = 'pg_catalog'", "SHOW search_path"),
                                 ("SET statement_timeout = '77s'", "SHOW statement_timeout"),
                                 ("SELECT set_config('work_mem', '9MB', false)", "SHOW work_mem"),
                                 ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SHOW default_transaction_read_only"),
                                 ("DO $$ BEGIN PERFORM set_config('work_mem', '11MB', false); END $$", "SHOW work_mem")):
            with self.subTest(statement=statement):
                before = value(self.connect(self.proxy), probe)
                a = self.connect(self.proxy)
                try:
                    rows(a, statement)
                except psycopg2.Error:
                    pass
                a.close()
                b = self.connect(self.proxy)
                self.assertEqual(value(b, probe), before)
                b.close()

    def test_deallocating_behind_the_proxys_back_harms_nobody_else(self):
        """DO can drop the prepared statements that the server connection is known to have."""
        weir = self.weir(pool={"default_pool_size": 1}, proxy={"auth_type": "trust"})
        user, rude = self.wire(weir.port, user="app"), self.wire(weir.port, user="app")
        hint = "/* pgweir: primary */ "
        use = w.bind(name="s") + w.execute() + w.SYNC
        user.send(w.parse(hint + "SELECT 'mine'", "s") + use)
        user.read_ready()
        for sql in ("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$", "DEALLOCATE pgweir_1", "SELECT 1; DEALLOCATE ALL"):
            with self.subTest(sql=sql):
                rude.send(w.query(sql))
                rude.read_ready()
                if sql.startswith("DO"):  # found by the probe: it keeps the connection until it leaves
                    rude.close()
                    rude = self.wire(weir.port, user="app")
                user.send(use)
                self.assertEqual([m.values for m in user.read_ready() if m.tag == "D"], [["mine"]])

    def test_a_set_stays_for_its_own_client(self):
        a = self.connect(self.proxy)
        rows(a, "SET work_mem = '7MB'")
        for _ in range(3):
            self.assertEqual(value(a, "SHOW work_mem"), "7MB")


class Pins(ClusterCase):
    """State that cannot be replayed holds the server connection; it is gone for whoever comes next."""

    replicas = 1

    def setUp(self):
        self.proxy = self.weir_with_replicas(pool=ONE, proxy={"auth_type": "trust"})

    def test_a_temporary_table_is_there_in_every_statement(self):
        a = self.connect(self.proxy)
        rows(a, "CREATE TEMP TABLE mine (n int)")
        rows(a, "INSERT INTO mine VALUES (7)")
        self.assertEqual(value(a, "SELECT n FROM mine"), 7)
        a.close()
        with self.assertRaises(psycopg2.errors.UndefinedTable):
            rows(self.connect(self.proxy), "SELECT n FROM mine")

    def test_a_temporary_table_hides_a_permanent_one(self):
        """On a replica the permanent table would answer, silently (semantics.md A)."""
        self.sql("CREATE TABLE IF NOT EXISTS shadowed AS SELECT 'permanent' AS which; GRANT SELECT ON shadowed TO public")
        self.cluster.wait_caught_up()
        a = self.connect(self.proxy)
        rows(a, "CREATE TEMP TABLE shadowed AS SELECT 'temporary' AS which")
        self.assertEqual({value(a, "SELECT which FROM shadowed") for _ in range(4)}, {"temporary"})

    def test_an_advisory_lock_is_held_and_then_released(self):
        a = self.connect(self.proxy)
        rows(a, "SELECT pg_advisory_lock(4711)")
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711"
        self.assertEqual(self.sql(held)[0][0], "1")
        rows(a, "SELECT 1")
        self.assertEqual(self.sql(held)[0][0], "1")
        a.close()
        until(lambda: self.sql(held)[0][0] == "0", "the lock is released when its client leaves")

    def test_sql_prepare(self):
        a = self.connect(self.proxy)
        rows(a, "PREPARE mine AS SELECT 40 + $1::int")
        self.assertEqual(value(a, "EXECUTE mine(2)"), 42)
        a.close()
        b = self.connect(self.proxy)
        rows(b, "PREPARE mine AS SELECT 1")  # 42P05 if the first were still there

    def test_a_holdable_cursor(self):
        a = self.connect(self.proxy)
        rows(a, "BEGIN")
        rows(a, "DECLARE c CURSOR WITH HOLD FOR SELECT generate_series(1, 3)")
        rows(a, "COMMIT")
        self.assertEqual(rows(a, "FETCH ALL FROM c"), [(1,), (2,), (3,)])
        a.close()
        with self.assertRaises(psycopg2.errors.InvalidCursorName):
            rows(self.connect(self.proxy), "FETCH ALL FROM c")

    def test_listen_gets_its_notification(self):
        weir = self.weir(pool={"default_pool_size": 2})
        a, b = self.connect(weir), self.connect(weir)
        rows(a, "LISTEN news")
        rows(b, "SELECT pg_notify('news', 'hello')")

        def heard():
            a.poll()
            return a.notifies
        until(heard, "the notification arrives")
        self.assertEqual(a.notifies[0].payload, "hello")

    def test_a_role_does_not_stay(self):
        self.sql("GRANT plainuser TO app", "postgres")
        a = self.connect(self.proxy)
        try:
            rows(a, "SET ROLE plainuser")
        except psycopg2.Error:
            pass
        a.close()
        self.assertEqual(value(self.connect(self.proxy), "/* pgweir: primary */ SELECT current_user"), "app")

    def test_a_pinned_client_makes_others_wait_no_longer_than_it_lives(self):
        a = self.connect(self.proxy)
        rows(a, "CREATE TEMP TABLE mine (n int)")
        b = self.wire(self.proxy.port, user="app")
        b.send(w.query("/* pgweir: primary */ SELECT 'through'"))
        until(lambda: self.proxy.console("SHOW POOLS") and
              sum(int(r["cl_waiting"]) for r in self.proxy.console("SHOW POOLS")) == 1, "b waits")
        a.close()
        self.assertIn(["through"], [m.values for m in b.read_ready() if m.tag == "D"])


class Vanishing(ClusterCase):
    """Clients that go without a word."""

    replicas = 1

    def setUp(self):
        self.proxy = self.weir_with_replicas(pool=ONE, proxy={"auth_type": "trust"})
        self.sql("DROP TABLE IF EXISTS t; CREATE TABLE t (n int); GRANT ALL ON t TO public")

    @staticmethod
    def vanish(wire):
        """A reset instead of a goodbye, as when the client's host dies."""
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wire.close()

    def test_inside_a_transaction(self):
        a = self.wire(self.proxy.port, user="app")
        a.ask("BEGIN")
        a.ask("INSERT INTO t VALUES (1)")
        a.ask("SET LOCAL timezone = 'Asia/Tokyo'")
        self.vanish(a)
        b = self.wire(self.proxy.port, user="app")
        self.assertEqual(b.ask("/* pgweir: primary */ SELECT count(*) FROM t"), [["0"]])
        self.assertEqual(b.ask("SHOW timezone"), [["UTC"]])
        self.assertEqual(b.status, "I")

    def test_in_a_failed_transaction(self):
        a = self.wire(self.proxy.port, user="app")
        a.ask("BEGIN")
        with self.assertRaises(w.SqlError):
            a.ask("SELECT 1/0")
        self.vanish(a)
        self.assertEqual(self.wire(self.proxy.port, user="app").ask("INSERT INTO t VALUES (2) RETURNING n"), [["2"]])

    def test_in_the_middle_of_a_query(self):
        a = self.wire(self.proxy.port, user="app")
        a.send(w.query("INSERT INTO t SELECT n FROM (SELECT 3 AS n, pg_sleep(1)) s"))
        until(lambda: self.sql("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'INSERT INTO t%' AND state = 'active'"), "it runs")
        self.vanish(a)
        self.assertEqual(self.wire(self.proxy.port, user="app").ask("INSERT INTO t VALUES (4) RETURNING n"), [["4"]])

    def test_in_the_middle_of_a_result(self):
        a = self.wire(self.proxy.port, user="app")
        a.send(w.query("/* pgweir: primary */ SELECT repeat('x', 1000) FROM generate_series(1, 200000)"))
        a.read()
        self.vanish(a)
        self.assertEqual(self.wire(self.proxy.port, user="app").ask("INSERT INTO t VALUES (5) RETURNING n"), [["5"]])

    def test_in_the_middle_of_a_pipeline(self):
        a = self.wire(self.proxy.port, user="app")
        a.send(w.parse("INSERT INTO t VALUES (6)") + w.bind() + w.execute() + w.FLUSH)
        self.assertEqual([a.read().tag for _ in range(3)], ["1", "2", "C"])
        self.vanish(a)
        b = self.wire(self.proxy.port, user="app")
        self.assertEqual(b.ask("/* pgweir: primary */ SELECT count(*) FROM t WHERE n = 6"), [["0"]])

    def test_in_the_middle_of_a_copy(self):
        a = self.wire(self.proxy.port, user="app")
        a.send(w.query("COPY t FROM STDIN"))
        self.assertEqual(a.read().tag, "G")
        a.send(w.copy_data(b"7\n"))
        self.vanish(a)
        b = self.wire(self.proxy.port, user="app")
        self.assertEqual(b.ask("/* pgweir: primary */ SELECT count(*) FROM t WHERE n = 7"), [["0"]])

    def test_in_the_middle_of_a_message(self):
        a = self.wire(self.proxy.port, user="app")
        a.send(w.query("INSERT INTO t VALUES (8)")[:-5])
        self.vanish(a)
        b = self.wire(self.proxy.port, user="app")
        self.assertEqual(b.ask("/* pgweir: primary */ SELECT count(*) FROM t WHERE n = 8"), [["0"]])

    def test_a_killed_libpq_client(self):
        """A real process that dies by SIGKILL inside a transaction."""
        child = subprocess.Popen(["psql", "-X", "-q"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                                 env=self.proxy.environment())
        child.stdin.write("BEGIN; INSERT INTO t VALUES (9); SELECT pg_sleep(0);\n")
        child.stdin.flush()
        until(lambda: self.sql("SELECT 1 FROM pg_stat_activity WHERE usename = 'app' AND state = 'idle in transaction'"),
              "it is inside a transaction")
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdin.close()
        b = self.wire(self.proxy.port, user="app")
        self.assertEqual(b.ask("/* pgweir: primary */ SELECT count(*) FROM t WHERE n = 9"), [["0"]])


class Preference(ClusterCase):
    """pgweir's own settings, annotations, and transactions that say what they are."""

    def setUp(self):
        self.proxy = self.weir_with_replicas(routing={"consistency": "eventual"})  # each read is spread by itself
        self.connection = self.connect(self.proxy)

    def servers(self, sql="SELECT name FROM which_server", count=8):
        return {value(self.connection, sql) for _ in range(count)}

    def test_read_preference(self):
        self.assertEqual(value(self.connection, "SHOW pgweir.read_preference"), "replica_preferred")
        rows(self.connection, "SET pgweir.read_preference = 'primary'")
        self.assertEqual(value(self.connection, "SHOW pgweir.read_preference"), "primary")
        self.assertEqual(self.servers(), {"primary"})
        rows(self.connection, "RESET pgweir.read_preference")
        self.assertEqual(self.servers(), {"replica1", "replica2"})
        self.assertEqual(value(self.connection, "SHOW pgweir.read_preference"), "replica_preferred")

    def test_a_wrong_value(self):
        with self.assertRaises(psycopg2.Error) as raised:
            rows(self.connection, "SET pgweir.read_preference = 'nowhere'")
        self.assertEqual(raised.exception.pgcode, "22023")
        with self.assertRaises(psycopg2.Error):
            rows(self.connection, "SET pgweir.no_such_setting = 'x'")
        self.assertEqual(self.servers(), {"replica1", "replica2"})

    def test_in_startup_options(self):
        self.connection = self.connect(self.proxy, options="-c pgweir.read_preference=primary")
        self.assertEqual(self.servers(), {"primary"})
        rows(self.connection, "SET pgweir.read_preference = 'replica'")
        self.assertEqual(self.servers(), {"replica1", "replica2"})
        rows(self.connection, "RESET pgweir.read_preference")
        self.assertEqual(self.servers(), {"primary"})

    def test_it_never_reaches_a_server(self):
        self.sql("ALTER SYSTEM SET log_statement = 'all'", "postgres")
        self.sql("SELECT pg_reload_conf()", "postgres")
        self.addCleanup(self.sql, "SELECT pg_reload_conf()", "postgres")
        self.addCleanup(self.sql, "ALTER SYSTEM RESET log_statement", "postgres")
        rows(self.connection, "SET pgweir.read_preference = 'primary'")
        rows(self.connection, "SELECT 'a mark in the log' AS mark")
        log = self.cluster.primary.log
        until(lambda: "a mark in the log" in log.read_text(), "the server logs statements")
        self.assertNotIn("read_preference", log.read_text())

    def test_annotations(self):
        self.assertEqual(self.servers("/* pgweir: primary */ SELECT name FROM which_server"), {"primary"})
        self.sql("CREATE OR REPLACE FUNCTION unknown_to_pgweir() RETURNS text STABLE LANGUAGE sql "
                 "AS $$ SELECT current_setting('cluster_name') $$")
        self.cluster.wait_caught_up()
        # Without the catalog, which would know it soon.
        weir = self.weir_with_replicas(routing={"catalog_interval": "0s", "consistency": "eventual"})
        self.connection = self.connect(weir)
        self.assertEqual(self.servers("SELECT unknown_to_pgweir()"), {"primary"})
        self.assertEqual(self.servers("/* pgweir: replica */ SELECT unknown_to_pgweir()"), {"replica1", "replica2"})

    def test_safe_functions(self):
        self.sql("CREATE OR REPLACE FUNCTION declared_safe() RETURNS text STABLE LANGUAGE sql "
                 "AS $$ SELECT current_setting('cluster_name') $$")
        self.cluster.wait_caught_up()
        weir = self.weir_with_replicas(routing={"safe_functions": ["declared_safe"], "consistency": "eventual"})
        self.connection = self.connect(weir)
        self.assertEqual(self.servers("SELECT declared_safe()"), {"replica1", "replica2"})

    def transaction(self, begin):
        rows(self.connection, begin)
        try:
            return {value(self.connection, "SELECT name FROM which_server") for _ in range(3)}
        finally:
            rows(self.connection, "COMMIT")

    def test_transactions(self):
        for begin, allowed in (("BEGIN", {"primary"}), ("START TRANSACTION", {"primary"}), ("BEGIN READ WRITE", {"primary"}),
                               ("BEGIN ISOLATION LEVEL SERIALIZABLE", {"primary"}),
                               ("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE", {"primary"}),
                               ("BEGIN READ ONLY", {"replica1", "replica2"}),
                               ("START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", {"replica1", "replica2"})):
            with self.subTest(begin=begin):
                seen = self.transaction(begin)
                self.assertEqual(len(seen), 1, "a transaction never moves")
                self.assertLessEqual(seen, allowed)

    def test_a_write_in_a_read_only_transaction(self):
        rows(self.connection, "BEGIN READ ONLY")
        with self.assertRaises(psycopg2.Error) as raised:
            rows(self.connection, "CREATE TABLE never (n int)")
        self.assertEqual(raised.exception.pgcode, "25006")
        rows(self.connection, "ROLLBACK")
        self.assertEqual(self.servers(), {"replica1", "replica2"})

    def test_the_welcome_is_the_primarys(self):
        weir = self.weir_with_replicas(proxy={"auth_type": "trust"})
        raw = self.wire(weir.port, user="app")
        self.assertEqual(raw.parameters.get("in_hot_standby"), "off")
        self.assertIn("server_version", raw.parameters)
        for _ in range(4):
            raw.ask("SELECT name FROM which_server")
        self.assertEqual(raw.parameters.get("in_hot_standby"), "off", "a replica's own is not passed on")


if __name__ == "__main__":
    main()
