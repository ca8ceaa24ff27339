// Where may this statement run? Pure; every doubt is answered "primary".
#pragma once

#include <cstdint>
#include <string_view>

#include "config/read_preference.hpp"
#include "proxy/sql/statement.hpp"

namespace pgweir::routing {

using config::ReadPreference;
using sql::Reason;

enum class Target : std::uint8_t { primary, replica };

[[nodiscard]] constexpr std::string_view name(Target target) noexcept { return target == Target::replica ? "replica" : "primary"; }

struct SessionFacts {
    bool split = true;                     // false: this database's statements all go to the primary
    bool drawn = true;                     // among the split_percent of the sessions that may read on replicas
    bool pinned = false;                   // the session holds its server connection
    bool default_read_only = false;        // default_transaction_read_only = on
    bool default_serializable = false;     // default_transaction_isolation = serializable: P-only (semantics.md A)
    ReadPreference read_preference = ReadPreference::replica_preferred;
    std::uint32_t max_lag = 0;  // milliseconds that a replica's data may be old; 0: no bound
};

// `vouched`: by an annotation, so nobody knows what a second run would do. For a replica, `read_preference` says what else will do, and `max_lag` how old its data may be (as in SessionFacts).
struct Route {
    Target target = Target::primary;
    Reason reason = Reason::not_a_read;
    ReadPreference read_preference = ReadPreference::replica_preferred;
    bool vouched = false;
    std::uint32_t max_lag = 0;
    friend bool operator==(const Route&, const Route&) = default;
};

// For a statement outside a transaction (one inside never moves: see session). BEGIN READ ONLY is for a replica; a plain
// BEGIN is too when default_read_only is on.
[[nodiscard]] Route choose_route(const sql::Statement& statement, const SessionFacts& facts) noexcept;

// The worse of two, for a segment of several statements: any primary makes all of it primary, and the first reason stays. Of
// two for a replica the stricter preference and bound count.
[[nodiscard]] Route worse(const Route& a, const Route& b) noexcept;

}  // namespace pgweir::routing
