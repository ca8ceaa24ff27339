// Reads whose answers differ from run to run though nothing was written: nothing can be learned from comparing them.
#pragma once

#include <string_view>

namespace pgweir::sql {

// Whether the words of a statement say so: they ask for the time, for chance, for the size of files, or for a plan. What is
// inside functions and views is not looked at.
[[nodiscard]] bool varies(std::string_view text, bool standard_strings) noexcept;

}  // namespace pgweir::sql
