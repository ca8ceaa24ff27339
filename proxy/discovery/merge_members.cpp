#include "proxy/discovery/merge_members.hpp"

#include <algorithm>
#include <utility>

#include "config/network.hpp"

namespace pgweir::discovery {

namespace {

// Where a server is: its addresses, or its host while they are not known.
std::vector<std::string> places(const cluster::Member& member) {
    return member.addresses.empty() ? std::vector<std::string>{member.host} : member.addresses;
}

bool same_server(const cluster::Member& a, const cluster::Member& b) {
    if (a.port != b.port) return false;
    const std::vector<std::string> left = places(a), right = places(b);
    return std::ranges::find_first_of(left, right) != left.end();
}

}  // namespace

std::vector<cluster::Member> merge_members(const std::vector<config::Server>& configured,
                                           const std::vector<cluster::Member>& found, const AddressesOf& addresses_of) {
    std::vector<cluster::Member> members;
    const auto taken = [&](const std::string& name) { return std::ranges::find(members, name, &cluster::Member::name) != members.end(); };
    const auto complete = [&](cluster::Member member) {
        if (member.addresses.empty() && config::is_host_name(member.host)) member.addresses = addresses_of(member.host);
        return member;
    };
    for (const config::Server& server : configured) members.push_back(complete(cluster::Member(server)));
    for (const cluster::Member& one : found) {
        cluster::Member member = complete(one);
        if (std::ranges::any_of(members, [&](const cluster::Member& other) { return same_server(other, member); })) continue;
        if (taken(member.name)) member.name += ':' + std::to_string(member.port);
        if (!taken(member.name)) members.push_back(std::move(member));
    }
    return members;
}

}  // namespace pgweir::discovery
