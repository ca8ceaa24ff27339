#include "proxy/cluster/balancer.hpp"

namespace pgweir::cluster {

namespace {

bool eligible(const Snapshot& snapshot, std::span<const bool> excluded, std::size_t i) noexcept {
    const ServerView& server = snapshot.servers[i];
    return server.rotation == Rotation::in && server.weight > 0 && !(i < excluded.size() && excluded[i]);
}

std::uint64_t load_of(std::span<const std::uint32_t> in_use, std::size_t i) noexcept {
    return i < in_use.size() ? in_use[i] : 0;
}

// The eligible server with the least busy connections per weight; none when nothing is eligible.
std::optional<std::size_t> least_loaded(const Snapshot& snapshot, std::span<const std::uint32_t> in_use,
                                        std::span<const bool> excluded) noexcept {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < snapshot.servers.size(); ++i) {
        if (!eligible(snapshot, excluded, i)) continue;
        // a/wa < b/wb without a division; both products fit 64 bits.
        if (!best || load_of(in_use, i) * snapshot.servers[*best].weight < load_of(in_use, *best) * snapshot.servers[i].weight) {
            best = i;
        }
    }
    return best;
}

}  // namespace

std::optional<HostIndex> Balancer::pick(const Snapshot& snapshot, std::span<const std::uint32_t> in_use,
                                        std::span<const bool> excluded) {
    const std::size_t count = snapshot.servers.size();
    if (current_.size() != count) current_.assign(count, 0);  // the first call, or a reload
    std::optional<std::size_t> least;
    if (method_ == config::Balance::least_connections) {
        least = least_loaded(snapshot, in_use, excluded);
        if (!least) return std::nullopt;
    }
    // Smooth weighted round robin: everybody gains its weight, the richest is chosen and pays what all have gained.
    std::optional<std::size_t> best;
    std::int64_t total = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (!eligible(snapshot, excluded, i)) continue;
        if (least && load_of(in_use, i) * snapshot.servers[*least].weight !=
                         load_of(in_use, *least) * snapshot.servers[i].weight) {
            continue;  // only those as little loaded as the least take part
        }
        current_[i] += snapshot.servers[i].weight;
        total += snapshot.servers[i].weight;
        if (!best || current_[i] > current_[*best]) best = i;
    }
    if (!best) return std::nullopt;
    current_[*best] -= total;
    return static_cast<HostIndex>(*best);
}

}  // namespace pgweir::cluster
