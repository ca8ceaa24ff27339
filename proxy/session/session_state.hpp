// Queries of ours about what a session holds, and to make it forget (semantics.md D).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/session/parameters.hpp"

namespace pgweir::session {

// One row, one text column: what the session holds beyond the settings that we know it has, or that it has not the prepared
// statements (of the protocol) that we know of; empty for nothing. Sees what functions, DO and CALL did inside. About 4 ms, so
// for tainted sessions only.
// `reported`: settings that the server tells of by itself.
[[nodiscard]] std::string probe_sql(const ParameterSet& actual, const ParameterSet& reported, std::size_t prepared);

inline constexpr std::string_view kRollbackSql = "ROLLBACK";
// Settings with names that nobody knows (app.x) are in no list; they go, and those that are known are set again when needed.
inline constexpr std::string_view kResetSettingsSql = "RESET ALL";
inline constexpr std::string_view kDiscardSql = "DISCARD ALL";

}  // namespace pgweir::session
