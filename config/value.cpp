#include "config/value.hpp"

#include <array>
#include <string_view>

#include "config/options.hpp"
#include "config/units.hpp"

namespace pgweir::config {

namespace {

std::string number_text(const Option& option, std::uint64_t number) {
    switch (option.type) {
        case Type::duration:
            return format_duration(number);
        case Type::size:
            return format_size(number);
        case Type::choice:
            return std::string(option.choices[number]);
        case Type::boolean:
        case Type::integer:
        case Type::text:
        case Type::text_list:
            break;
    }
    return std::to_string(number);
}

template <class F>
std::string list_of(const std::vector<std::string>& items, F&& one) {
    std::string text;
    for (const std::string& item : items) {
        if (!text.empty()) text += ", ";
        text += one(item);
    }
    return text;
}

}  // namespace

std::string in_quotes(std::string_view text) {
    static constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            out += "\\u00";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::string to_text(const Option& option, const Value& value) {
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (const auto* number = std::get_if<std::uint64_t>(&value)) return number_text(option, *number);
    if (const auto* text = std::get_if<std::string>(&value)) {
        return option.secret && !text->empty() ? std::string(kHidden) : *text;
    }
    if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
        return list_of(*list, [](const std::string& item) { return item; });
    }
    return {};
}

std::string to_toml(const Option& option, const Value& value) {
    if (const auto* list = std::get_if<std::vector<std::string>>(&value)) return '[' + list_of(*list, in_quotes) + ']';
    const std::string text = to_text(option, value);
    const bool bare = option.type == Type::boolean || option.type == Type::integer;
    return bare && !text.empty() ? text : in_quotes(text);
}

std::string allowed(const Option& option) {
    switch (option.type) {
        case Type::boolean:
            return "true, false";
        case Type::integer:
        case Type::duration:
        case Type::size:
            return number_text(option, option.min) + " to " + number_text(option, option.max);
        case Type::choice: {
            const std::vector<std::string> names(option.choices.begin(), option.choices.end());
            return list_of(names, in_quotes);
        }
        case Type::text:
        case Type::text_list:
            break;
    }
    return {};
}

std::string_view noun(Type type) {
    static constexpr auto kNouns = std::to_array<std::string_view>(
        {"true or false", "an integer",
         "a duration (\"500ms\", \"15s\", \"2min\", \"1h\", \"1d\" or a number of seconds)",
         "a size (\"64kB\", \"16MB\", \"1GB\" or a number of bytes)", "one of the names", "a string",
         "an array of strings"});
    return kNouns[static_cast<std::size_t>(type)];
}

}  // namespace pgweir::config
