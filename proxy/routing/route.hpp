// Where may this statement run? Pure; every doubt is answered "primary".
#pragma once

#include <cstdint>

#include "proxy/sql/statement.hpp"

namespace pgweir::routing {

using sql::Reason;

enum class Target : std::uint8_t { primary, replica };

// SET pgweir.read_preference. The routing issue adds the others.
enum class ReadPreference : std::uint8_t { replica, primary };

struct SessionFacts {
    bool split = true;                     // false: this database's statements all go to the primary
    bool pinned = false;                   // the session holds its server connection
    bool default_read_only = false;        // default_transaction_read_only = on
    bool default_serializable = false;     // default_transaction_isolation = serializable: P-only (semantics.md A)
    ReadPreference read_preference = ReadPreference::replica;
};

struct Route {
    Target target = Target::primary;
    Reason reason = Reason::not_a_read;
    friend bool operator==(const Route&, const Route&) = default;
};

// For a statement outside a transaction (one inside never moves: see session). BEGIN READ ONLY is for a replica; a plain
// BEGIN is too when default_read_only is on.
[[nodiscard]] Route choose_route(const sql::Statement& statement, const SessionFacts& facts) noexcept;

// The worse of two, for a segment of several statements: any primary makes all of it primary, and the first reason stays.
[[nodiscard]] Route worse(const Route& a, const Route& b) noexcept;

}  // namespace pgweir::routing
