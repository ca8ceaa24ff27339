#include "proxy/cluster/nearest.hpp"

#include <algorithm>

namespace pgweir::cluster {

namespace {

using std::chrono::microseconds;

[[nodiscard]] microseconds limit_for(microseconds fastest) noexcept {
    return fastest + std::max<microseconds>(std::chrono::milliseconds(1), fastest / 2);
}

}  // namespace

double keep_nearest(const Snapshot& snapshot, std::span<bool> excluded, const Bound& bound, bool primary_too) noexcept {
    const auto will_do = [&](std::size_t i) {
        return !excluded[i] && snapshot.servers[i].rotation == Rotation::in && bound.admits(i, snapshot.servers[i]);
    };
    microseconds fastest = microseconds::max();
    if (primary_too) fastest = snapshot.servers[index_of(*snapshot.primary)].round_trip;
    for (std::size_t i = 0; i < excluded.size(); ++i) {
        if (will_do(i)) fastest = std::min(fastest, snapshot.servers[i].round_trip);
    }
    if (fastest == microseconds::max()) return 0;
    const microseconds limit = limit_for(fastest);
    int near = 0;
    for (std::size_t i = 0; i < excluded.size(); ++i) {
        if (!will_do(i)) continue;
        excluded[i] = snapshot.servers[i].round_trip > limit;
        if (!excluded[i]) ++near;
    }
    const bool primary_near = primary_too && snapshot.servers[index_of(*snapshot.primary)].round_trip <= limit;
    return primary_near ? 1.0 / (near + 1) : 0;
}

}  // namespace pgweir::cluster
