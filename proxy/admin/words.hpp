// A console command taken apart: no SQL, only words.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::admin {

// The words in upper case, without white space, comments and trailing semicolons; what is no word character stands
// alone, so that "SET a=1" is SET A = 1. A text with several commands keeps the ';' between them, and so is no known
// command.
[[nodiscard]] std::vector<std::string> split_words(std::string_view text);

// Of a command of one word, the name behind it: as it is written, or in double quotes. Empty: there is none; none: something
// else is there.
[[nodiscard]] std::optional<std::string> name_behind_word(std::string_view text);

}  // namespace pgweir::admin
