#include "proxy/monitor/server_options.hpp"

#include <algorithm>

#include "config/names.hpp"
#include "config/network.hpp"
#include "config/password.hpp"

namespace pgweir::monitor {

namespace {

// libpq looks names up by itself, and blocks: it is given addresses, one with the name for each.
void add_host(ConnectionOptions& options, const cluster::Member& server) {
    std::vector<std::string> addresses = server.addresses;
    if (config::parse_address(server.host)) addresses = {server.host};
    std::string hosts = server.host, numbers;
    for (const std::string& address : addresses) {
        if (!numbers.empty()) hosts += ',' + server.host;
        numbers += (numbers.empty() ? "" : ",") + address;
    }
    options.emplace_back("host", std::move(hosts));
    if (!numbers.empty()) options.emplace_back("hostaddr", std::move(numbers));
}

}  // namespace

ConnectionOptions server_options(const config::ServerTls& tls, const cluster::Member& server) {
    ConnectionOptions options{{"port", std::to_string(server.port)},
                              {"sslmode", std::string(config::name_of(tls.sslmode))},
                              {"ssl_min_protocol_version", std::string(config::name_of(tls.min_protocol_version))},
                              {"gssencmode", "disable"},
                              {"client_encoding", "UTF8"}};
    add_host(options, server);
    // Never the files in somebody's home that libpq would look for: what the pools do not use must not be used here,
    // either.
    const bool verifies = tls.sslmode >= config::TlsMode::require && !tls.ca_file.empty();
    options.emplace_back("sslrootcert", verifies ? tls.ca_file : kNoFile);
    options.emplace_back("sslcert", tls.cert_file.empty() ? kNoFile : tls.cert_file);
    if (!tls.key_file.empty()) options.emplace_back("sslkey", tls.key_file);
    return options;
}

std::pair<std::string, std::string> monitor_login(const config::Config& config) {
    if (!config.monitor.user.empty()) return {config.monitor.user, config.monitor.password};
    for (const config::User& user : config.users) {
        if (config::form_of(user.password) == config::PasswordForm::plain) return {user.name, user.password};
    }
    return {};
}

std::string one_line(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return text;
}

}  // namespace pgweir::monitor
