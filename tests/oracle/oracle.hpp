// What PostgreSQL's own parser (libpg_query) sees in a text.
#pragma once

#include <string>

#include "proxy/sql/allowlist.hpp"

namespace pgweir::oracle {

struct Verdict {
    bool parses = false;
    // Why the text must not go to a replica; empty: a plain read.
    std::string danger;
    std::string error;  // of the parser
};

// `text` must not hold a NUL. Throws std::runtime_error when the parser's answer cannot be understood.
[[nodiscard]] Verdict examine(const std::string& text, const sql::Allowlist& functions);

}  // namespace pgweir::oracle
