#include "proxy/monitor/auth_query.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>

#include "config/databases.hpp"
#include "proxy/session/printable.hpp"

namespace pgweir::monitor {

namespace {

// Each is a server connection; only the configuration names the databases.
constexpr std::size_t kMaxConnections = 100;

}  // namespace

AuthQuery::AuthQuery(boost::asio::io_context& io, const config::Config& config, PrimaryOf primary_of)
    : io_(io), config_(config), primary_of_(std::move(primary_of)) {
    reload();
}

void AuthQuery::reload() {
    const auto timeout = std::min(AuthLimits{}.timeout, config_.proxy.client_login_timeout);
    if (query_ == config_.proxy.auth_query && limits_.timeout == timeout) return;
    query_ = config_.proxy.auth_query;
    limits_.timeout = timeout;
    stop();
}

AuthQuery::~AuthQuery() { stop(); }

void AuthQuery::stop() {
    const auto connections = std::exchange(connections_, {});
    for (const auto& [key, one] : connections) one->stop();
}

void AuthQuery::ask(const std::string& database, const std::string& address, std::string user, Done done) {
    const config::Database* match = config::find_database(config_, database);
    if (match == nullptr || database == config_.proxy.admin_database) return done({});
    const cluster::Member* primary = primary_of_(match->cluster);
    if (primary == nullptr) return done({{}, "no primary is known", {}});
    const std::string& dbname = match->auth_dbname.empty() ? config_.proxy.auth_dbname : match->auth_dbname;
    AuthConnection* asked = connection(match->cluster, dbname);
    if (asked == nullptr) return done({{}, "too many databases are asked auth_query", {}});
    const auto asked_at = std::chrono::steady_clock::now();
    asked->ask(options_for(*primary, dbname), address, std::move(user), [this, asked_at, done = std::move(done)](AuthAnswer answer) {
        if (answer.error.empty()) last_took_ = std::chrono::steady_clock::now() - asked_at;
        if (!answer.warning.empty()) spdlog::warn("event=auth_query_refused cause={}", session::log_value(answer.warning));
        done(std::move(answer));
    });
}

void AuthQuery::pause(std::function<void()> done) {
    if (last_took_.count() == 0) return done();
    const auto timer = std::make_shared<boost::asio::steady_timer>(
        io_, std::min<std::chrono::steady_clock::duration>(last_took_, kLongestPause));
    timer->async_wait([timer, done = std::move(done)](const boost::system::error_code&) { done(); });
}

AuthConnection* AuthQuery::connection(const std::string& cluster, const std::string& dbname) {
    const auto found = connections_.find({cluster, dbname});
    if (found != connections_.end()) return found->second.get();
    std::erase_if(connections_, [](const auto& one) { return one.second->unused(); });
    if (connections_.size() >= kMaxConnections) return nullptr;
    auto made = std::make_shared<AuthConnection>(io_, query_, limits_);
    return connections_.emplace(std::pair(cluster, dbname), std::move(made)).first->second.get();
}

// What the role or the database would set must not change what the query means.
ConnectionOptions AuthQuery::options_for(const cluster::Member& server, const std::string& dbname) const {
    ConnectionOptions options = server_options(config_.server_tls, server);
    options.insert(options.end(), {{"dbname", dbname},
                                   {"user", config_.proxy.auth_user},
                                   {"password", config_.proxy.auth_password},
                                   {"passfile", kNoFile},
                                   {"application_name", "pgweir_auth"},
                                   {"options",
                                    "-c search_path=pg_catalog,pg_temp -c DateStyle=ISO -c TimeZone=UTC "
                                    "-c statement_timeout=" +
                                        std::to_string(limits_.timeout.count())}});
    return options;
}

}  // namespace pgweir::monitor
