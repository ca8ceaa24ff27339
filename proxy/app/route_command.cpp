#include "proxy/app/route_command.hpp"

#include <cstdint>
#include <istream>
#include <ostream>

#include "protocol/utf8.hpp"
#include "proxy/app/input.hpp"
#include "proxy/app/route_summary.hpp"
#include "proxy/routing/route.hpp"
#include "proxy/sql/classify.hpp"

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

void print(std::ostream& out, std::string_view text, const routing::Route& route) {
    out << R"({"target": ")" << routing::name(route.target) << R"(", "reason": ")" << sql::name(route.reason)
        << R"(", "sql": )" << json_quoted(text) << "}\n";
}

void read(Input& in, const RouteOptions& options, const TakeSample& take) {
    if (options.nul_separated) return read_nul_separated(in, take);
    switch (options.format == SourceFormat::detect ? detect_format(in.peek()) : options.format) {
        case SourceFormat::detect:
        case SourceFormat::sql: return read_sql(in, take);
        case SourceFormat::csv: return read_csv(in, take);
        case SourceFormat::log: return read_log(in, take);
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

int run_route(std::istream& in, std::ostream& out, const RouteOptions& options, sql::Judge judge) {
    Input input(in);
    RouteSummary summary;
    read(input, options, [&](const Sample& sample) {
        const routing::Route route = routing::choose_route(sql::classify(sample.text, {}, judge), {});
        options.summary ? summary.add(sample, route) : print(out, sample.text, route);
    });
    if (options.summary) summary.print(out, options.top);
    out.flush();
    return input.failed() || !out ? 1 : 0;
}

}  // namespace pgweir::app
