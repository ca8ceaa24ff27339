// The whole configuration as plain structs. Filled by config/load.hpp from the one table of options
// (config/options.hpp). Names are PgBouncer's where the thing is the same. Durations are std::chrono, sizes are bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/read_preference.hpp"

namespace pgweir::config {

using Duration = std::chrono::milliseconds;

enum class PoolMode : std::uint8_t { session, transaction };
enum class AuthType : std::uint8_t { trust, password, md5, scram_sha_256 };
enum class AccessMethod : std::uint8_t { trust, password, md5, scram_sha_256, cert, reject };
enum class AccessTls : std::uint8_t { any, only, none };
enum class SessionState : std::uint8_t { pin, reject };
enum class PromoteUnnamed : std::uint8_t { off, automatic };
enum class Balance : std::uint8_t { round_robin, weighted, least_connections, client_hash, latency };
enum class WhenAllLag : std::uint8_t { primary, least_lagged, error };
enum class Split : std::uint8_t { off, shadow, on };
enum class Consistency : std::uint8_t { eventual, session, global };
enum class TlsMode : std::uint8_t { disable, allow, prefer, require, verify_ca, verify_full };
enum class TlsVersion : std::uint8_t { v1_2, v1_3 };
enum class DiscoveryType : std::uint8_t { dns, patroni };
enum class LogLevel : std::uint8_t { debug, info, warning, error };

// [proxy]: what clients meet.
struct Proxy {
    std::string listen_addr = "127.0.0.1";  // one address, or "*" for all
    std::uint16_t listen_port = 6432;
    std::uint32_t workers = 0;  // threads; 0: one per processor
    bool io_uring = true;       // sends of one wake go to the kernel together, if it has this
    std::uint32_t max_client_conn = 1000;
    Duration client_login_timeout{60'000};
    AuthType auth_type = AuthType::scram_sha_256;  // where no [[access]] rule is given
    std::string auth_file;                         // PgBouncer's userlist.txt; empty: none
    std::string auth_query;                        // asks a server for a user that is configured nowhere; empty: none
    std::string auth_user, auth_password;          // who asks
    std::string auth_dbname;                       // where; empty: in the database that the client wants
    Duration auth_failure_delay{500};              // a refused password is answered so much later
    std::string state_dir;                         // what must survive a restart is kept here; empty: nothing is
    Duration shutdown_timeout{30'000};           // how long SIGTERM waits for transactions
    std::uint64_t max_packet_size = 1ULL << 30;  // largest message body accepted from a client, bytes
    std::uint64_t max_statement_size = 1ULL << 30;    // largest text of a statement, bytes
    std::uint64_t max_row_size = 1ULL << 30;          // largest row passed to a client, bytes
    std::uint64_t notification_buffer_size = 1 << 20;  // bytes of NOTIFYs that may wait for one client
    std::vector<std::string> ignore_startup_parameters;
    std::string admin_database = "pgweir";
    std::string zone{};  // where the proxy itself runs; empty: zones do not matter
};

// [pool]: defaults of every pool; a database may override pool_mode and the sizes.
struct Pool {
    PoolMode pool_mode = PoolMode::transaction;
    std::uint32_t default_pool_size = 20;  // server connections per (server, database, user), all workers together
    std::uint32_t min_pool_size = 0;
    std::uint32_t max_waiters = 10'000;    // clients waiting for one pool; one more is refused with 53300
    Duration query_wait_timeout{120'000};  // 0: none
    Duration failover_wait{10'000};        // for a primary that is away; 0: an error at once
    std::uint32_t failover_max_waiters = 10'000;  // of all workers together
    Duration server_idle_timeout{600'000};
    Duration autodb_idle_timeout{3'600'000};
    Duration server_lifetime{3'600'000};
    Duration server_connect_timeout{15'000};
    Duration server_login_retry{15'000};               // longest back-off after failed logins; jittered
    std::uint32_t max_prepared_statements = 200;       // per server connection
    std::uint64_t statement_cache_size = 16ULL << 20;  // bytes of statements that nobody uses, kept by each worker
    std::uint64_t max_statement_memory = 256ULL << 20;        // bytes of statements that clients hold, in each worker
    std::uint64_t max_client_statement_memory = 16ULL << 20;  // the same of one client
    PromoteUnnamed promote_unnamed = PromoteUnnamed::off;
    SessionState on_session_state = SessionState::pin;
};

// [routing]
struct Routing {
    Split split = Split::on;
    std::uint32_t split_percent = 100;        // of the reads that may go to a replica
    std::uint32_t shadow_verify_percent = 0;  // of the reads that split = "shadow" judges: run on a replica, too
    ReadPreference read_preference = ReadPreference::replica_preferred;
    Consistency consistency = Consistency::session;
    Duration causal_wait{0};                  // for a replica that has what a session wrote; 0: the primary at once
    Balance load_balance = Balance::round_robin;
    Duration slow_start{5'000};              // over which the weight of a replica that comes back grows; 0: whole at once
    std::uint32_t min_healthy_percent = 50;  // of the replicas' weight: below it, other zones serve, too
    std::uint32_t max_primary_reads = 0;     // reads at one time on the primary for want of a replica; 0: no limit
    WhenAllLag when_all_lag = WhenAllLag::primary;
    Duration max_lag{10'000};                   // 0: no limit in time
    std::uint64_t max_lag_bytes = 16ULL << 20;  // 0: no limit in bytes
    std::vector<std::string> safe_functions;    // added to the allowlist, lower case, without schema
    std::vector<std::string> unsafe_functions;  // removed from it
    Duration catalog_interval{60'000};          // between two readings of the primary's catalog; 0: the built-in list alone
    bool retry_reads = true;                    // a read that a replica fails is run once more
    std::uint64_t retry_buffer_size = 64 << 10;   // bytes of a segment that is kept for it
    std::uint64_t learned_statements_size = 1 << 20;  // bytes of texts that a replica refused, in each worker
};

// [client_tls] and [server_tls]: PgBouncer's client_tls_* and server_tls_*.
struct ClientTls {
    TlsMode sslmode = TlsMode::disable;
    std::string cert_file, key_file;  // what clients are shown
    std::string ca_file;              // who signs clients' certificates: verify-ca and verify-full ask for one
    TlsVersion min_protocol_version = TlsVersion::v1_2;
};
struct ServerTls {
    TlsMode sslmode = TlsMode::prefer;
    std::string ca_file;              // who signs the servers' certificates
    std::string cert_file, key_file;  // what servers that ask are shown
    TlsVersion min_protocol_version = TlsVersion::v1_2;
};

// [tcp]: PgBouncer's tcp_*, of the connections of clients and to servers.
struct Tcp {
    bool keepalive = true;
    Duration keepidle{0};       // without a word before the first keepalive; 0: the system's, as of all that follow
    Duration keepintvl{0};      // between two that are not answered
    std::uint32_t keepcnt = 0;  // so many not answered end the connection
    Duration user_timeout{0};   // so does this time without an acknowledgement of what was sent
};

// [monitor]: the probes' own connections.
struct Monitor {
    Duration interval{500};
    Duration timeout{1'500};  // no answer for so long: the probe has failed
    std::uint32_t healthy = 1;    // good probes in a row that bring a lost server back
    std::uint32_t unhealthy = 1;  // probes in a row without an answer that take one out
    std::string user;         // empty: the first [[user]] with a password
    std::string password;
    std::string database = "postgres";
    Duration dns_max_ttl{15'000};  // names of servers are looked up again
};

// [breaker]: the circuit breaker of each replica.
struct Breaker {
    std::uint32_t failures = 5;  // of the traffic, without a success between them, that open it; 0: never
    Duration cooldown{1'000};    // how long it is open first; doubles with every trial that fails
    Duration max_cooldown{30'000};
    std::uint32_t trial_requests = 3;  // reads let through to find out whether it may close
};

// [http]: metrics and health.
struct Http {
    std::string listen_addr = "127.0.0.1";
    std::uint16_t listen_port = 9127;  // 0: off
};

// [log]
struct Log {
    LogLevel level = LogLevel::info;
    std::string file;  // empty: standard error
    bool connections = true;
    bool disconnections = true;
    Duration min_duration_statement{0};  // 0: none is logged
};

// [[server]]: one PostgreSQL server of a cluster. Its role is found by asking it.
struct Server {
    std::string name;
    std::string host;  // name, address, or a directory beginning with '/' for a Unix socket
    std::uint16_t port = 5432;
    std::uint32_t weight = 1;  // share of reads; 0: none
    std::string cluster = "main";
    std::string zone{};  // reads of a proxy in the same zone come here first
};

// [[discovery]]: where the servers of a cluster are found, besides its [[server]]s.
struct Discovery {
    std::string name;
    DiscoveryType type = DiscoveryType::dns;
    std::string cluster = "main";
    std::string host;               // dns: each of its addresses is a server
    std::uint16_t port = 5432;      // dns: theirs
    std::vector<std::string> urls;  // patroni: of REST APIs of the cluster's members; the first that answers
    std::string ca_file;            // patroni: who signs the certificates of https; empty: whom the system trusts
    Duration interval{10'000};
    Duration timeout{3'000};   // patroni: of one question
    std::uint32_t weight = 1;  // of the servers that are found
};

// [[database]]: a name that clients may connect to.
struct Database {
    std::string name;    // "*": any name, passed on as it is
    std::string dbname;  // on the servers; empty: the same name
    std::string cluster = "main";
    std::optional<PoolMode> pool_mode;
    std::optional<std::uint32_t> pool_size;
    std::optional<std::uint32_t> min_pool_size;
    std::optional<Split> split;
    std::optional<std::uint32_t> split_percent;
    std::optional<std::uint32_t> shadow_verify_percent;
    std::optional<ReadPreference> read_preference;
    std::optional<Duration> max_lag;  // of what is read by it; replicas leave rotation at routing.max_lag
    std::optional<Consistency> consistency;
    std::vector<std::string> safe_functions, unsafe_functions;  // besides [routing]'s
    std::optional<SessionState> on_session_state;
    bool read_only = false;   // reads only, on replicas; advertised as a hot standby
    std::string auth_dbname;  // empty: proxy.auth_dbname
    std::string user;         // forced server user; empty: the client's
    std::string password;     // of the forced user
};

// [[user]]
struct User {
    std::string name;
    std::string password;  // plain text, "md5…" or a "SCRAM-SHA-256$…" verifier, PostgreSQL's own forms
    bool admin = false;    // may use the console
    std::optional<ReadPreference> read_preference{};  // wins over the database's
    std::optional<Duration> max_lag{};
};

// [[access]]: one rule of who may come in and how; the first that matches counts, as in pg_hba.conf.
struct Access {
    std::string name;                          // for the log
    std::vector<std::string> address{"all"};   // "all", or addresses with or without a mask length
    std::vector<std::string> database{"all"};  // names, "all", "sameuser", "replication"
    std::vector<std::string> user{"all"};      // names, "all"
    AccessTls tls = AccessTls::any;
    AccessMethod method = AccessMethod::scram_sha_256;
};

struct Config {
    Proxy proxy;
    Pool pool;
    Routing routing;
    ClientTls client_tls;
    ServerTls server_tls;
    Tcp tcp;
    Monitor monitor;
    Breaker breaker;
    Http http;
    Log log;
    std::vector<Server> servers;
    std::vector<Discovery> discoveries;
    std::vector<Database> databases;
    std::vector<User> users;
    std::vector<User> file_users;  // of proxy.auth_file, without those that are in `users`
    std::vector<Access> access;
};

}  // namespace pgweir::config
