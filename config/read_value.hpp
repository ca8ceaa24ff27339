// From a node of the document to an option's value, with the checks that need this option alone.
#pragma once

#include <string>

#include "config/document.hpp"
#include "config/options.hpp"

namespace pgweir::config {

// A value, or what is wrong with it (a Problem's message; never quotes a password).
struct ReadValue {
    Value value;
    std::string error;  // empty: all is well
};

[[nodiscard]] ReadValue read_value(const Option& option, const Node& node);

// What is wrong with a text for that option; empty when nothing is. Also for passwords from other sources.
[[nodiscard]] std::string check_text(const Option& option, const std::string& text);

}  // namespace pgweir::config
