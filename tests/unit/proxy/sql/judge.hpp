// Shorthands of this room's tests.
#pragma once

#include <cstddef>
#include <string_view>

#include "proxy/sql/classify.hpp"
#include "tests/support/allocations/count.hpp"

namespace pgweir::sql::test {

using pgweir::test::allocation_count;

inline const Allowlist& builtin() {
    static const Allowlist list;
    return list;
}

inline Statement judge(std::string_view text) { return classify(text, {}, builtin()); }

}  // namespace pgweir::sql::test
