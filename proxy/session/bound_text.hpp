// A parameter's value out of a Bind message.
#pragma once

#include <optional>
#include <string>

#include "protocol/bytes.hpp"

namespace pgweir::session {

// Of the body of a Bind behind its two names: the value of parameter `number` (from 1) as its bytes, which are the text for
// text and varchar in either format. Outer none: there is no such parameter, or the body is cut; inner none: NULL.
[[nodiscard]] std::optional<std::optional<std::string>> bound_text(Bytes parameters, unsigned number);

}  // namespace pgweir::session
