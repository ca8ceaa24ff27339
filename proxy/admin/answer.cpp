#include "proxy/admin/answer.hpp"

#include "protocol/bytes.hpp"
#include "protocol/frame.hpp"

namespace pgweir::admin {

namespace {

// PostgreSQL's type OIDs (pg_type.dat) and the lengths that RowDescription gives for them.
constexpr std::uint32_t oid_of(ColumnType type) noexcept { return type == ColumnType::int8 ? 20 : 25; }
constexpr std::uint16_t length_of(ColumnType type) noexcept { return type == ColumnType::int8 ? 8 : 0xffff; }

void append_text(std::string& out, std::string_view text) {
    out.append(text);
    out.push_back('\0');
}

void append_message(std::string& out, protocol::Tag tag, std::string_view body) {
    out.push_back(static_cast<char>(tag));
    append_be32(out, static_cast<std::uint32_t>(body.size() + 4));
    out.append(body);
}

void append_row_description(std::string& out, std::span<const Column> columns) {
    std::string body;
    append_be16(body, static_cast<std::uint16_t>(columns.size()));
    for (const Column& column : columns) {
        append_text(body, column.name);
        append_be32(body, 0);  // no table
        append_be16(body, 0);
        append_be32(body, oid_of(column.type));
        append_be16(body, length_of(column.type));
        append_be32(body, 0xffffffff);  // no type modifier
        append_be16(body, 0);           // text format
    }
    append_message(out, protocol::backend::kRowDescription, body);
}

void append_data_row(std::string& out, const std::vector<Cell>& row) {
    std::string body;
    append_be16(body, static_cast<std::uint16_t>(row.size()));
    for (const Cell& cell : row) {
        append_be32(body, cell ? static_cast<std::uint32_t>(cell->size()) : 0xffffffff);
        if (cell) body.append(*cell);
    }
    append_message(out, protocol::backend::kDataRow, body);
}

void append_complete(std::string& out, std::string_view tag) {
    std::string body;
    append_text(body, tag);
    append_message(out, protocol::backend::kCommandComplete, body);
}

void append_answer(std::string& out, const Table& table) {
    append_row_description(out, table.columns);
    for (const std::vector<Cell>& row : table.rows) append_data_row(out, row);
    append_complete(out, "SHOW");
}

// Of an error or a notice.
void append_report(std::string& out, protocol::Tag tag, std::string_view severity, std::string_view sqlstate, std::string_view message) {
    std::string body;
    append_text(body, std::string("S").append(severity));
    append_text(body, std::string("V").append(severity));
    append_text(body, std::string("C").append(sqlstate));
    append_text(body, std::string("M").append(message));
    body.push_back('\0');
    append_message(out, tag, body);
}

void append_answer(std::string& out, const Done& done) {
    for (const std::string& warning : done.warnings) {
        append_report(out, protocol::backend::kNoticeResponse, "WARNING", "01000", warning);
    }
    append_complete(out, done.tag);
}

void append_answer(std::string& out, const Empty&) { append_message(out, protocol::backend::kEmptyQueryResponse, {}); }

void append_answer(std::string& out, const Failure& failure) {
    append_report(out, protocol::backend::kErrorResponse, "ERROR", failure.sqlstate, failure.message);
}

}  // namespace

std::string encode(const Answer& answer) {
    std::string out;
    std::visit([&](const auto& which) { append_answer(out, which); }, answer);
    append_message(out, protocol::backend::kReadyForQuery, "I");
    return out;
}

}  // namespace pgweir::admin
