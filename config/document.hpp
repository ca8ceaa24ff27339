// A TOML document as a small tree with the place of every key and value. The only door to toml++ (document.cpp).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/error.hpp"

namespace pgweir::config {

struct Entry;
struct Node;
using Table = std::vector<Entry>;  // in the order of the keys' bytes
using Array = std::vector<Node>;
struct DateOrTime {};  // no option takes one

struct Node {
    Position where;
    std::variant<std::string, bool, std::int64_t, double, DateOrTime, Array, Table> value;
};

struct Entry {
    std::string key;
    Position where;  // of the key
    Node node;
};

// Throws ConfigError with one problem, the first syntax error (or nesting that is too deep).
[[nodiscard]] Table parse_document(std::string_view text, std::string_view file_name);

// "a string", "an integer", … for messages.
[[nodiscard]] std::string_view noun(const Node& node);

}  // namespace pgweir::config
