// Decodes a console answer from its bytes, strictly: what is left over or does not fit is a test failure.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/bytes.hpp"
#include "protocol/frame.hpp"

namespace pgweir::admin::test {

struct WireColumn {
    std::string name;
    std::uint32_t oid = 0;
};

struct WireAnswer {
    std::string tags;  // one letter a message: "TDDCZ"
    std::vector<WireColumn> columns;
    std::vector<std::vector<std::optional<std::string>>> rows;
    std::string complete, sqlstate, message;
    std::string status;  // of ReadyForQuery

    [[nodiscard]] std::size_t column(std::string_view name) const {
        for (std::size_t i = 0; i < columns.size(); ++i) {
            if (columns[i].name == name) return i;
        }
        ADD_FAILURE() << "no column " << name;
        return 0;
    }
    // The value as text, "NULL" for none.
    [[nodiscard]] std::string at(std::size_t row, std::string_view name) const {
        if (row >= rows.size()) {
            ADD_FAILURE() << "no row " << row;
            return "";
        }
        return rows[row][column(name)].value_or("NULL");
    }
    [[nodiscard]] std::vector<std::string> column_names() const {
        std::vector<std::string> names;
        for (const WireColumn& each : columns) names.push_back(each.name);
        return names;
    }
};

class Reader {
  public:
    explicit Reader(std::string_view in) : in_(in) {}
    [[nodiscard]] bool done() const { return in_.empty(); }
    std::string_view take(std::size_t n) {
        if (n > in_.size()) {
            ADD_FAILURE() << "message too short";
            n = in_.size();
        }
        const std::string_view part = in_.substr(0, n);
        in_.remove_prefix(n);
        return part;
    }
    std::uint32_t u32() { return load_be32(as_bytes(take(4))); }
    std::uint16_t u16() { return load_be16(as_bytes(take(2))); }
    std::string text() {
        const std::size_t end = in_.find('\0');
        EXPECT_NE(end, std::string_view::npos);
        const std::string value(take(end));
        take(1);
        return value;
    }

  private:
    std::string_view in_;
};

inline void decode_columns(Reader& body, WireAnswer& answer) {
    const std::size_t count = body.u16();
    for (std::size_t i = 0; i < count; ++i) {
        WireColumn column{body.text(), 0};
        EXPECT_EQ(body.u32(), 0u);
        EXPECT_EQ(body.u16(), 0u);
        column.oid = body.u32();
        EXPECT_EQ(body.u16(), column.oid == 20 ? 8 : 0xffff);
        EXPECT_EQ(body.u32(), 0xffffffffu);
        EXPECT_EQ(body.u16(), 0u) << "text format";
        answer.columns.push_back(column);
    }
}

inline void decode_row(Reader& body, WireAnswer& answer) {
    auto& row = answer.rows.emplace_back();
    const std::size_t count = body.u16();
    EXPECT_EQ(count, answer.columns.size());
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t length = body.u32();
        row.push_back(length == 0xffffffff ? std::nullopt : std::optional(std::string(body.take(length))));
        if (row.back() && i < answer.columns.size() && answer.columns[i].oid == 20) {
            EXPECT_EQ(row.back()->find_first_not_of("-0123456789"), std::string::npos) << answer.columns[i].name;
            EXPECT_FALSE(row.back()->empty()) << answer.columns[i].name;
        }
    }
}

inline void decode_error(Reader& body, WireAnswer& answer) {
    for (std::string_view code = body.take(1); !body.done() && code != std::string_view("\0", 1); code = body.take(1)) {
        const std::string value = body.text();
        if (code == "C") answer.sqlstate = value;
        if (code == "M") answer.message = value;
    }
}

inline WireAnswer decode(std::string_view wire) {
    WireAnswer answer;
    while (!wire.empty()) {
        const auto frame = protocol::peek_frame(as_bytes(wire), 1U << 24);
        if (!frame || frame->size() > wire.size()) {
            ADD_FAILURE() << "bad frame";
            return answer;
        }
        Reader body(wire.substr(protocol::kHeaderSize, frame->body));
        const char tag = static_cast<char>(frame->tag);
        answer.tags.push_back(tag);
        if (tag == 'T') decode_columns(body, answer);
        if (tag == 'D') decode_row(body, answer);
        if (tag == 'C') answer.complete = body.text();
        WireAnswer notice;  // the answer is the error's
        if (tag == 'E' || tag == 'N') decode_error(body, tag == 'E' ? answer : notice);
        if (tag == 'Z') answer.status = std::string(body.take(1));
        EXPECT_TRUE(body.done()) << tag;
        wire.remove_prefix(frame->size());
    }
    return answer;
}

}  // namespace pgweir::admin::test
