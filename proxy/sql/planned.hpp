// Statements that PostgreSQL plans: what it saves to prepare them once.
#pragma once

#include <string_view>

namespace pgweir::sql {

// Whether it begins as a query, INSERT, UPDATE, DELETE or MERGE does; anything else is a utility command, or wrong.
[[nodiscard]] bool is_planned(std::string_view text, bool standard_strings) noexcept;

}  // namespace pgweir::sql
