#include "proxy/app/route_command.hpp"

#include <cstdint>
#include <istream>
#include <iterator>
#include <ostream>

#include "protocol/utf8.hpp"
#include "proxy/routing/route.hpp"
#include "proxy/sql/classify.hpp"
#include "proxy/sql/lexer.hpp"
#include "proxy/sql/text.hpp"

namespace pgweir::app {

namespace {

void append_escaped(std::string& out, char c) {
    static constexpr std::string_view kHex = "0123456789abcdef";
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        default:
            break;
    }
    const auto value = static_cast<std::uint8_t>(c);
    out += "\\u00";
    out += kHex[value >> 4U];
    out += kHex[value & 0xFU];
}

void print(std::ostream& out, std::string_view text, sql::Judge judge) {
    const routing::Route route = routing::choose_route(sql::classify(text, {}, judge), {});
    const bool replica = route.target == routing::Target::replica;
    out << R"({"target": ")" << (replica ? "replica" : "primary") << R"(", "reason": ")" << sql::name(route.reason)
        << R"(", "sql": )" << json_quoted(text) << "}\n";
}

[[nodiscard]] bool ends_line(std::string_view rest) noexcept {
    const std::size_t at = rest.find_first_not_of(" \t\r\f\v");
    return at == std::string_view::npos || rest[at] == '\n';
}

// Length of the first statement with its `;`, or of all there is.
[[nodiscard]] std::size_t statement_length(std::string_view text) noexcept {
    sql::Lexer lexer(text, true);
    for (sql::Token token = lexer.next(); token.kind != sql::TokenKind::end; token = lexer.next()) {
        if (token.kind == sql::TokenKind::semicolon && ends_line(lexer.rest())) return token.end;
    }
    if (!lexer.unterminated()) return text.size();
    // A quote without an end must not swallow all that follows.
    for (std::size_t at = text.find(';'); at != std::string_view::npos; at = text.find(';', at + 1)) {
        if (ends_line(text.substr(at + 1))) return at + 1;
    }
    return text.size();
}

void route_lines(std::string_view input, std::ostream& out, sql::Judge judge) {
    while (!input.empty()) {
        const std::size_t length = statement_length(input);
        std::string_view text = sql::trim(input.substr(0, length));
        input.remove_prefix(length);
        const bool ended = text.ends_with(';');
        if (ended) text.remove_suffix(1);
        text = sql::trim(text);
        if (ended || !text.empty()) print(out, text, judge);
    }
}

void route_records(std::string_view input, std::ostream& out, sql::Judge judge) {
    while (!input.empty()) {
        const std::size_t end = input.find('\0');
        print(out, input.substr(0, end), judge);
        input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    }
}

}  // namespace

std::string json_quoted(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const std::size_t length = protocol::utf8_character(text).length;
        const char c = text.front();
        if (length == 0) {
            out += "\\ufffd";
        } else if (length == 1 && (c == '"' || c == '\\' || static_cast<std::uint8_t>(c) < 0x20)) {
            append_escaped(out, c);
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    out += '"';
    return out;
}

int run_route(std::istream& in, std::ostream& out, bool nul_separated, sql::Judge judge) {
    const std::string input{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (nul_separated) {
        route_records(input, out, judge);
    } else {
        route_lines(input, out, judge);
    }
    out.flush();
    return in.bad() || !out ? 1 : 0;
}

}  // namespace pgweir::app
