// A console command taken apart: no SQL, only words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgweir::admin {

// The words in upper case, without white space, comments and trailing semicolons; what is no word character stands
// alone, so that "SET a=1" is SET A = 1. A text with several commands keeps the ';' between them, and so is no known
// command.
[[nodiscard]] std::vector<std::string> split_words(std::string_view text);

}  // namespace pgweir::admin
