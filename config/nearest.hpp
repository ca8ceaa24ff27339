// "Did you mean …?"
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pgweir::config {

// The candidate with the fewest edits (insert, delete, replace, swap of neighbours; ASCII case does not count) from
// `word`, if they are few enough to be a slip: a third of the longer word, at least one.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace pgweir::config
