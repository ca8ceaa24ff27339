// The enumerators' names on the console and in metrics.
#pragma once

#include <string_view>

#include "proxy/cluster/snapshot.hpp"

namespace pgweir::admin {

[[nodiscard]] constexpr std::string_view name_of(cluster::Role role) noexcept {
    switch (role) {
        case cluster::Role::unknown:
            return "unknown";
        case cluster::Role::primary:
            return "primary";
        case cluster::Role::replica:
            return "replica";
    }
    return "";
}

[[nodiscard]] constexpr std::string_view name_of(cluster::Rotation rotation) noexcept {
    switch (rotation) {
        case cluster::Rotation::in:
            return "in";
        case cluster::Rotation::unknown:
            return "unknown";
        case cluster::Rotation::unreachable:
            return "unreachable";
        case cluster::Rotation::lagging:
            return "lagging";
        case cluster::Rotation::not_a_replica:
            return "not_a_replica";
        case cluster::Rotation::wrong_system:
            return "wrong_system";
        case cluster::Rotation::fenced:
            return "fenced";
        case cluster::Rotation::zero_weight:
            return "zero_weight";
        case cluster::Rotation::breaker_open:
            return "breaker_open";
    }
    return "";
}

}  // namespace pgweir::admin
