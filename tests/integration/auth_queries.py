"""What the tests of auth_query share: roles to ask with, and a pgweir that asks."""

from harness import ClusterCase, psycopg2

DEFAULT_QUERY = ("SELECT rolname, CASE WHEN rolvaliduntil < pg_catalog.now() THEN NULL ELSE rolpassword END "
                 "FROM pg_catalog.pg_authid WHERE rolname = $1 AND rolcanlogin")

# The recipe of docs/authentication.md.
RECIPE = """
CREATE ROLE pgweir_auth LOGIN PASSWORD 'authpass';
CREATE SCHEMA pgweir AUTHORIZATION postgres;
CREATE FUNCTION pgweir.user_lookup(wanted text, OUT name text, OUT password text, OUT valid_until timestamptz)
    RETURNS SETOF record LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'SELECT rolname::text, rolpassword, rolvaliduntil FROM pg_catalog.pg_authid
        WHERE rolname::text = wanted AND rolcanlogin AND NOT rolsuper AND NOT rolreplication';
REVOKE ALL ON FUNCTION pgweir.user_lookup(text) FROM public;
GRANT USAGE ON SCHEMA pgweir TO pgweir_auth;
GRANT EXECUTE ON FUNCTION pgweir.user_lookup(text) TO pgweir_auth;
"""
BY_FUNCTION = "SELECT name, password, valid_until FROM pgweir.user_lookup($1)"


class AskingCase(ClusterCase):
    """Users that pgweir's configuration does not know."""

    replicas = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sql(RECIPE)
        cls.sql("CREATE ROLE authsuper SUPERUSER LOGIN PASSWORD 'superpass'")
        cls.sql("CREATE ROLE eve LOGIN PASSWORD 'evepass'")

    def asking(self, query=DEFAULT_QUERY, user="authsuper", password="superpass", proxy=None, **more):
        login = {"auth_query": query, "auth_user": user, "auth_password": password, "auth_failure_delay": "0s",
                 "auth_dbname": "app", **(proxy or {})}
        return self.weir(proxy=login, user=[{"name": "admin", "password": "admin", "admin": True}], **more)

    def by_function(self, proxy=None, **more):
        return self.asking(BY_FUNCTION, "pgweir_auth", "authpass", proxy, **more)

    def refused(self, weir, user="app", password="app", database="app", **more):
        with self.assertRaises(psycopg2.OperationalError) as raised:
            psycopg2.connect(weir.dsn(user, password, database, connect_timeout=20, **more))
        return str(raised.exception)

    def askers(self, extra="true"):
        found = self.sql(f"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgweir_auth' AND {extra}")
        return int(found[0][0])
