#include "config/validate.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "config/clusters.hpp"
#include "config/names.hpp"
#include "config/nearest.hpp"
#include "config/network.hpp"
#include "config/password.hpp"
#include "config/units.hpp"
#include "config/url.hpp"
#include "config/value.hpp"

namespace pgweir::config {

namespace {

constexpr Position kStart{1, 1};

class Validator {
  public:
    Validator(const Config& config, const Origins& origins, std::string file)
        : config_(config), origins_(origins), file_(std::move(file)) {}

    std::vector<Problem> run() {
        names();
        clusters();
        discoveries();
        pool_sizes();
        probes();
        breaker();
        tls();
        user_passwords();
        server_passwords();
        auth_query();
        access();
        function_names("routing", 0, config_.routing);
        for (std::size_t i = 0; i < config_.databases.size(); ++i) function_names("database", i, config_.databases[i]);
        return std::move(problems_);
    }

    std::vector<Problem> run_monitor() {
        monitor_login();
        return std::move(problems_);
    }

  private:
    void problem(std::string_view section, std::size_t index, std::string_view key, std::string message) {
        std::string path(section);
        if (!key.empty()) path += '.' + std::string(key);
        problems_.push_back({file_, origins_.find(section, index, key), std::move(path), std::move(message)});
    }
    template <class T>
    void unique_names(std::string_view section, const std::vector<T>& blocks);
    void names();
    void clusters();
    void discoveries();
    void pool_sizes();
    void monitor_login();
    void probes();
    void breaker();
    void tls();
    void user_passwords();
    void server_passwords();
    void auth_query();
    void access();
    void access_rule(std::size_t index);
    template <class T>
    void function_names(std::string_view section, std::size_t index, const T& block);
    void function_names(std::string_view section, std::size_t index, std::string_view key, const std::vector<std::string>& names);

