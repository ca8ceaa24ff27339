#include "config/read_value.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "config/nearest.hpp"
#include "config/password.hpp"
#include "config/units.hpp"

namespace pgweir::config {

namespace {

// What the file says, for a message: short, on one line, and never of a password.
std::string excerpt(std::string_view text) {
    static constexpr std::size_t kMax = 60;
    if (text.size() <= kMax) return in_quotes(text);
    std::size_t end = kMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not within a character
    return in_quotes(text.substr(0, end)) + "...";
}

std::string allowed_note(const Option& option) {
    const std::string values = allowed(option);
    return values.empty() ? "" : "; allowed: " + values;
}

ReadValue wrong_type(const Option& option, const Node& node) {
    return {{},
            "must be " + std::string(noun(option.type)) + ", not " + std::string(noun(node)) + allowed_note(option)};
}

ReadValue in_range(const Option& option, std::uint64_t number, const std::string& shown) {
    if (number < option.min || number > option.max) return {{}, shown + " is out of range" + allowed_note(option)};
    return {number, {}};
}

std::string number_text(double number) {
    std::string text = std::to_string(number);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text.size() > 40 ? text.substr(0, 40) + "..." : text;
}

ReadValue read_integer(const Option& option, std::int64_t number) {
    const std::string shown = std::to_string(number);
    if (number < 0) return {{}, shown + " is out of range" + allowed_note(option)};
    std::uint64_t amount = static_cast<std::uint64_t>(number);
    if (option.type == Type::duration) {  // a bare number is seconds
        constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
        amount = amount > kMax / 1000 ? kMax : amount * 1000;
    }
    return in_range(option, amount, shown);
}

// Seconds with a fraction.
ReadValue read_fraction(const Option& option, double seconds) {
    const std::string shown = number_text(seconds);
    const double milliseconds = std::round(seconds * 1000);
    // The comparison is false for NaN too.
    if (!(milliseconds >= 0 && milliseconds <= static_cast<double>(option.max))) {
        return {{}, shown + " is out of range" + allowed_note(option)};
    }
    return in_range(option, static_cast<std::uint64_t>(milliseconds), shown);
}

ReadValue read_with_unit(const Option& option, const std::string& text) {
    const std::optional<std::uint64_t> number = option.type == Type::duration ? parse_duration(text) : parse_size(text);
    if (!number) return {{}, excerpt(text) + " is not " + std::string(noun(option.type)) + allowed_note(option)};
    return in_range(option, *number, excerpt(text));
}

ReadValue read_choice(const Option& option, const std::string& text) {
    const auto found = std::ranges::find(option.choices, text);
    if (found != option.choices.end()) return {static_cast<std::uint64_t>(found - option.choices.begin()), {}};
    std::string error = "unknown value " + excerpt(text) + allowed_note(option);
    const std::vector<std::string> names(option.choices.begin(), option.choices.end());
    if (const auto near = nearest(text, names)) error += "; did you mean '" + *near + "'?";
    return {{}, error};
}

ReadValue read_text(const Option& option, const std::string& text) {
    std::string error = check_text(option, text);
    if (!error.empty()) return {{}, std::move(error)};
    return {text, {}};
}

ReadValue read_list(const Option& option, const Array& array) {
    std::vector<std::string> items;
    for (const Node& node : array) {
        const auto* text = std::get_if<std::string>(&node.value);
        if (text == nullptr) {
            return {{},
                    "must be an array of strings, but item " + std::to_string(items.size() + 1) + " is " +
                        std::string(noun(node))};
        }
        if (std::string error = check_text(option, *text); !error.empty()) {
            return {{}, "item " + std::to_string(items.size() + 1) + ' ' + error};
        }
        items.push_back(*text);
    }
    return {std::move(items), {}};
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

std::string check_text(const Option& option, const std::string& text) {
    if (text.empty()) return option.may_be_empty ? "" : "must not be empty";
    // Ends a string in the protocol: what follows would be lost, or read as something else.
    if (text.find('\0') != std::string::npos) return "must not contain a zero byte";
    if (!option.secret) return std::ranges::any_of(text, is_control) ? "must not contain control characters" : "";
    if (form_of(text) == PasswordForm::malformed_scram) {
        return "begins like a SCRAM verifier but is not one; "
               "allowed: SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey, salt and keys in base64";
    }
    return "";
}

ReadValue read_value(const Option& option, const Node& node) {
    const auto* text = std::get_if<std::string>(&node.value);
    const auto* integer = std::get_if<std::int64_t>(&node.value);
    switch (option.type) {
        case Type::boolean:
            if (const auto* flag = std::get_if<bool>(&node.value)) return {*flag, {}};
            break;
        case Type::integer:
            if (integer != nullptr) return read_integer(option, *integer);
            break;
        case Type::duration:
            if (const auto* number = std::get_if<double>(&node.value)) return read_fraction(option, *number);
            [[fallthrough]];
        case Type::size:
            if (integer != nullptr) return read_integer(option, *integer);
            if (text != nullptr) return read_with_unit(option, *text);
            break;
        case Type::choice:
            if (text != nullptr) return read_choice(option, *text);
            break;
        case Type::text:
            if (text != nullptr) return read_text(option, *text);
            break;
        case Type::text_list:
            if (const auto* array = std::get_if<Array>(&node.value)) return read_list(option, *array);
            break;
    }
    return wrong_type(option, node);
}

}  // namespace pgweir::config
