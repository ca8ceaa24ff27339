#include "config/document.hpp"

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <array>
#include <utility>

namespace pgweir::config {

namespace {

Position position(const toml::source_region& region) { return {region.begin.line, region.begin.column}; }

Table convert(const toml::table& table);

Node convert(const toml::node& node) {
    Node out{position(node.source()), DateOrTime{}};
    if (const auto* text = node.as_string()) out.value = text->get();
    else if (const auto* flag = node.as_boolean()) out.value = flag->get();
    else if (const auto* integer = node.as_integer()) out.value = integer->get();
    else if (const auto* number = node.as_floating_point()) out.value = number->get();
    else if (const auto* table = node.as_table()) out.value = convert(*table);
    else if (const auto* array = node.as_array()) {
        Array items;
        for (const toml::node& item : *array) items.push_back(convert(item));
        out.value = std::move(items);
    }
    return out;
}

Table convert(const toml::table& table) {
    Table out;
    for (auto&& [key, node] : table) out.push_back({std::string(key.str()), position(key.source()), convert(node)});
    return out;
}

// toml++ bounds the nesting of values, but not that of dotted keys (a.a.a. …), which it then frees recursively. No
// option needs more than one dot a key, nor is a line of many dots outside a string anything useful.
std::size_t deepest_dotted_line(std::string_view text) {
    std::size_t deepest = 0;
    std::size_t dots = 0;
    for (const char c : text) {
        if (c == '\n') dots = 0;
        if (c == '.') deepest = std::max(deepest, ++dots);
    }
    return deepest;
}

}  // namespace

Table parse_document(std::string_view text, std::string_view file_name) {
    static constexpr std::size_t kMaxDots = 10'000;
    const std::string file(file_name);
    if (deepest_dotted_line(text) > kMaxDots) throw ConfigError({{file, {}, "", "a line holds too many dots"}});
    const toml::parse_result result = toml::parse(text);
    if (!result) {
        const toml::parse_error& error = result.error();
        throw ConfigError({{file, position(error.source()), "", std::string(error.description())}});
    }
    return convert(result.table());
}

std::string_view noun(const Node& node) {
    static constexpr auto kNouns = std::to_array<std::string_view>(
        {"a string", "true or false", "an integer", "a number with a fraction", "a date or time", "an array", "a table"});
    return kNouns[node.value.index()];
}

}  // namespace pgweir::config
