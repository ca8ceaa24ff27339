// The one scanner: judges a text in one pass, without allocation (semantics.md A and B).
#pragma once

#include <cstddef>
#include <string_view>

#include "proxy/sql/judge.hpp"
#include "proxy/sql/statement.hpp"

namespace pgweir::sql {

// The session's settings that change how bytes are read. The server lexes a whole Query with the values from before it.
struct LexSettings {
    bool standard_conforming_strings = true;  // off: everything is for the primary
    bool ascii_trail_bytes = false;  // client_encoding is SJIS, BIG5, GBK, UHC, GB18030, JOHAB or SHIFT_JIS_2004
};

// A longer text, in bytes, is for the primary and taken to do anything: a worker has other clients to serve.
inline constexpr std::size_t kLongestJudged = std::size_t{16} << 20U;

// `text` is without its terminating NUL. Never fails: what is not understood is for the primary, with a reason.
[[nodiscard]] Statement classify(std::string_view text, LexSettings settings, Judge judge) noexcept;

}  // namespace pgweir::sql
