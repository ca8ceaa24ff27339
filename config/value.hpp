// A value of any option, between the file and the structs.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace pgweir::config {

// monostate: not set. uint64: an integer, milliseconds, bytes, or the index of a choice; the option's type says which.
using Value = std::variant<std::monostate, bool, std::uint64_t, std::string, std::vector<std::string>>;

enum class Type : std::uint8_t { boolean, integer, duration, size, choice, text, text_list };

struct Option;

// What is shown of a password.
inline constexpr std::string_view kHidden = "<hidden>";

// For people: 15s, 16MB, transaction, a, b. Empty when not set. Passwords: kHidden or empty.
[[nodiscard]] std::string to_text(const Option& option, const Value& value);

// As written in the file: "15s", 6432, ["a", "b"]. Not set: an empty string literal.
[[nodiscard]] std::string to_toml(const Option& option, const Value& value);

// The text as a TOML string in quotes.
[[nodiscard]] std::string in_quotes(std::string_view text);

// The values that the option takes, for messages and documentation: 1 to 65535; "session", "transaction".
// Empty when any value of the type will do.
[[nodiscard]] std::string allowed(const Option& option);

// What a value of the type is called in messages: "an integer", "a duration such as \"15s\"".
[[nodiscard]] std::string_view noun(Type type);

}  // namespace pgweir::config
