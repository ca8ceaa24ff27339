// difference_sql() of parameters.hpp.
//
// SET or set_config()? Both take effect alike and both are reported by ParameterStatus (tried on 15). SET is the
// cheaper one: no snapshot, no planning, no row in the answer; per Query of one and of three settings 27 and 39 µs
// against 34 and 65 µs. But SET takes 'a, b' for *one* schema of that name, where startup options and ParameterStatus
// mean two: such settings go through set_config(), which reads the very form in which values are reported. A value with
// bytes beyond ASCII does too: it is in the client's encoding and the text of a Query is in the server connection's, so
// the bytes are spelt in hexadecimal and converted by the server.
#include <algorithm>
#include <array>

#include "proxy/session/parameters.hpp"
#include "proxy/session/setting_names.hpp"

namespace pgweir::session {

namespace {

constexpr std::size_t kLongestIdentifier = 63;  // SET and RESET would cut a longer name

bool is_ascii(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// E'…' of ASCII text: its backslashes mean the same whatever standard_conforming_strings says. Quotes are doubled, not
// escaped, which backslash_quote could forbid.
void append_literal(std::string& out, std::string_view ascii) {
    out += "E'";
    for (const char c : ascii) {
        if (c == '\'' || c == '\\') out += c;
        out += c;
    }
    out += '\'';
}

// Parts in quotes, since a part may be a keyword (session.x).
void append_name(std::string& out, std::string_view name) {
    out += '"';
    for (const char c : name) {
        if (c == '.') {
            out += "\".\"";
        } else {
            out += c;
        }
    }
    out += '"';
}

void append_converted(std::string& out, std::string_view value, std::string_view encoding) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += "pg_catalog.convert_from(pg_catalog.decode('";
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        out += kDigits[byte >> 4];
        out += kDigits[byte & 15];
    }
    out += "','hex'),";
    append_literal(out, is_ascii(encoding) ? encoding : "UTF8");
    out += ')';
}

// The encoding in which the client's values are written.
std::string_view encoding_of(const ParameterSet& desired, const ParameterSet& actual) noexcept {
    for (const ParameterSet* set : {&desired, &actual}) {
        if (const std::string* encoding = set->find("client_encoding")) return *encoding;
    }
    return "UTF8";
}

void append_reset(std::string& out, std::string_view name) {
    if (name.size() > kLongestIdentifier) {
        out += "SELECT pg_catalog.set_config(";
        append_literal(out, name);
        out += ",NULL,false) IS NULL;";  // NULL resets
        return;
    }
    out += "RESET ";
    append_name(out, name);
    out += ';';
}

// Whether both halves are given, as in "ISO, DMY". Less ("DMY", "ISO, ISO") would leave the other half as it is, which
// was another client's.
bool is_whole_date_style(std::string_view value) noexcept {
    constexpr std::array<std::string_view, 4> kStyles = {"ISO", "SQL", "Postgres", "German"};
    constexpr std::array<std::string_view, 3> kOrders = {"MDY", "DMY", "YMD"};
    const std::size_t comma = value.find(", ");
    return comma != std::string_view::npos && std::ranges::count(kStyles, value.substr(0, comma)) > 0 &&
           std::ranges::count(kOrders, value.substr(comma + 2)) > 0;
}

void append_change(std::string& out, const Parameter& wanted, std::string_view encoding) {
    if (wanted.name == "DateStyle" && !is_whole_date_style(wanted.value)) append_reset(out, wanted.name);
    const bool ascii = is_ascii(wanted.value);
    if (ascii && !is_name_list(wanted.name) && wanted.name.size() <= kLongestIdentifier) {
        out += "SET ";
        append_name(out, wanted.name);
        out += " TO ";
        append_literal(out, wanted.value);
        out += ';';
        return;
    }
    out += "SELECT pg_catalog.set_config(";
    append_literal(out, wanted.name);
    out += ',';
    if (ascii) {
        append_literal(out, wanted.value);
    } else {
        append_converted(out, wanted.value, encoding);
    }
    out += ",false) IS NULL;";  // so that the answer needs no encoding either
}

}  // namespace

std::string difference_sql(const ParameterSet& desired, const ParameterSet& actual) {
    std::string out;
    if (&desired == &actual) return out;
    auto have = actual.entries().begin();
    const auto end = actual.entries().end();
    const auto reset = [&out](const Parameter& entry) {
        if (!is_fixed_report(entry.name)) append_reset(out, entry.name);
    };
    for (const Parameter& wanted : desired.entries()) {
        while (have != end && have->name < wanted.name) reset(*have++);
        const bool known = have != end && have->name == wanted.name;
        const bool same = known && have->value == wanted.value;
        if (known) ++have;
        if (!same && !is_fixed_report(wanted.name)) append_change(out, wanted, encoding_of(desired, actual));
    }
    while (have != end) reset(*have++);
    return out;
}

bool difference_is_certain(const ParameterSet& desired, const ParameterSet& actual) noexcept {
    if (!desired.proven()) return false;
    const auto same_in = [](const ParameterSet& other) {
        return [&other](const Parameter& entry) {
            const std::string* value = other.find(entry.name);
            return is_tracked_report(entry.name) || (value != nullptr && *value == entry.value);
        };
    };
    return std::ranges::all_of(desired.entries(), same_in(actual)) && std::ranges::all_of(actual.entries(), same_in(desired));
}

}  // namespace pgweir::session
