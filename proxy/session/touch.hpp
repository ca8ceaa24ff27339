// What a statement may have done with data, as far as later reads are concerned (semantics.md E).
#pragma once

#include <cstdint>

#include "proxy/sql/statement.hpp"

namespace pgweir::session {

// In ascending order: the most of a segment counts.
enum class Touch : std::uint8_t { nothing, read, wrote };

// Whatever does not provably only read may have written, also when it fails: a part of it may have been committed.
[[nodiscard]] constexpr Touch touch_of(const sql::Statement& judged) noexcept {
    if (judged.multiple) return Touch::wrote;
    switch (judged.reason) {
        case sql::Reason::read: return Touch::read;
        case sql::Reason::empty:
        case sql::Reason::show:
        case sql::Reason::set:
        case sql::Reason::listen:
        case sql::Reason::transaction:
        case sql::Reason::read_only_transaction:
        case sql::Reason::read_write_transaction:
        case sql::Reason::serializable:
        case sql::Reason::transaction_control:
        case sql::Reason::transaction_end: return Touch::nothing;  // what a COMMIT ends was counted when it was sent
        default: return Touch::wrote;
    }
}

}  // namespace pgweir::session
