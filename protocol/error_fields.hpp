// The fields of an ErrorResponse or NoticeResponse, as views into its body.
// Source: PostgreSQL documentation, "Error and Notice Message Fields".
#pragma once

#include <string_view>

#include "protocol/bytes.hpp"

namespace pgweir::protocol {

struct ErrorFields {
    std::string_view severity;  // V, never localised (9.6 and later); else S
    std::string_view code;      // C
    std::string_view message;   // M
    std::string_view routine;   // R

    // The connection ends with it.
    [[nodiscard]] bool is_fatal() const noexcept { return severity == "FATAL" || severity == "PANIC"; }
};

// Tolerates malformed and truncated bodies: what cannot be read is empty.
[[nodiscard]] ErrorFields parse_error_fields(Bytes body) noexcept;

}  // namespace pgweir::protocol