    const Config& config_;
    const Origins& origins_;
    std::string file_;
    std::vector<Problem> problems_;
};

template <class T>
void Validator::unique_names(std::string_view section, const std::vector<T>& blocks) {
    std::map<std::string, std::size_t> first;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (blocks[i].name.empty()) continue;  // reported already
        const auto [other, is_new] = first.emplace(blocks[i].name, i);
        if (is_new) continue;
        const Position there = origins_.find(section, other->second, "name");
        problem(section, i, "name",
                in_quotes(blocks[i].name) + " is the name of another " + std::string(section) + ", in line " +
                    std::to_string(there.line));
    }
}

void Validator::names() {
    unique_names("server", config_.servers);
    unique_names("discovery", config_.discoveries);
    unique_names("database", config_.databases);
    unique_names("user", config_.users);
    unique_names("access", config_.access);
    if (config_.servers.empty() && config_.discoveries.empty()) {
        problem("server", 0, "", "there is no [[server]] and no [[discovery]]; at least one is needed");
    }
    if (config_.databases.empty()) problem("database", 0, "", "there is no [[database]]; at least one is needed");
    for (std::size_t i = 0; i < config_.databases.size(); ++i) {
        if (config_.databases[i].name != config_.proxy.admin_database) continue;
        problem("database", i, "name",
                in_quotes(config_.databases[i].name) + " is the proxy's own console (proxy.admin_database)");
    }
}

void Validator::clusters() {
    if (config_.servers.empty() && config_.discoveries.empty()) return;  // one problem is enough
    const std::set<std::string> known = cluster_names(config_);
    const std::vector<std::string> names(known.begin(), known.end());
    for (std::size_t i = 0; i < config_.databases.size(); ++i) {
        const std::string& cluster = config_.databases[i].cluster;
        if (known.contains(cluster)) continue;
        std::string message = "no [[server]] and no [[discovery]] belongs to the cluster " + in_quotes(cluster) + "; allowed: ";
        for (const std::string& name : names) message += (name == names.front() ? "" : ", ") + in_quotes(name);
        if (const auto near = nearest(cluster, names)) message += "; did you mean '" + *near + "'?";
        problem("database", i, "cluster", std::move(message));
    }
}

void Validator::discoveries() {
    for (std::size_t i = 0; i < config_.discoveries.size(); ++i) {
        const Discovery& discovery = config_.discoveries[i];
        const bool dns = discovery.type == DiscoveryType::dns;
        if (dns && discovery.host.empty()) problem("discovery", i, "host", "missing; type = \"dns\" needs a name");
        if (!dns && discovery.urls.empty()) problem("discovery", i, "urls", "missing; type = \"patroni\" needs at least one");
        if (discovery.host.starts_with('/')) problem("discovery", i, "host", "must be a name, not the folder of a socket");
        for (const std::string& url : discovery.urls) {
            if (parse_url(url)) continue;
            problem("discovery", i, "urls",
                    in_quotes(url) + " is no such URL; allowed: \"http://HOST:PORT\", \"https://HOST:PORT\", with a path perhaps");
        }
    }
}

void Validator::pool_sizes() {
    const auto check = [this](std::string_view section, std::size_t index, std::uint32_t min, std::uint32_t size) {
        if (min <= size) return;
        problem(section, index, "min_pool_size",
                std::to_string(min) + " is more than the pool may hold; allowed: 0 to " + std::to_string(size));
    };
    const Pool& pool = config_.pool;
    check("pool", 0, pool.min_pool_size, pool.default_pool_size);
    for (std::size_t i = 0; i < config_.databases.size(); ++i) {
        const Database& database = config_.databases[i];
        if (!database.pool_size && !database.min_pool_size) continue;  // [pool]'s alone were checked above
        check("database", i, database.min_pool_size.value_or(pool.min_pool_size),
              database.pool_size.value_or(pool.default_pool_size));
    }
}

// Somebody must be able to look at the servers.
void Validator::monitor_login() {
    const Monitor& monitor = config_.monitor;
    if (!monitor.user.empty()) return;
    const auto is_plain = [](const User& user) { return form_of(user.password) == PasswordForm::plain; };
    if (config_.users.empty() || std::ranges::any_of(config_.users, is_plain)) return;
    problem("monitor", 0, "user", "the monitor has no login: no [[user]] has a password in plain text, and 'user' is not set");
}

// A server would be "unknown" between any two looks at it.
void Validator::probes() {
    const Monitor& monitor = config_.monitor;
    if (monitor.timeout >= monitor.interval) return;
    const std::string_view key = origins_.has("monitor", 0, "timeout") ? "timeout" : "interval";
    problem("monitor", 0, key,
            "timeout (" + format_duration(static_cast<std::uint64_t>(monitor.timeout.count())) +
                ") is shorter than interval (" + format_duration(static_cast<std::uint64_t>(monitor.interval.count())) +
                ")");
}

void Validator::breaker() {
    const Breaker& breaker = config_.breaker;
    if (breaker.cooldown <= breaker.max_cooldown) return;
    const std::string_view key = origins_.has("breaker", 0, "cooldown") ? "cooldown" : "max_cooldown";
    problem("breaker", 0, key,
            "cooldown (" + format_duration(static_cast<std::uint64_t>(breaker.cooldown.count())) +
                ") is longer than max_cooldown (" + format_duration(static_cast<std::uint64_t>(breaker.max_cooldown.count())) +
                ")");
}

void Validator::tls() {
    const auto needs = [this](std::string_view section, std::string_view key, const std::string& value, TlsMode mode) {
        if (value.empty()) {
            problem(section, 0, key, "missing; sslmode = " + in_quotes(name_of(mode)) + " needs it");
        }
    };
    const ClientTls& client = config_.client_tls;
    if (client.sslmode != TlsMode::disable) {
        needs("client_tls", "cert_file", client.cert_file, client.sslmode);
        needs("client_tls", "key_file", client.key_file, client.sslmode);
    }
    if (client.sslmode >= TlsMode::verify_ca) needs("client_tls", "ca_file", client.ca_file, client.sslmode);
    const ServerTls& server = config_.server_tls;
    if (server.sslmode >= TlsMode::verify_ca) needs("server_tls", "ca_file", server.ca_file, server.sslmode);
    if (server.cert_file.empty() != server.key_file.empty()) {
        problem("server_tls", 0, server.cert_file.empty() ? "key_file" : "cert_file",
                "a certificate needs its key; set both 'cert_file' and 'key_file', or neither");
    }
}

void Validator::user_passwords() {
    const auto needs_more = [](const Access& rule) {
        return rule.method == AccessMethod::scram_sha_256 || rule.method == AccessMethod::reject;
    };
    if (!config_.access.empty() && !std::ranges::all_of(config_.access, needs_more)) return;
    if (config_.access.empty() && config_.proxy.auth_type != AuthType::scram_sha_256) return;
    for (std::size_t i = 0; i < config_.users.size(); ++i) {
        if (form_of(config_.users[i].password) != PasswordForm::md5) continue;
        problem("user", i, "password",
                "an md5 hash cannot be used while " +
                    std::string(config_.access.empty() ? "proxy.auth_type is" : "all of [[access]] want") +
                    " \"scram-sha-256\"; "
                    "allowed: plain text, a SCRAM verifier");
    }
}

// Logging in by SCRAM needs the password or the client's key; a verifier holds neither.
void Validator::server_passwords() {
    static constexpr std::string_view kAlone = "a password without a user; set 'user' too, or leave both out";
    static constexpr std::string_view kMessage =
        "a SCRAM verifier cannot be used to log in to a server; allowed: the password itself";
    if (form_of(config_.monitor.password) == PasswordForm::scram) {
        problem("monitor", 0, "password", std::string(kMessage));
    }
    if (!config_.monitor.password.empty() && config_.monitor.user.empty()) problem("monitor", 0, "password", std::string(kAlone));
    for (std::size_t i = 0; i < config_.databases.size(); ++i) {
        const Database& database = config_.databases[i];
        if (form_of(database.password) == PasswordForm::scram)
            problem("database", i, "password", std::string(kMessage));
        if (!database.password.empty() && database.user.empty()) {
            problem("database", i, "password", std::string(kAlone));
        }
    }
}

void Validator::auth_query() {
    const Proxy& proxy = config_.proxy;
    if (!proxy.auth_query.empty() && proxy.auth_user.empty()) {
        problem("proxy", 0, "auth_query", "nobody to ask it; set 'auth_user', too");
    }
    if (!proxy.auth_query.empty() && proxy.auth_query.find("$1") == std::string::npos) {
        problem("proxy", 0, "auth_query",
                "does not ask for a name; allowed: a query with $1 in the place of the user's name");
    }
    const auto has_place = [](const Database& database) { return !database.auth_dbname.empty(); };
    if (!proxy.auth_query.empty() && proxy.auth_dbname.empty() && !std::ranges::all_of(config_.databases, has_place)) {
        problem("proxy", 0, "auth_query",
                "it is not said where to ask; set 'auth_dbname' (in a client's database its owner would decide what the query means)");
    }
    if (!proxy.auth_password.empty() && proxy.auth_user.empty()) {
        problem("proxy", 0, "auth_password", "a password without a user; set 'auth_user', too, or leave both out");
    }
    if (form_of(proxy.auth_password) == PasswordForm::scram) {
        problem("proxy", 0, "auth_password",
                "a SCRAM verifier cannot be used to log in to a server; allowed: the password itself");
    }
}

void Validator::access() {
    for (std::size_t i = 0; i < config_.access.size(); ++i) access_rule(i);
}

void Validator::access_rule(std::size_t index) {
    const Access& rule = config_.access[index];
    for (const std::string& address : rule.address) {
        if (address == "all" || parse_network(address)) continue;
        problem("access", index, "address",
                in_quotes(address) +
                    " is no address; allowed: \"all\", an address such as \"10.0.0.1\" or \"::1\", a network "
                    "such as \"10.0.0.0/8\"");
    }
    for (const auto& [key, list] :
         {std::pair{"address", &rule.address}, {"database", &rule.database}, {"user", &rule.user}}) {
        for (const std::string& name : *list) {
            const bool of_hba = name == "samerole" || name == "samegroup" || (!name.empty() && std::string_view("+/@").find(name[0]) != std::string_view::npos);
            if (of_hba) problem("access", index, key, in_quotes(name) + " is pg_hba.conf's and is not understood here; allowed: names");
        }
        if (!list->empty()) continue;
        problem("access", index, key, "an empty list matches nobody; allowed: \"all\", or what is meant");
    }
    const bool tls = config_.client_tls.sslmode != TlsMode::disable;
    if (rule.method == AccessMethod::cert && (config_.client_tls.ca_file.empty() || !tls)) {
        problem("access", index, "method",
                "\"cert\" needs client_tls.ca_file, and client_tls.sslmode other than \"disable\"");
    }
    if (rule.method == AccessMethod::cert && rule.tls == AccessTls::none) {
        problem("access", index, "tls",
                "\"none\" cannot be with method = \"cert\": without TLS there is no certificate");
    }
    if (rule.tls == AccessTls::only && !tls) {
        problem("access", index, "tls", "\"only\" matches nobody while client_tls.sslmode is \"disable\"");
    }
}

template <class T>
void Validator::function_names(std::string_view section, std::size_t index, const T& block) {
    function_names(section, index, "safe_functions", block.safe_functions);
    function_names(section, index, "unsafe_functions", block.unsafe_functions);
}

void Validator::function_names(std::string_view section, std::size_t index, std::string_view key,
                               const std::vector<std::string>& names) {
    const auto wrong = [](char c) { return c == '.' || c == '(' || c == ' ' || (c >= 'A' && c <= 'Z'); };
    for (const std::string& name : names) {
        if (std::ranges::none_of(name, wrong)) continue;
        problem(section, index, key,
                in_quotes(name) + " is not a function's name; allowed: lower case, no schema, no parentheses");
    }
}

}  // namespace

void Origins::note(std::string_view section, std::size_t index, std::string_view key, Position where) {
    places_[{std::string(section), index, std::string(key)}] = where;
}

bool Origins::has(std::string_view section, std::size_t index, std::string_view key) const {
    return places_.contains({std::string(section), index, std::string(key)});
}

Position Origins::find(std::string_view section, std::size_t index, std::string_view key) const {
    for (const std::string_view name : {key, std::string_view{}}) {
        const auto found = places_.find({std::string(section), index, std::string(name)});
        if (found != places_.end()) return found->second;
    }
    return kStart;
}

std::vector<Problem> validate(const Config& config, const Origins& origins, const std::string& file) {
    return Validator(config, origins, file).run();
}

std::vector<Problem> validate_monitor(const Config& config, const Origins& origins, const std::string& file) {
    return Validator(config, origins, file).run_monitor();
}

}  // namespace pgweir::config
