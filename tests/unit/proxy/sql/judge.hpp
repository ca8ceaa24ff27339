// Shorthands of this room's tests.
#pragma once

#include <string_view>

#include "proxy/sql/classify.hpp"

namespace pgweir::sql::test {

inline const Allowlist& builtin() {
    static const Allowlist list;
    return list;
}

inline Statement judge(std::string_view text) { return classify(text, {}, builtin()); }

}  // namespace pgweir::sql::test
