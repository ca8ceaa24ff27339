// What a console command answers, and its bytes on the wire.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/admin/utf8.hpp"

namespace pgweir::admin {

enum class ColumnType : std::uint8_t { text, int8 };

struct Column {
    std::string_view name;
    ColumnType type = ColumnType::text;
};

// A value in text form, UTF-8; none: NULL.
using Cell = std::optional<std::string>;

[[nodiscard]] inline Cell cell(std::string_view text) { return as_utf8(text); }
[[nodiscard]] Cell cell(std::integral auto number) { return std::to_string(number); }
template <class T>
[[nodiscard]] Cell cell(const std::optional<T>& value) {
    return value ? cell(*value) : Cell{};
}
inline constexpr std::nullopt_t kNull = std::nullopt;

// Rows of a SHOW. The columns' array lives as long as the program; every row has as many cells.
struct Table {
    std::span<const Column> columns;
    std::vector<std::vector<Cell>> rows;
};

// Nothing to show: only the command's tag, and perhaps something to note.
struct Done {
    std::string_view tag;
    std::vector<std::string> warnings{};  // UTF-8; each a NoticeResponse
};

// No text at all in the query.
struct Empty {};

struct Failure {
    std::string_view sqlstate;
    std::string message;  // UTF-8
};

using Answer = std::variant<Table, Done, Empty, Failure>;

// The messages of a simple query's answer, ending with ReadyForQuery('I').
[[nodiscard]] std::string encode(const Answer& answer);

}  // namespace pgweir::admin
