// A database with read_only = true: every transaction is READ ONLY and runs on a replica, or on the primary while there is
// none (docs/routing.md).
#pragma once

#include <string_view>

#include "proxy/sql/statement.hpp"

namespace pgweir::session {

// Why the statement is refused with 25006; empty when the server may see it. A replica refuses writes by itself, so only what
// would end the session's being read only is refused there. On the primary, nothing passes but what is known to be harmless.
[[nodiscard]] std::string_view read_only_refusal(const sql::Statement& judged, std::string_view text, bool on_primary) noexcept;

}  // namespace pgweir::session
