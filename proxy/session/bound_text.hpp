// A parameter's value out of a Bind message.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/bytes.hpp"

namespace pgweir::session {

// Of the body of a Bind behind its two names: the value of parameter `number` (from 1) as its bytes, which are the text for
// text and varchar in either format. Outer none: there is no such parameter, or the body is cut; inner none: NULL.
[[nodiscard]] std::optional<std::optional<std::string>> bound_text(Bytes parameters, unsigned number);

// How many parameters there are; 0 also for a body that is cut.
[[nodiscard]] unsigned bound_count(Bytes parameters) noexcept;

// Of the end of a Parse behind its text, the types that it gives: that of parameter `number`, 0 where it gives none.
[[nodiscard]] std::uint32_t parameter_type(Bytes types, unsigned number) noexcept;

}  // namespace pgweir::session
