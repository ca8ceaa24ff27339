#include "config/validate.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support.hpp"

namespace pgweir::config {
namespace {

using Strings = std::vector<std::string>;

struct Case {
    std::string more;  // begins in line 6, in the [[database]] of kLeast
    Strings problems;
};

TEST(Validate, Table) {
    const std::string scram =
        "\"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\"\n";
    const std::string md5 = "\"md50123456789abcdef0123456789abcdef\"\n";
    const Case cases[] = {
        {"", {}},
        {"[[database]]\nname = \"app\"\n",
         {"t.toml:7:8: database.name: \"app\" is the name of another database, in line 5"}},
        {"[[server]]\nname = \"a\"\nhost = \"h\"\n",
         {"t.toml:7:8: server.name: \"a\" is the name of another server, in line 2"}},
        {"[[user]]\nname = \"u\"\n[[user]]\nname = \"v\"\n[[user]]\nname = \"u\"\n",
         {"t.toml:11:8: user.name: \"u\" is the name of another user, in line 7"}},
        {"cluster = \"mian\"\n",
         {"t.toml:6:11: database.cluster: no [[server]] and no [[discovery]] belongs to the cluster \"mian\"; allowed: \"main\"; did you "
          "mean "
          "'main'?"}},
        {"[[server]]\nname = \"b\"\nhost = \"h\"\ncluster = \"x\"\n[[database]]\nname = \"d\"\ncluster = \"yyyyy\"\n",
         {"t.toml:12:11: database.cluster: no [[server]] and no [[discovery]] belongs to the cluster \"yyyyy\"; allowed: \"main\", \"x\""}},
        {"[[database]]\nname = \"pgweir\"\n",
         {"t.toml:7:8: database.name: \"pgweir\" is the proxy's own console (proxy.admin_database)"}},
        {"[pool]\nmin_pool_size = 21\n",
         {"t.toml:7:17: pool.min_pool_size: 21 is more than the pool may hold; allowed: 0 to 20"}},
        {"pool_size = 3\nmin_pool_size = 4\n",
         {"t.toml:7:17: database.min_pool_size: 4 is more than the pool may hold; allowed: 0 to 3"}},
        // Its own size against the [pool]'s minimum: the block is the nearest place.
        {"pool_size = 3\n[pool]\nmin_pool_size = 5\n",
         {"t.toml:4:1: database.min_pool_size: 5 is more than the pool may hold; allowed: 0 to 3"}},
        {"[monitor]\ntimeout = \"100ms\"\n",
         {"t.toml:7:11: monitor.timeout: timeout (100ms) is shorter than interval (500ms)"}},
        {"[breaker]\ncooldown = \"31s\"\n",
         {"t.toml:7:12: breaker.cooldown: cooldown (31s) is longer than max_cooldown (30s)"}},
        {"[breaker]\nmax_cooldown = \"500ms\"\n",
         {"t.toml:7:16: breaker.max_cooldown: cooldown (1s) is longer than max_cooldown (500ms)"}},
        {"[monitor]\ninterval = 2\n",
         {"t.toml:7:12: monitor.interval: timeout (1500ms) is shorter than interval (2s)"}},
        {"[[user]]\nname = \"u\"\npassword = " + md5,
         {"t.toml:8:12: user.password: an md5 hash cannot be used while proxy.auth_type is \"scram-sha-256\"; allowed: "
          "plain text, a SCRAM verifier"}},
        {"[proxy]\nauth_type = \"md5\"\n[[user]]\nname = \"u\"\npassword = " + md5 + "[monitor]\nuser = \"m\"\n", {}},
        {"[[user]]\nname = \"u\"\npassword = " + scram + "[monitor]\nuser = \"m\"\n", {}},
        {"[[user]]\nname = \"u\"\npassword = " + scram + "[[user]]\nname = \"v\"\npassword = \"plain\"\n", {}},
        {"[[user]]\nname = \"u\"\npassword = " + scram,
         {"t.toml:1:1: monitor.user: the monitor has no login: no [[user]] has a password in plain text, and 'user' is "
          "not "
          "set"}},
        {"[client_tls]\nsslmode = \"require\"\n",
         {"t.toml:6:2: client_tls.cert_file: missing; sslmode = \"require\" needs it",
          "t.toml:6:2: client_tls.key_file: missing; sslmode = \"require\" needs it"}},
        {"[client_tls]\nsslmode = \"verify-full\"\ncert_file = \"c\"\nkey_file = \"k\"\n",
         {"t.toml:6:2: client_tls.ca_file: missing; sslmode = \"verify-full\" needs it"}},
        {"[server_tls]\nsslmode = \"verify-ca\"\n",
         {"t.toml:6:2: server_tls.ca_file: missing; sslmode = \"verify-ca\" needs it"}},
        {"[server_tls]\ncert_file = \"c\"\n",
         {"t.toml:7:13: server_tls.cert_file: a certificate needs its key; set both 'cert_file' and 'key_file', or "
          "neither"}},
        {"[monitor]\npassword = \"m\"\n",
         {"t.toml:7:12: monitor.password: a password without a user; set 'user' too, or leave both out"}},
        {"user = \"x\"\npassword = " + scram,
         {"t.toml:7:12: database.password: a SCRAM verifier cannot be used to log in to a server; allowed: the "
          "password "
          "itself"}},
        {"[monitor]\nuser = \"m\"\npassword = " + scram,
         {"t.toml:8:12: monitor.password: a SCRAM verifier cannot be used to log in to a server; allowed: the password "
          "itself"}},
        {"password = \"x\"\n",
         {"t.toml:6:12: database.password: a password without a user; set 'user' too, or leave both out"}},
        {"[proxy]\nauth_query = \"SELECT $1\"\nauth_dbname = \"d\"\n",
         {"t.toml:7:14: proxy.auth_query: nobody to ask it; set 'auth_user', too"}},
        {"[proxy]\nauth_query = \"SELECT 1\"\nauth_user = \"u\"\nauth_dbname = \"d\"\n",
         {"t.toml:7:14: proxy.auth_query: does not ask for a name; allowed: a query with $1 in the place of the user's "
          "name"}},
        {"[proxy]\nauth_password = \"p\"\n",
         {"t.toml:7:17: proxy.auth_password: a password without a user; set 'auth_user', too, or leave both out"}},
        {"[proxy]\nauth_user = \"u\"\nauth_password = " + scram,
         {"t.toml:8:17: proxy.auth_password: a SCRAM verifier cannot be used to log in to a server; allowed: the "
          "password itself"}},
        {"[proxy]\nauth_query = \"SELECT f($1)\"\nauth_user = \"u\"\nauth_dbname = \"d\"\nauth_password = \"p\"\n", {}},
        {"[proxy]\nauth_query = \"SELECT f($1)\"\nauth_user = \"u\"\n",
         {"t.toml:7:14: proxy.auth_query: it is not said where to ask; set 'auth_dbname' (in a client's database its owner would "
          "decide what the query means)"}},
        {"[[access]]\nname = \"r\"\nuser = [\"+staff\"]\n",
         {"t.toml:8:8: access.user: \"+staff\" is pg_hba.conf's and is not understood here; allowed: names"}},
        {"[[access]]\nname = \"a\"\naddress = [\"all\", \"10.0.0.0/8\", \"::1\", \"localhost\", \"10.0.0.0/33\"]\n",
         {"t.toml:8:11: access.address: \"localhost\" is no address; allowed: \"all\", an address such as \"10.0.0.1\" "
          "or \"::1\", a "
          "network such as \"10.0.0.0/8\"",
          "t.toml:8:11: access.address: \"10.0.0.0/33\" is no address; allowed: \"all\", an address such as "
          "\"10.0.0.1\" or \"::1\", "
          "a network such as \"10.0.0.0/8\""}},
        {"[[access]]\nname = \"a\"\nuser = []\n",
         {"t.toml:8:8: access.user: an empty list matches nobody; allowed: \"all\", or what is meant"}},
        {"[[access]]\nname = \"a\"\n[[access]]\nname = \"a\"\n",
         {"t.toml:9:8: access.name: \"a\" is the name of another access, in line 7"}},
        {"[[access]]\nname = \"a\"\nmethod = \"cert\"\n",
         {"t.toml:8:10: access.method: \"cert\" needs client_tls.ca_file, and client_tls.sslmode other than "
          "\"disable\""}},
        {"[[access]]\nname = \"a\"\nmethod = \"cert\"\ntls = \"none\"\n[client_tls]\nsslmode = \"prefer\"\ncert_file = "
         "\"c\"\nkey_file = "
         "\"k\"\nca_file = \"a\"\n",
         {"t.toml:9:7: access.tls: \"none\" cannot be with method = \"cert\": without TLS there is no certificate"}},
        {"[[access]]\nname = \"a\"\ntls = \"only\"\n",
         {"t.toml:8:7: access.tls: \"only\" matches nobody while client_tls.sslmode is \"disable\""}},
        {"[[access]]\nname = \"a\"\n[[user]]\nname = \"u\"\npassword = " + md5 + "[monitor]\nuser = \"m\"\n",
         {"t.toml:10:12: user.password: an md5 hash cannot be used while all of [[access]] want \"scram-sha-256\"; "
          "allowed: plain "
          "text, a SCRAM verifier"}},
        {"[[access]]\nname = \"a\"\nmethod = \"md5\"\n[[user]]\nname = \"u\"\npassword = " + md5 +
             "[monitor]\nuser = \"m\"\n",
         {}},
        {"[routing]\nsafe_functions = [\"ok_1\", \"public.f\", \"F\"]\nunsafe_functions = [\"g()\"]\n",
         {"t.toml:7:18: routing.safe_functions: \"public.f\" is not a function's name; allowed: lower case, no schema, "
          "no "
          "parentheses",
          "t.toml:7:18: routing.safe_functions: \"F\" is not a function's name; allowed: lower case, no schema, no "
          "parentheses",
          "t.toml:8:20: routing.unsafe_functions: \"g()\" is not a function's name; allowed: lower case, no schema, no "
          "parentheses"}},
    };
    for (const Case& c : cases) EXPECT_EQ(problems_with(c.more), c.problems) << c.more;
}

TEST(Validate, NothingAtAll) {
    EXPECT_EQ(problems_of(""), (Strings{"t.toml:1:1: server: there is no [[server]] and no [[discovery]]; at least one is needed",
                                        "t.toml:1:1: database: there is no [[database]]; at least one is needed"}));
    EXPECT_EQ(problems_of("[[database]]\nname = \"app\"\n"),
              Strings{"t.toml:1:1: server: there is no [[server]] and no [[discovery]]; at least one is needed"});
    EXPECT_EQ(problems_of("[[server]]\nname = \"a\"\nhost = \"h\"\n"),
              Strings{"t.toml:1:1: database: there is no [[database]]; at least one is needed"});
}

}  // namespace
}  // namespace pgweir::config
