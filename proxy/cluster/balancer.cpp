#include "proxy/cluster/balancer.hpp"

namespace pgweir::cluster {

namespace {

bool eligible(const Snapshot& snapshot, std::span<const bool> excluded, const Bound& bound, std::size_t host) noexcept {
    const ServerView& server = snapshot.servers[host];
    return server.rotation == Rotation::in && server.weight > 0 && (host >= excluded.size() || !excluded[host]) &&
           bound.admits(host, server);
}

}  // namespace

// Smooth weighted round robin: each turn every server gains its weight, and the chosen one pays the sum. Under
// least_connections only those with the least connections per weight take part.
std::optional<HostIndex> Balancer::pick(const Snapshot& snapshot, std::span<const std::uint32_t> in_use,
                                        std::span<const bool> excluded, const Bound& bound) {
    const std::size_t count = snapshot.servers.size();
    if (current_.size() != count) current_.assign(count, 0);
    const auto busy = [&](std::size_t host) { return host < in_use.size() ? std::uint64_t{in_use[host]} : 0; };
    std::optional<std::size_t> least;
    if (method_ == config::Balance::least_connections) {
        for (std::size_t i = 0; i < count; ++i) {
            if (!eligible(snapshot, excluded, bound, i)) continue;
            if (!least || busy(i) * snapshot.servers[*least].weight < busy(*least) * snapshot.servers[i].weight)
                least = i;
        }
    }
    std::optional<std::size_t> best;
    std::int64_t total = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (!eligible(snapshot, excluded, bound, i)) continue;
        const ServerView& server = snapshot.servers[i];
        if (least && busy(i) * snapshot.servers[*least].weight != busy(*least) * server.weight) continue;
        current_[i] += server.weight;
        total += server.weight;
        if (!best || current_[i] > current_[*best]) best = i;
    }
    if (!best) return std::nullopt;
    current_[*best] -= total;
    return static_cast<HostIndex>(*best);
}

}  // namespace pgweir::cluster
