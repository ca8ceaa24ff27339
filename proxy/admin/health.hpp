// May clients be sent here, and can the process serve at all? What the snapshots and app say; the workers are asked
// apart.
#pragma once

#include <optional>
#include <string>

#include "proxy/admin/sources.hpp"

namespace pgweir::admin {

// None while every cluster has a reachable primary or replica and app has no complaint; else the reason, for people.
[[nodiscard]] std::optional<std::string> why_unhealthy(const Sources& sources);

// None while the proxy listens (app's word) and every cluster's primary is known; else the reason, for people.
[[nodiscard]] std::optional<std::string> why_not_ready(const Sources& sources);

}  // namespace pgweir::admin
