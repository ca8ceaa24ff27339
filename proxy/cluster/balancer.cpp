#include "proxy/cluster/balancer.hpp"

#include <algorithm>
#include <cmath>

#include "proxy/cluster/identity.hpp"

namespace pgweir::cluster {

namespace {

// Another one must be this much cheaper than the one whose turn it is: else noise would decide, and not the weights.
constexpr double kClearly = 1.25;

bool excludes(std::span<const bool> excluded, std::size_t host) noexcept {
    return host < excluded.size() && excluded[host];
}

bool any(const Snapshot& snapshot, Rotation rotation) noexcept {
    return std::ranges::any_of(snapshot.servers, [&](const ServerView& server) { return server.rotation == rotation; });
}

}  // namespace

struct Balancer::Field {
    const Snapshot& snapshot;
    std::span<const std::uint32_t> in_use;
    std::span<const bool> excluded;
    const Bound& bound;
    bool local_only;

    [[nodiscard]] std::size_t size() const noexcept { return snapshot.servers.size(); }
    [[nodiscard]] const ServerView& operator[](std::size_t host) const noexcept { return snapshot.servers[host]; }
    [[nodiscard]] bool eligible(std::size_t host) const noexcept {
        const ServerView& server = snapshot.servers[host];
        return server.rotation == Rotation::in && server.weight > 0 && !excludes(excluded, host) &&
               (!local_only || server.local) && (!server.trials || server.trials->left()) && bound.admits(host, server);
    }
    [[nodiscard]] double share(std::size_t host) const noexcept { return static_cast<double>(snapshot.servers[host].share()); }
    [[nodiscard]] std::uint32_t busy(std::size_t host) const noexcept { return host < in_use.size() ? in_use[host] : 0; }
    [[nodiscard]] double busy_per_share(std::size_t host) const noexcept { return busy(host) / share(host); }
};

std::optional<HostIndex> Balancer::pick(const Snapshot& snapshot, std::span<const std::uint32_t> in_use,
                                        std::span<const bool> excluded, const Bound& bound, const Asker& asker) {
    if (current_.size() != snapshot.servers.size()) {
        current_.assign(snapshot.servers.size(), 0);
        latencies_.assign(snapshot.servers.size(), {});
    }
    Field field{snapshot, in_use, excluded, bound, snapshot.local_first};
    // Once more without the others of the zone, and where another worker took the last trial meanwhile.
    for (int rounds = 0; rounds < 4; ++rounds) {
        const std::optional<std::size_t> host = choose(field, asker);
        if (!host && !field.local_only) return std::nullopt;
        if (host && (!field[*host].trials || field[*host].trials->take())) return static_cast<HostIndex>(*host);
        if (!host) field.local_only = false;
    }
    return std::nullopt;
}

std::optional<std::size_t> Balancer::choose(const Field& field, const Asker& asker) {
    if (asker.queues && method_ != config::Balance::client_hash) return least_connections(field);
    switch (method_) {
        case config::Balance::round_robin:
        case config::Balance::weighted:
            break;
        case config::Balance::least_connections:
            return least_connections(field);
        case config::Balance::client_hash: {
            std::optional<std::size_t> best;
            double best_score = 0;
            for (std::size_t i = 0; i < field.size(); ++i) {
                if (!field.eligible(i)) continue;
                // Exponential with the share as its rate: the least of them is each one's with the probability of its share.
                const std::uint64_t bits = mixed(asker.client ^ field[i].identity) >> 11;
                const double score = -std::log((static_cast<double>(bits) + 0.5) * 0x1.0p-53) / field.share(i);
                if (!best || score < best_score) {
                    best = i;
                    best_score = score;
                }
            }
            return best;
        }
        case config::Balance::latency:
            return fastest(field, asker.now);
    }
    return next_in_turn(field, [](std::size_t) { return true; });
}

// Smooth weighted round robin: each turn every server that plays gains its share, and the chosen one pays the sum.
template <class Plays>
std::optional<std::size_t> Balancer::next_in_turn(const Field& field, Plays plays) {
    std::optional<std::size_t> best;
    std::int64_t total = 0;
    for (std::size_t i = 0; i < field.size(); ++i) {
        if (!field.eligible(i) || !plays(i)) continue;
        const auto share = static_cast<std::int64_t>(field[i].share());
        current_[i] += share;
        total += share;
        if (!best || current_[i] > current_[*best]) best = i;
    }
    if (best) current_[*best] -= total;
    return best;
}

std::optional<std::size_t> Balancer::least_connections(const Field& field) {
    std::optional<double> least;
    for (std::size_t i = 0; i < field.size(); ++i) {
        if (field.eligible(i)) least = std::min(least.value_or(field.busy_per_share(i)), field.busy_per_share(i));
    }
    return next_in_turn(field, [&](std::size_t i) { return field.busy_per_share(i) <= *least; });
}

std::optional<std::size_t> Balancer::draw_another(const Field& field, std::size_t than) {
    double total = 0;
    const auto plays = [&](std::size_t i) { return i != than && field.eligible(i); };
    for (std::size_t i = 0; i < field.size(); ++i) total += plays(i) ? field.share(i) : 0;
    double left = chance_.next() * total;
    std::optional<std::size_t> drawn;
    for (std::size_t i = 0; i < field.size(); ++i) {
        if (!plays(i)) continue;
        drawn = i;
        left -= field.share(i);
        if (left < 0) break;
    }
    return drawn;
}

// Two are compared, not all: else every worker would turn to the same one at once.
std::optional<std::size_t> Balancer::fastest(const Field& field, TimePoint now) {
    const auto first = next_in_turn(field, [](std::size_t) { return true; });
    const auto second = first ? draw_another(field, *first) : std::nullopt;
    if (!second) return first;
    const double mean = (field.share(*first) + field.share(*second)) / 2;
    const auto work = [&](std::size_t i) { return 1 + field.busy_per_share(i) * mean; };
    double time_first = latencies_[*first].now(now);
    double time_second = latencies_[*second].now(now);
    if (time_first == 0 || time_second == 0) time_first = time_second = 1;  // who has not answered yet is like the other
    return time_second * work(*second) * kClearly < time_first * work(*first) ? second : first;
}

void Balancer::answered(HostIndex host, std::chrono::microseconds took, TimePoint now) {
    if (method_ == config::Balance::latency && index_of(host) < latencies_.size()) latencies_[index_of(host)].answered(took, now);
}

std::optional<HostIndex> sole_choice(const Snapshot& snapshot, const Bound& bound) noexcept {
    if (!bound.home || bound.floor) return std::nullopt;
    const ServerView& home = snapshot.servers[index_of(*bound.home)];
    const bool good = home.rotation == Rotation::in && home.weight > 0 && !home.trials && bound.admits(index_of(*bound.home), home);
    return good ? bound.home : std::nullopt;
}

std::optional<HostIndex> least_lagged(const Snapshot& snapshot, std::span<const bool> excluded, const Bound& bound) noexcept {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < snapshot.servers.size(); ++i) {
        const ServerView& server = snapshot.servers[i];
        const bool may = server.rotation == Rotation::lagging && !excludes(excluded, i) && bound.admits(i, server);
        if (may && (!best || server.position > snapshot.servers[*best].position)) best = i;
    }
    return best ? std::optional(static_cast<HostIndex>(*best)) : std::nullopt;
}

bool all_lag(const Snapshot& snapshot) noexcept { return !any(snapshot, Rotation::in) && any(snapshot, Rotation::lagging); }

bool all_broken(const Snapshot& snapshot) noexcept { return !any(snapshot, Rotation::in) && any(snapshot, Rotation::breaker_open); }

}  // namespace pgweir::cluster
