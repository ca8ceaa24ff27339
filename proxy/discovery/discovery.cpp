#include "proxy/discovery/discovery.hpp"

#include <algorithm>
#include <utility>

#include "config/names.hpp"
#include "config/network.hpp"
#include "proxy/discovery/merge_members.hpp"

namespace pgweir::discovery {

namespace {

using config::DiscoveryType;

bool asks_the_same(const config::Discovery& a, const config::Discovery& b) {
    return a.urls == b.urls && a.ca_file == b.ca_file && a.interval == b.interval && a.timeout == b.timeout;
}

}  // namespace

Discovery::Discovery(boost::asio::io_context& io, const config::Config& config, std::function<void()> news)
    : io_(io), config_(config), news_(std::move(news)), names_(io, [this] { on_news(); }) {}

Discovery::~Discovery() { stop(); }

void Discovery::stop() {
    for (const auto& [name, source] : sources_) source->stop();
    sources_.clear();
    names_.stop();
}

// A source that asks as before goes on, and with it what it knows.
void Discovery::reload() {
    auto before = std::exchange(sources_, {});
    for (const config::Discovery& discovery : config_.discoveries) {
        if (discovery.type != DiscoveryType::patroni) continue;
        const auto known = before.find(discovery.name);
        if (known != before.end() && asks_the_same(known->second->settings(), discovery)) {
            sources_.insert(before.extract(known));
            continue;
        }
        auto source = std::make_shared<PatroniSource>(io_, discovery, [this] { on_news(); });
        if (known != before.end() && known->second->settings().cluster == discovery.cluster) source->begin_with(known->second->members());
        sources_.emplace(discovery.name, source);
        source->start();
    }
    for (const auto& [name, source] : before) source->stop();
    watch_names();
}

void Discovery::on_news() {
    watch_names();  // members may have names
    news_();
}

void Discovery::watch_names() {
    NameWatch::Names names;
    const auto add = [&](const std::string& host, config::Duration interval) {
        if (!config::is_host_name(host)) return;
        const auto [place, is_new] = names.emplace(host, interval);
        if (!is_new) place->second = std::min(place->second, interval);
    };
    for (const config::Server& server : config_.servers) add(server.host, config_.monitor.dns_max_ttl);
    for (const config::Discovery& discovery : config_.discoveries) {
        if (discovery.type == DiscoveryType::dns) add(discovery.host, discovery.interval);
    }
    for (const auto& [name, source] : sources_) {
        for (const PatroniMember& member : source->members()) add(member.host, config_.monitor.dns_max_ttl);
    }
    names_.watch(names);
}

std::vector<cluster::Member> Discovery::found_by(const config::Discovery& discovery) const {
    std::vector<cluster::Member> members;
    if (discovery.type == DiscoveryType::dns) {
        const std::vector<std::string> addresses =
            config::is_host_name(discovery.host) ? names_.addresses(discovery.host) : std::vector<std::string>{discovery.host};
        for (const std::string& address : addresses) {
            // Its certificate says the name.
            members.emplace_back(config::Server{address, discovery.host, discovery.port, discovery.weight, discovery.cluster},
                                 std::vector<std::string>{address});
        }
        return members;
    }
    const auto source = sources_.find(discovery.name);
    if (source == sources_.end()) return members;
    for (const PatroniMember& member : source->second->members()) {
        members.emplace_back(config::Server{member.name, member.host, member.port, member.takes_reads ? discovery.weight : 0,
                                            discovery.cluster});
    }
    return members;
}

std::vector<cluster::Member> Discovery::found() const {
    std::vector<cluster::Member> all;
    for (const config::Discovery& discovery : config_.discoveries) {
        std::ranges::move(found_by(discovery), std::back_inserter(all));
    }
    return all;
}

std::vector<cluster::Member> Discovery::members() const {
    return merge_members(config_.servers, found(), [this](const std::string& name) { return names_.addresses(name); });
}

std::vector<Status> Discovery::status() const {
    std::vector<Status> all;
    for (const config::Discovery& discovery : config_.discoveries) {
        Status status{.name = discovery.name,
                      .cluster = discovery.cluster,
                      .type = std::string(config::name_of(discovery.type)),
                      .members = found_by(discovery).size()};
        const auto source = sources_.find(discovery.name);
        if (source != sources_.end()) {
            status.answers = source->second->answers();
            status.failed = source->second->failed();
        } else {
            const NameWatch::Status name = names_.status(discovery.host);
            status.answers = name.found || !config::is_host_name(discovery.host);
            status.failed = name.failed;
        }
        all.push_back(std::move(status));
    }
    return all;
}

}  // namespace pgweir::discovery
