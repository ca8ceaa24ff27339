"""Discovery: servers come and go as Patroni's REST API or DNS names say; when these fall silent, the last known ones stay."""

import http.server
import json
import ssl
import threading

import psycopg2
from authority import Authority
from harness import ClusterCase, Load, main, rows, until, value, which


class PatroniApi:
    """GET /cluster as Patroni documents it; what it answers is the test's to say."""

    def __init__(self, context=None):
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                api.asked += 1
                status, body = api.answer if self.path == "/cluster" else (404, b"")
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.asked = 0
        self.answer = (503, b"")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def say(self, members):
        self.answer = (200, json.dumps({"members": members, "scope": "test"}).encode())

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


class Discovery(ClusterCase):
    replicas = 2

    def api(self, context=None):
        api = PatroniApi(context)
        self.addCleanup(api.close)
        return api

    def member(self, node, **more):
        role = "leader" if node.name == "primary" else "replica"
        return {"name": node.name, "role": role, "state": "running" if role == "leader" else "streaming",
                "api_url": "http://127.0.0.1:8008/patroni", "host": "127.0.0.1", "port": node.port, "timeline": 1, **more}

    def members(self, but=(), **changes):
        return [self.member(n, **changes.get(n.name, {})) for n in self.cluster.nodes.values() if n.name not in but]

    def source(self, *urls, **more):
        return {"name": "patroni", "type": "patroni", "urls": list(urls), "interval": "500ms", "timeout": "2s", **more}

    def patroni_weir(self, *apis, **more):
        urls = [f"http://127.0.0.1:{api.port}" for api in apis]
        return self.weir_with_replicas(server=more.pop("server", []), discovery=[self.source(*urls)], **more)

    def listed(self, weir):
        return {row["server"] for row in weir.console("SHOW REPLICATION")}

    def names(self):
        return set(self.cluster.nodes)

    # ---- Patroni

    def test_members_come_and_go_under_load(self):
        api = self.api()
        api.say(self.members())
        weir = self.patroni_weir(api, proxy={"workers": 2}, routing={"consistency": "eventual"})
        self.assertEqual(self.listed(weir), self.names())
        gone = self.cluster.replicas[1]
        with Load(weir, clients=4) as load:
            for _ in range(2):
                api.say(self.members(but=[gone.name]))
                until(lambda: gone.name not in self.listed(weir), "it has left")
                until(lambda: self.backends(gone) == 0, "its connections are closed")
                api.say(self.members())
                mark = len(load.answers)
                until(lambda: gone.name in {answer for _, answer in load.answers[mark:]}, "it is back")
            api.say(self.members(**{gone.name: {"tags": {"noloadbalance": True}}}))
            until(lambda: weir.metric("pgweir_server_weight", server=gone.name) == 0, "noloadbalance is weight 0")
            until(lambda: gone.name not in weir.in_rotation(), "and no reads")
        self.assertEqual(load.errors, [])
        self.assertEqual(weir.metric("pgweir_discovery_members", discovery="patroni"), 3)

    def test_the_servers_themselves_say_who_is_the_primary(self):
        api = self.api()
        liar = self.cluster.replicas[0].name
        api.say(self.members(primary={"role": "replica"}, **{liar: {"role": "leader"}}))
        weir = self.patroni_weir(api)
        self.assertEqual(value(self.connect(weir), "/* pgweir: primary */ SELECT name FROM which_server"), "primary")
        self.assertEqual({row["server"] for row in weir.console("SHOW REPLICATION") if row["role"] == "primary"}, {"primary"})

    def test_the_last_known_members_stay_when_nothing_answers(self):
        first, second = self.api(), self.api()
        first.say(self.members())
        second.say(self.members())
        weir = self.patroni_weir(first, second)
        first.answer = (500, b"")
        until(lambda: second.asked > 0, "the second one is asked")
        self.assertEqual(weir.metric("pgweir_discovery_up"), 1)
        asked = first.asked
        until(lambda: second.asked > 2, "and asked first from then on")
        self.assertLessEqual(first.asked, asked + 1)
        answers = ((503, b"{}"), (200, b"[1, 2"), (200, b'{"members": []}'), (200, b'{"members": [{"name": "x"}]}'))
        for answer in answers:
            first.answer = second.answer = answer
            failed = weir.metric("pgweir_discovery_failures_total")
            until(lambda f=failed: weir.metric("pgweir_discovery_failures_total") >= f + 2, "it fails")
            self.assertEqual(self.listed(weir), self.names())
        first.close()
        failed = weir.metric("pgweir_discovery_failures_total")
        second.close()
        until(lambda: weir.metric("pgweir_discovery_failures_total") >= failed + 2, "nobody is there")
        self.assertEqual(weir.metric("pgweir_discovery_up"), 0)
        self.assertEqual(self.listed(weir), self.names())
        connection = self.connect(weir)
        self.assertNotEqual(which(connection), "primary")
        self.assertEqual(weir.log_text().count("event=discovery_silent"), 1, "said once")

    def test_a_proxy_that_starts_before_its_source(self):
        api = self.api()
        weir = self.make(server=[], discovery=[self.source(f"http://127.0.0.1:{api.port}")])
        weir.start(wait=False)
        until(lambda: self.fails(lambda: weir.get("/ready")) is False and weir.get("/ready")[0] == 503, "it runs")
        api.say(self.members())
        weir.wait_ready()
        self.assertEqual(rows(self.connect(weir), "SELECT 1"), [(1,)])

    @staticmethod
    def fails(call):
        try:
            call()
        except OSError:
            return True
        return False

    def test_configured_servers_beside_it(self):
        """One that is configured keeps its name and weight; at the same place it is the same server."""
        api = self.api()
        api.say(self.members())
        node = self.cluster.replicas[0]
        weir = self.weir(server=[{"name": "mine", "host": "127.0.0.1", "port": node.port, "weight": 7}],
                         discovery=[self.source(f"http://127.0.0.1:{api.port}")])
        expected = (self.names() - {node.name}) | {"mine"}
        until(lambda: self.listed(weir) == expected, "each server is there once")
        self.assertEqual(weir.metric("pgweir_server_weight", server="mine"), 7)

    def test_https(self):
        authority = Authority(self.folder / "tls")
        certificate, key = authority.issue("patroni", "localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        api = self.api(context)
        api.say(self.members())
        url = f"https://localhost:{api.port}"
        weir = self.weir_with_replicas(server=[], discovery=[self.source(url, ca_file=str(authority / "ca.crt"))])
        self.assertEqual(self.listed(weir), self.names())
        stranger = Authority(self.folder / "stranger")
        other = self.make(server=[], discovery=[self.source(url, ca_file=str(stranger / "ca.crt"))])
        other.start(wait=False)
        until(lambda: "event=discovery_silent" in other.log_text(), "an unknown signer is not trusted")
        self.assertRegex(other.log_text(), "certificate verify failed")

    def test_a_reload_brings_and_takes_it(self):
        api = self.api()
        api.say(self.members())
        weir = self.weir_with_replicas()
        with Load(weir, clients=3) as load:
            for sections in ({"server": [], "discovery": [self.source(f"http://127.0.0.1:{api.port}")]},
                             {"server": [{"name": n.name, "host": "127.0.0.1", "port": n.port} for n in self.cluster.nodes.values()],
                              "discovery": []}):
                weir.sections.update(sections)
                weir.write_config()
                connection = psycopg2.connect(weir.dsn("admin", "admin", "pgweir"))
                connection.autocommit = True
                connection.cursor().execute("RELOAD")
                connection.close()
                until(lambda: self.listed(weir) == self.names(), "all are there")
                self.await_rotation(weir, {n.name for n in self.cluster.replicas})
        self.assertEqual(load.errors, [])

    def test_a_reload_that_names_it_anew_keeps_what_its_names_lead_to(self):
        """Nobody watches the names until the new source has answered: the servers stay where they are."""
        api = self.api()
        api.say(self.members(**{name: {"host": "localhost"} for name in self.names()}))
        weir = self.patroni_weir(api)
        before = {row["server"]: row["host"] for row in weir.console("SHOW REPLICATION")}
        with Load(weir, clients=2) as reads, Load(weir, clients=2, sql="SELECT txid_current(), 'primary'") as writes:
            for name in ("other", "patroni"):
                weir.sections["discovery"] = [self.source(f"http://127.0.0.1:{api.port}", name=name)]
                weir.write_config()
                found = weir.log_text().count("event=name_found")
                connection = psycopg2.connect(weir.dsn("admin", "admin", "pgweir"))
                connection.autocommit = True
                connection.cursor().execute("RELOAD")
                connection.close()
                until(lambda f=found: weir.log_text().count("event=name_found") > f, "the name is looked up anew")
        self.assertEqual(reads.errors + writes.errors, [])
        self.assertEqual({row["server"]: row["host"] for row in weir.console("SHOW REPLICATION")}, before)
        self.assertEqual(weir.log_text().count("event=server_joined"), len(before), "nobody has left and come again")
        self.assertNotIn("its name has not been found yet", weir.log_text().rsplit("event=config_reloaded", 2)[1])

    # ---- names

    def test_a_name_is_a_server(self):
        nodes = [{"name": n.name, "host": "localhost", "port": n.port} for n in self.cluster.nodes.values()]
        weir = self.weir_with_replicas(server=nodes)
        self.assertIn(which(self.connect(weir)), {n.name for n in self.cluster.replicas})
        self.assertIn('event=name_found name="localhost"', weir.log_text())

    def test_a_name_that_is_not_found_is_asked_for_again(self):
        nodes = [{"name": n.name, "host": "127.0.0.1", "port": n.port} for n in self.cluster.nodes.values()]
        weir = self.weir_with_replicas(server=[*nodes, {"name": "nowhere", "host": "nowhere.invalid", "port": 5432}])
        until(lambda: 'event=name_not_found name="nowhere.invalid"' in weir.log_text(), "it is said")
        row = next(r for r in weir.console("SHOW REPLICATION") if r["server"] == "nowhere")
        self.assertEqual((row["state"], row["last_error"]), ("unreachable", "its name has not been found yet"))

    def test_each_address_of_a_name_is_a_server(self):
        primary = self.cluster.primary
        weir = self.weir(server=[], discovery=[{"name": "dns", "type": "dns", "host": "localhost", "port": primary.port}])
        self.assertIn("127.0.0.1", self.listed(weir))
        self.assertLessEqual(self.listed(weir), {"127.0.0.1", "::1"})
        self.assertEqual(value(self.connect(weir), "SELECT 1"), 1)
        self.assertEqual(weir.metric("pgweir_discovery_up", type="dns"), 1)


if __name__ == "__main__":
    main()
