// What is known of PostgreSQL's own functions, by name.
#pragma once

#include <string_view>

#include "proxy/sql/statement.hpp"

namespace pgweir::sql {

struct FunctionInfo {
    bool known = false;
    bool allowed = false;           // on the built-in allowlist (semantics.md A, "Functions")
    Effect effect = Effect::taint;  // what a call may leave in the session; of an unknown one: anything
};

// `name`: folded to lower case, without schema.
[[nodiscard]] FunctionInfo find_function(std::string_view name) noexcept;

}  // namespace pgweir::sql
