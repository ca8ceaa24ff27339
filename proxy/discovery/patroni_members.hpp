// Reads the answer of Patroni's GET /cluster. Source: Patroni's documentation, "Patroni REST API", "Cluster status endpoints"; tags:
// "YAML Configuration Settings".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::discovery {

inline constexpr std::size_t kMaxClusterAnswer = 1U << 20;  // bytes

struct PatroniMember {
    std::string name;
    std::string host;
    std::uint16_t port = 5432;
    bool takes_reads = true;  // not tagged noloadbalance

    friend bool operator==(const PatroniMember&, const PatroniMember&) = default;
};

struct PatroniAnswer {
    std::vector<PatroniMember> members;  // never empty without an error
    std::string error;
};

// Members without an address (they are just starting) are left out; what the answer says of their roles is not read: the
// servers themselves are asked. Any bytes may be given.
[[nodiscard]] PatroniAnswer read_patroni_members(std::string_view body);

}  // namespace pgweir::discovery
