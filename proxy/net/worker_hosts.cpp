// Servers that have left a cluster: their connections end when nobody needs them, and then their slots are given back.
#include <algorithm>

#include "proxy/net/backend.hpp"
#include "proxy/net/canceler.hpp"
#include "proxy/net/server.hpp"
#include "proxy/net/worker.hpp"

namespace pgweir::net {

// At a snapshot: whoever has left since the last one. A later server of the same slot is another member.
void Worker::leave_gone(std::size_t cluster) {
    const std::vector<cluster::ServerView>& servers = snapshots_[cluster]->servers;
    std::vector<std::uint64_t>& left = left_[cluster];
    left.resize(servers.size());
    for (std::size_t i = 0; i < servers.size(); ++i) {
        if (!servers[i].gone || std::exchange(left[i], servers[i].member) == servers[i].member) continue;
        const Gone gone{cluster, static_cast<cluster::HostIndex>(i), servers[i].member};
        gone_.push_back(gone);
        for_each_pool([&](HostPool& pool) {
            if (pool.group.cluster == cluster && pool.host == gone.host) pool.pool.drain();
        });
    }
}

bool Worker::refers_to(const Gone& gone) {
    const auto there = [&](const auto& backend) { return backend->is_at(gone.cluster, gone.host); };
    if (!cancelers_.empty() || std::ranges::any_of(servers_, there) || std::ranges::any_of(backends_, there)) return true;
    bool found = false;
    for_each_pool([&](const HostPool& pool) {
        found |= pool.group.cluster == gone.cluster && pool.host == gone.host && !pool.pool.empty();
    });
    return found;
}

void Worker::free_gone() {
    std::erase_if(gone_, [&](const Gone& gone) {
        if (refers_to(gone)) return false;
        const std::size_t host = cluster::index_of(gone.host);
        for_each_group([&](PoolGroup& group) {
            if (group.cluster == gone.cluster && group.hosts.size() > host) group.hosts[host].reset();
        });
        if (shared_.server_left) shared_.server_left(gone.cluster, gone.host, gone.member);
        return true;
    });
}

}  // namespace pgweir::net
