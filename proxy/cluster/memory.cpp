#include "proxy/cluster/memory.hpp"

#include <algorithm>
#include <charconv>

namespace pgweir::cluster {

namespace {

constexpr std::string_view kSystem = "system_identifier";
constexpr std::string_view kTimeline = "timeline";

[[nodiscard]] std::string_view trim(std::string_view text) noexcept {
    constexpr std::string_view kSpace = " \t\r";
    const std::size_t begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// Decimal, and more than 0.
template <class Number>
[[nodiscard]] bool read_number(std::string_view text, Number& out) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size() && out != 0;
}

// What is wrong with the line; empty: nothing.
[[nodiscard]] std::string read_line(std::string_view line, Memory& memory) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return "not of the form key = value";
    const std::string_view key = trim(line.substr(0, equals));
    const std::string_view value = trim(line.substr(equals + 1));
    const bool again = (key == kSystem && memory.system_identifier != 0) || (key == kTimeline && memory.timeline != 0);
    if (again) return std::string(key) + " is given twice";
    if (key != kSystem && key != kTimeline) return "unknown key '" + std::string(key) + "'";
    const bool good = key == kSystem ? read_number(value, memory.system_identifier) : read_number(value, memory.timeline);
    return good ? std::string() : std::string(key) + " is not a number of its range";
}

}  // namespace

std::string format_memory(const Memory& memory, std::string_view cluster) {
    std::string out = "# What pgweir must remember of the cluster \"" + std::string(cluster) + "\"; see docs/operations.md";
    std::replace_if(out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
    out += '\n';
    out += std::string(kSystem) + " = " + std::to_string(memory.system_identifier) + '\n';
    out += std::string(kTimeline) + " = " + std::to_string(memory.timeline) + '\n';
    return out;
}

std::optional<Memory> parse_memory(std::string_view text, MemoryError& error) {
    Memory memory;
    error = {};
    while (!text.empty()) {
        ++error.line;
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) {
            error.message = "the line has no end";
            return std::nullopt;
        }
        const std::string_view line = trim(text.substr(0, end));
        text.remove_prefix(end + 1);
        if (line.empty() || line.front() == '#') continue;
        error.message = read_line(line, memory);
        if (!error.message.empty()) return std::nullopt;
    }
    ++error.line;
    if (memory.system_identifier == 0) error.message = "system_identifier is missing";
    else if (memory.timeline == 0) error.message = "timeline is missing";
    return error.message.empty() ? std::optional(memory) : std::nullopt;
}

}  // namespace pgweir::cluster
