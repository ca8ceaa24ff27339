// Names of relations that mean something else on another server.
#pragma once

#include <cstddef>
#include <string_view>

namespace pgweir::sql {

// None of them is true of a shorter name.
inline constexpr std::size_t kShortestTelling = 7;

// The following take a name as written, without quotes.

// A view about one server (semantics.md A): pg_stat_*, pg_locks, pg_settings, …
[[nodiscard]] bool is_node_local(std::string_view name) noexcept;
// pg_temp or pg_temp_N: the session's own schema.
[[nodiscard]] bool is_temporary_schema(std::string_view name) noexcept;
// A column that only sequences have. Their rows are ahead on a replica.
[[nodiscard]] bool is_sequence_column(std::string_view name) noexcept;

}  // namespace pgweir::sql
