#include "config/options.hpp"

#include <algorithm>
#include <array>

#include "config/option_row.hpp"

namespace pgweir::config {

namespace {

constexpr std::uint64_t kMs = 1, kMinute = 60'000 * kMs, kHour = 60 * kMinute, kDay = 24 * kHour;
constexpr std::uint64_t kKb = 1024, kMb = 1024 * kKb, kGb = 1024 * kMb;

constexpr Option kOptions[] = {
    row<&Proxy::listen_addr>("listen_addr", {.restart = true},
                             "Address to listen on for clients: one address, or \"*\" for all."),
    row<&Proxy::listen_port>("listen_port", {.min = 1, .max = 65'535, .restart = true},
                             "Port to listen on for clients."),
    row<&Proxy::workers>("workers", {.max = 64, .restart = true}, "Worker threads. 0: one per processor, and no more than 64."),
    row<&Proxy::io_uring>("io_uring", {.restart = true},
                          "Whether what a worker sends to many connections is handed to the kernel in one system call, by its "
                          "io_uring. Where that is missing or forbidden, as in many containers, each send is a call of its own."),
    row<&Proxy::max_client_conn>("max_client_conn", {.min = 1, .max = 1'000'000},
                                 "Client connections in all; one more is refused with SQLSTATE 53300."),
    row<&Proxy::client_login_timeout>("client_login_timeout", {.min = 100 * kMs, .max = kHour},
                                      "A client that has not logged in after this time is disconnected."),
    row<&Proxy::auth_type>("auth_type", {},
                           "How clients prove who they are. \"trust\" asks nothing and is for tests; a user whose "
                           "password is an md5 hash cannot log in by \"scram-sha-256\". [[access]] rules, if there are any, "
                           "say it instead."),
    row<&Proxy::auth_file>("auth_file", {.may_be_empty = true},
                           "PgBouncer's userlist.txt: users besides those of [[user]]. Empty: none."),
    row<&Proxy::auth_query>("auth_query", {.may_be_empty = true},
                            "Asked of the primary for a user that is configured nowhere: $1 is the name, and the answer a "
                            "row of name and password (in PostgreSQL's forms) and perhaps until when that is valid, or "
                            "none. Names in it must be qualified. Empty: not asked; see docs/authentication.md."),
    row<&Proxy::auth_user>("auth_user", {.may_be_empty = true}, "Who asks auth_query."),
    row<&Proxy::auth_password>("auth_password", {.may_be_empty = true, .secret = true},
                               "Password of auth_user, in plain text."),
    row<&Proxy::auth_dbname>("auth_dbname", {.may_be_empty = true},
                             "Database where auth_query is asked; needed with it, unless every [[database]] has its own."),
    row<&Proxy::auth_failure_delay>("auth_failure_delay", {.max = kMinute},
                                    "A wrong password or an unknown user is answered this much later."),
    row<&Proxy::state_dir>("state_dir", {.restart = true, .may_be_empty = true},
                           "Directory for what must survive a restart: each cluster's identity and highest timeline, so that an "
                           "old primary is never taken for the primary, and the secret of the salts that unknown users are "
                           "shown. Made if it is missing; for one pgweir only. Empty: nothing is kept."),
    row<&Proxy::shutdown_timeout>("shutdown_timeout", {.max = kDay},
                                  "How long a stop by SIGTERM waits for transactions to finish."),
    row<&Proxy::max_packet_size>("max_packet_size", {.min = kKb, .max = kGb, .bytes = true},
                                 "Largest protocol message accepted from a client."),
    row<&Proxy::max_statement_size>("max_statement_size", {.min = kKb, .max = kGb, .bytes = true},
                                    "Largest text of a statement; a longer one is an error (54000)."),
    row<&Proxy::max_row_size>("max_row_size", {.min = kKb, .max = kGb, .bytes = true},
                              "Largest row of a result; a client that a longer one is meant for is disconnected (54000)."),
    row<&Proxy::notification_buffer_size>("notification_buffer_size", {.min = kKb, .max = kGb, .bytes = true},
                                          "Notifications that wait for a client in a transaction or one that does not "
                                          "read; a client with more is disconnected, since none may be lost silently."),
    row<&Proxy::ignore_startup_parameters>("ignore_startup_parameters", {},
                                           "Startup parameters of clients that are dropped without an error."),
    row<&Proxy::admin_database>("admin_database", {},
                                "Name of the database that is the proxy's own console, for users with admin = true."),
    row<&Proxy::zone>("zone", {.may_be_empty = true},
                      "Where the proxy runs: reads go to replicas of the same zone first. Empty: zones do not matter."),

    row<&Pool::pool_mode>("pool_mode", {},
                          "When a server connection goes back to the pool: at the end of a transaction, or when the "
                          "client leaves. A reload changes it for clients that log in afterwards."),
    row<&Pool::default_pool_size>("default_pool_size", {.min = 1, .max = 100'000},
                                  "Most server connections of a pool, that is per server, database and user; all "
                                  "workers together."),
    row<&Pool::min_pool_size>("min_pool_size", {.max = 100'000},
                              "Server connections that a pool in use keeps open, even when idle."),
    row<&Pool::max_waiters>("max_waiters", {.min = 1, .max = 1'000'000},
                            "Clients that may wait for one pool; one more is refused with SQLSTATE 53300."),
    row<&Pool::query_wait_timeout>("query_wait_timeout", {.max = kDay},
                                   "A client that waited this long for a server connection is disconnected. 0: never."),
    row<&Pool::failover_wait>("failover_wait", {.max = kDay},
                              "While the primary is away, statements and transactions that need it are held this long, and "
                              "then answered with an error (57P03); the session lives on. 0: the error comes at once."),
    row<&Pool::failover_max_waiters>("failover_max_waiters", {.max = 1'000'000},
                                     "Clients that are held at a time, all workers together; one more has the error at once."),
    row<&Pool::server_idle_timeout>("server_idle_timeout", {.max = 30 * kDay},
                                    "A server connection unused for this long is closed. 0: never."),
    row<&Pool::autodb_idle_timeout>("autodb_idle_timeout", {.max = 30 * kDay},
                                    "The pools of a database that only [[database]] name = \"*\" stands for are closed, whatever min_pool_size says, and "
                                    "forgotten by a worker when none of its clients has been there for this long. 0: never."),
    row<&Pool::server_lifetime>("server_lifetime", {.max = 30 * kDay},
                                "A server connection older than this is closed when it is next free. 0: never."),
    row<&Pool::server_connect_timeout>("server_connect_timeout", {.min = 10 * kMs, .max = kHour},
                                       "Connecting and logging in to a server may take this long."),
    row<&Pool::server_login_retry>("server_login_retry", {.min = 10 * kMs, .max = kHour},
                                   "Longest pause after failed logins to a server; pauses grow up to it and are "
                                   "jittered."),
    row<&Pool::max_prepared_statements>("max_prepared_statements", {.max = 100'000},
                                        "Prepared statements kept on each server connection; the one unused for "
                                        "longest makes room."),
    row<&Pool::statement_cache_size>("statement_cache_size", {.min = 64 * kKb, .max = 64 * kGb, .bytes = true},
                                     "Memory for prepared statements that no client holds any more, in each worker."),
    row<&Pool::max_statement_memory>("max_statement_memory", {.min = 64 * kKb, .max = 64 * kGb, .bytes = true},
                                     "Memory for prepared statements that clients hold, in each worker; one more is an "
                                     "error (53200)."),
    row<&Pool::max_client_statement_memory>("max_client_statement_memory", {.min = kKb, .max = 64 * kGb, .bytes = true},
                                            "The same for each client (54000)."),
    row<&Pool::promote_unnamed>("promote_unnamed", {},
                                "auto: a statement that comes without a name again and again is made a prepared statement "
                                "of the server's, which parses and plans it once; one that turns out dearer so is given back. "
                                "Read docs/sessions.md first."),
    row<&Pool::on_session_state>("on_session_state", {},
                                 "What happens when a client of a transaction pool makes session state that pgweir cannot "
                                 "carry to another server connection (a temporary table, a session advisory lock, SET "
                                 "ROLE, ...). \"pin\": it keeps its server connection until it leaves. \"reject\": an "
                                 "error (0A000)."),

    row<&Routing::split>("split", {},
                         "Whether reads may go to replicas. \"off\": everything goes to the primary. \"shadow\": the same, and "
                         "what would have gone where is counted."),
    row<&Routing::split_percent>("split_percent", {.max = 100},
                                 "How many of a hundred reads that may go to a replica do; the others go to the primary."),
    row<&Routing::shadow_verify_percent>("shadow_verify_percent", {.max = 100},
                                         "With split = \"shadow\": how many of a hundred reads also run on a replica, whose rows are "
                                         "compared with the primary's; differences are counted."),
    row<&Routing::read_preference>("read_preference", {},
                                   "Where reads go. \"primary\"; \"primary_preferred\": a replica while there is no primary; "
                                   "\"replica\": an error (57P03) while there is none; \"replica_preferred\": the primary while there "
                                   "is none; \"nearest\": the server that answers fastest, the primary too."),
    row<&Routing::consistency>("consistency", {},
                               "What a read must see. \"session\": what its own session wrote; \"global\": what anybody had "
                               "committed when it came; \"eventual\": what the replica has."),
    row<&Routing::causal_wait>("causal_wait", {.max = kMinute},
                               "How long a read waits for a replica that has what it must see, before it goes to the primary."),
    row<&Routing::load_balance>("load_balance", {},
                                "How a replica is chosen for a read, always by weight, too. \"round_robin\": in turn "
                                "(\"weighted\" is the same); \"least_connections\": where the fewest run; \"client_hash\": the same one for "
                                "each client address; \"latency\": of two, the one that answers faster and has less to do."),
    row<&Routing::slow_start>("slow_start", {.max = kHour},
                              "How long the weight of a replica that comes back grows from a tenth to all of it. 0: all at once."),
    row<&Routing::min_healthy_percent>("min_healthy_percent", {.max = 100},
                                       "While less than this percentage of a zone's weight is in rotation, other zones serve its "
                                       "reads, too; while less of all replicas' weight is, max_primary_reads holds."),
    row<&Routing::max_primary_reads>("max_primary_reads", {.max = 100'000},
                                     "How many reads at one time the primary may run because too few replicas are in rotation "
                                     "(min_healthy_percent); others wait for a place there or a replica, at most "
                                     "query_wait_timeout. 0: no limit."),
    row<&Routing::when_all_lag>("when_all_lag", {},
                                "Where a read goes while every replica lags too much. \"primary\"; \"least_lagged\": to the replica "
                                "that lags least, if it has what the session must see; \"error\": nowhere (57P03)."),
    row<&Routing::max_lag>("max_lag", {.max = kDay},
                           "A replica that is further behind the primary gets no reads. 0: no limit in time."),
    row<&Routing::max_lag_bytes>("max_lag_bytes", {.max = 1024 * kGb, .bytes = true},
                                 "The same in bytes of WAL. 0: no limit in bytes."),
    row<&Routing::safe_functions>("safe_functions", {},
                                  "Functions that may run on a replica, besides PostgreSQL's harmless ones; lower "
                                  "case, without a schema."),
    row<&Routing::unsafe_functions>("unsafe_functions", {},
                                    "Functions that must run on the primary; wins over safe_functions."),
    row<&Routing::catalog_interval>("catalog_interval", {.max = kDay},
                                    "Time between two readings of each database's functions, operators, casts, views and "
                                    "sequences; they are also read when DDL passes. 0: never, so functions of your own are unknown."),
    row<&Routing::retry_reads>("retry_reads", {},
                               "A read that a replica refuses, cancels or loses before its answer has begun is run once more, on the "
                               "primary or another replica."),
    row<&Routing::retry_buffer_size>("retry_buffer_size", {.min = kKb, .max = kGb, .bytes = true},
                                     "Largest segment (a Query, or the messages up to a Sync) that is kept for it."),
    row<&Routing::learned_statements_size>("learned_statements_size", {.min = kKb, .max = kGb, .bytes = true},
                                           "Memory for the texts that a replica has refused, which go to the primary from then on, in "
                                           "each worker."),

    row<&ClientTls::sslmode>("sslmode", {},
                             "Whether clients may use TLS (\"allow\" and \"prefer\" are the same) or must; \"verify-ca\" and "
                             "\"verify-full\" (the same) want a certificate of theirs, too."),
    row<&ClientTls::cert_file>("cert_file", {.may_be_empty = true},
                               "The proxy's certificate and those above it, PEM. Read again by every reload."),
    row<&ClientTls::key_file>("key_file", {.may_be_empty = true}, "Its private key, PEM."),
    row<&ClientTls::ca_file>("ca_file", {.may_be_empty = true}, "Who signs clients' certificates, PEM. Clients are asked for one then."),
    row<&ClientTls::min_protocol_version>("min_protocol_version", {}, "The oldest version of TLS that is spoken."),

    row<&ServerTls::sslmode>("sslmode", {},
                             "Whether servers are spoken to over TLS, as in libpq; \"verify-ca\" checks their certificates, "
                             "\"verify-full\" their names, too. \"prefer\" does not go on without TLS after a handshake that fails."),
    row<&ServerTls::ca_file>("ca_file", {.may_be_empty = true}, "Who signs the servers' certificates, PEM."),
    row<&ServerTls::cert_file>("cert_file", {.may_be_empty = true},
                               "The proxy's certificate for servers that ask for one, PEM."),
    row<&ServerTls::key_file>("key_file", {.may_be_empty = true}, "Its private key, PEM."),
    row<&ServerTls::min_protocol_version>("min_protocol_version", {}, "The oldest version of TLS that is spoken."),

    row<&Tcp::keepalive>("keepalive", {}, "Whether the system sees to it that the other side is still there (SO_KEEPALIVE)."),
    row<&Tcp::keepidle>("keepidle", {.max = kDay / 4}, "How long nothing comes before it is asked, in whole seconds. 0: the system's time."),
    row<&Tcp::keepintvl>("keepintvl", {.max = kDay / 4},
                         "Time between two questions that are not answered, in whole seconds. 0: the system's time."),
    row<&Tcp::keepcnt>("keepcnt", {.max = 127}, "After so many the connection has ended. 0: the system's number."),
    row<&Tcp::user_timeout>("user_timeout", {.max = kDay},
                            "A connection on which something was sent and not acknowledged for this long has ended. 0: the system's "
                            "time, many minutes."),

    row<&Monitor::interval>("interval", {.min = 20 * kMs, .max = kMinute},
                            "Time between two looks at a server: its role, its position, its health."),
    row<&Monitor::timeout>("timeout", {.min = 20 * kMs, .max = 10 * kMinute},
                           "A probe that is not answered for this long has failed."),
    row<&Monitor::healthy>("healthy", {.min = 1, .max = 100},
                           "Good probes in a row that bring a lost server back. 1: the first one, with the weight of slow_start."),
    row<&Monitor::unhealthy>("unhealthy", {.min = 1, .max = 100},
                             "Probes in a row without an answer in time that take a server out. 1: one, so that nobody waits for a "
                             "server that hangs; more: a server may be slow for that long, while its lag is reckoned from its "
                             "last answer. A connection that is refused or lost takes it out at once, whatever is said here."),
    row<&Monitor::user>("user", {.may_be_empty = true},
                        "Login of the monitor on every server; it needs pg_monitor. Empty: the first [[user]] with "
                        "a password in plain text."),
    row<&Monitor::password>("password", {.may_be_empty = true, .secret = true},
                            "Its password, in plain text: PostgreSQL accepts no verifier as a login."),
    row<&Monitor::database>("database", {}, "Database that the monitor connects to."),
    row<&Monitor::dns_max_ttl>("dns_max_ttl", {.min = 1000 * kMs, .max = kDay},
                               "Servers whose host is a name: it is looked up again after this time, and when a connection fails. "
                               "A name that leads to other addresses only is another server: connections to the old one are closed "
                               "as soon as they are free."),

    row<&Breaker::failures>("failures", {.max = 10'000},
                            "Connections refused, lost or late, and logins refused with 53300 or 57P01 to 57P03, without "
                            "a success between them, after which a replica gets no reads. 0: never."),
    row<&Breaker::cooldown>("cooldown", {.min = 10 * kMs, .max = kHour},
                            "How long it gets none before it is tried again; doubles with each trial that fails. Up to a "
                            "quarter less, at random."),
    row<&Breaker::max_cooldown>("max_cooldown", {.min = 10 * kMs, .max = kDay}, "The longest cool-down."),
    row<&Breaker::trial_requests>("trial_requests", {.min = 1, .max = 1000},
                                  "Reads of all workers together that try it; when all have succeeded it is used as before."),

    row<&Http::listen_addr>("listen_addr", {.restart = true}, "Address of /metrics, /health and /ready."),
    row<&Http::listen_port>("listen_port", {.max = 65'535, .restart = true},
                            "Port of /metrics, /health and /ready. 0: off."),

    row<&Log::level>("level", {}, "The least important lines that are still logged."),
    row<&Log::file>("file", {.restart = true, .may_be_empty = true}, "File to append to; a reload opens it again, after a rotation. Empty: standard error."),
    row<&Log::connections>("connections", {}, "Log each client that logs in."),
    row<&Log::disconnections>("disconnections", {}, "Log each client that leaves, with the reason."),
    row<&Log::min_duration_statement>("min_duration_statement", {.max = kDay},
                                      "Log each statement that takes at least this long, with where it ran and why; never its "
                                      "literals. 0: none."),

    row<&Server::name>("name", {.required = true, .sample = "primary"},
                       "Name in metrics, logs and the console. Not its role, which is found by asking."),
    row<&Server::host>("host", {.required = true, .sample = "127.0.0.1"},
                       "Host name, address, or a directory beginning with \"/\" for a Unix socket."),
    row<&Server::port>("port", {.min = 1, .max = 65'535}, "Port."),
    row<&Server::weight>("weight", {.max = 1000}, "Share of the reads, beside the other servers' weights. 0: none."),
    row<&Server::zone>("zone", {.may_be_empty = true}, "Zone of the server; see [proxy]'s zone."),
    row<&Server::cluster>("cluster", {}, "The replication cluster that the server belongs to."),

    row<&Discovery::name>("name", {.required = true, .sample = "replicas"}, "Name in the log and in metrics."),
    row<&Discovery::type>("type", {},
                          "\"dns\": each address of `host` is a server, named by it. \"patroni\": the members that Patroni's REST API "
                          "lists (GET /cluster). Who is the primary is found by asking the servers, in either case."),
    row<&Discovery::cluster>("cluster", {}, "The replication cluster that the servers belong to. It may have [[server]]s, too."),
    row<&Discovery::host>("host", {.may_be_empty = true, .sample = "db.example.net"}, "With type = \"dns\": the name."),
    row<&Discovery::port>("port", {.min = 1, .max = 65'535}, "With type = \"dns\": the servers' port."),
    row<&Discovery::urls>("urls", {},
                          "With type = \"patroni\": where its REST API is, such as \"http://10.0.0.1:8008\"; of several members, since "
                          "the first that answers is enough."),
    row<&Discovery::ca_file>("ca_file", {.may_be_empty = true},
                             "With https URLs: who signs their certificates, PEM. Empty: whom the system trusts."),
    row<&Discovery::interval>("interval", {.min = 500 * kMs, .max = kDay}, "Time between two questions."),
    row<&Discovery::timeout>("timeout", {.min = 100 * kMs, .max = kMinute}, "With type = \"patroni\": an answer may take this long."),
    row<&Discovery::weight>("weight", {.max = 1000},
                            "Share of the reads of each server that is found. One that Patroni tags noloadbalance has 0."),

    row<&Database::name>("name", {.required = true, .sample = "app"},
                         "Name that clients connect to. \"*\": any other name, passed on as it is."),
    row<&Database::dbname>("dbname", {.may_be_empty = true}, "Name on the servers. Empty: the same name."),
    row<&Database::cluster>("cluster", {}, "The cluster that has it."),
    row<&Database::pool_mode>("pool_mode", {.inherits = "pool.pool_mode"}, "Overrides [pool]'s pool_mode."),
    row<&Database::pool_size>("pool_size", {.min = 1, .max = 100'000, .inherits = "pool.default_pool_size"},
                              "Overrides [pool]'s default_pool_size."),
    row<&Database::min_pool_size>("min_pool_size", {.max = 100'000, .inherits = "pool.min_pool_size"},
                                  "Overrides [pool]'s min_pool_size."),
    row<&Database::split>("split", {.inherits = "routing.split"}, "Overrides [routing]'s split."),
    row<&Database::split_percent>("split_percent", {.max = 100, .inherits = "routing.split_percent"},
                                  "Overrides [routing]'s split_percent."),
    row<&Database::shadow_verify_percent>("shadow_verify_percent", {.max = 100, .inherits = "routing.shadow_verify_percent"},
                                          "Overrides [routing]'s shadow_verify_percent."),
    row<&Database::read_preference>("read_preference", {.inherits = "routing.read_preference"},
                                    "Overrides [routing]'s read_preference."),
    row<&Database::max_lag>("max_lag", {.max = kDay, .inherits = "routing.max_lag"},
                            "Reads of this database use no replica that is further behind, though others may."),
    row<&Database::consistency>("consistency", {.inherits = "routing.consistency"}, "Overrides [routing]'s consistency."),
    row<&Database::safe_functions>("safe_functions", {}, "Besides [routing]'s safe_functions."),
    row<&Database::unsafe_functions>("unsafe_functions", {}, "Besides [routing]'s unsafe_functions."),
    row<&Database::on_session_state>("on_session_state", {.inherits = "pool.on_session_state"},
                                     "Overrides [pool]'s on_session_state."),
    row<&Database::read_only>("read_only", {},
                              "A name for reading only: every transaction is READ ONLY and runs on a replica, and clients "
                              "are told that they are on a hot standby (target_session_attrs=standby)."),
    row<&Database::auth_dbname>("auth_dbname", {.may_be_empty = true}, "Overrides [proxy]'s auth_dbname."),
    row<&Database::user>("user", {.may_be_empty = true},
                         "Log in to the servers as this user whoever the client is. Empty: as the client's user."),
    row<&Database::password>("password", {.may_be_empty = true, .secret = true},
                             "Password of that user; not a SCRAM verifier, which cannot log in."),

    row<&User::name>("name", {.required = true, .sample = "app"}, "Name that clients log in with."),
    row<&User::password>("password", {.may_be_empty = true, .secret = true, .sample = "change me"},
                         "Plain text, \"md5\" and 32 hexadecimal digits, or a \"SCRAM-SHA-256$...\" verifier, as in "
                         "pg_authid."),
    row<&User::admin>("admin", {}, "May use the console."),
    row<&User::read_preference>("read_preference", {.inherits = "database.read_preference"},
                                "Overrides the database's read_preference."),
    row<&User::max_lag>("max_lag", {.max = kDay, .inherits = "database.max_lag"}, "Overrides the database's max_lag."),

    row<&Access::name>("name", {.required = true, .sample = "local"}, "Name of the rule in the log."),
    row<&Access::address>("address", {},
                          "Where the client comes from: addresses, networks such as \"10.0.0.0/8\", or \"all\"."),
    row<&Access::database>("database", {},
                           "What it wants: names, \"all\", \"sameuser\" (the user's name), or \"replication\" (a physical "
                           "replication connection, which nothing else matches)."),
    row<&Access::user>("user", {}, "Who it is: names, or \"all\"."),
    row<&Access::tls>("tls", {}, "\"only\": TLS connections; \"none\": connections without TLS."),
    row<&Access::method>("method", {},
                         "How it proves it. \"cert\": by a client certificate whose common name is the user's; needs "
                         "client_tls.ca_file. \"reject\": not at all."),
};

constexpr Section kSections[] = {
    single<&Config::proxy>("What clients meet."),
    single<&Config::pool>("Defaults of every pool of server connections. A [[database]] may override some."),
    single<&Config::routing>("Which statements may run on a replica, and on which one."),
    single<&Config::client_tls>("TLS between clients and the proxy."),
    single<&Config::server_tls>("TLS between the proxy and the servers, the monitor's connections too."),
    single<&Config::tcp>("TCP between clients and the proxy and between the proxy and the servers: PgBouncer's tcp_*."),
    single<&Config::monitor>("Connections of the proxy's own that watch every server."),
    single<&Config::breaker>("The circuit breaker of each replica: what its traffic meets, not its probes. The primary has none."),
    single<&Config::http>("Metrics and health for machines."),
    single<&Config::log>("One line an event."),
    repeated<&Config::servers>("A PostgreSQL server; one such block for each. At least one, or a [[discovery]]."),
    repeated<&Config::discoveries>("Where the servers of a cluster are found, so that they may come and go. While nothing answers, the "
                                   "last known ones stay.",
                                   true),
    repeated<&Config::databases>("A database that clients may connect to; one such block for each. At least one."),
    repeated<&Config::users>("A user that may log in; one such block for each."),
    repeated<&Config::access>("A rule of who may come in, and how, as a line of pg_hba.conf: the first that matches counts, and a "
                              "client that none matches is refused. Without any, every user comes in by proxy.auth_type.",
                              true),
};

}  // namespace

std::span<const Section> sections() { return kSections; }

std::span<const Option> options() { return kOptions; }

std::span<const Option> options_of(std::string_view section) {
    const auto in_section = [section](const Option& option) { return option.section == section; };
    const Option* first = std::ranges::find_if(kOptions, in_section);
    const Option* last = std::find_if_not(first, std::end(kOptions), in_section);
    return {first, last};
}

const Option* find_option(std::string_view path) {
    const Option* found = std::ranges::find_if(kOptions, [path](const Option& option) {
        return path.size() == option.section.size() + 1 + option.key.size() && path.starts_with(option.section) &&
               path[option.section.size()] == '.' && path.ends_with(option.key);
    });
    return found == std::end(kOptions) ? nullptr : found;
}

std::string block_path(const Section& section, ConstBlock block) {
    std::string path(section.name);
    if (!section.repeated) return path;
    const Option& name = options_of(section.name).front();  // every repeated section begins with its name
    return path + '.' + to_text(name, name.get(block));
}

}  // namespace pgweir::config
