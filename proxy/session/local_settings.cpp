#include "proxy/session/local_settings.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/session/setting_names.hpp"
#include "proxy/sql/text.hpp"

namespace pgweir::session {

namespace {

constexpr std::string_view kReadPreference = "read_preference";

std::string_view text_of(routing::ReadPreference preference) noexcept {
    return preference == routing::ReadPreference::primary ? "primary" : "replica";
}

std::string error(std::string_view code, const std::string& message) {
    std::string out;
    protocol::append_error(out, "ERROR", code, message);
    return out;
}

std::string complete(std::string_view tag) {
    std::string out;
    protocol::append_command_complete(out, tag);
    return out;
}

}  // namespace

std::optional<routing::ReadPreference> parse_read_preference(std::string_view value) noexcept {
    if (same_name(value, "primary")) return routing::ReadPreference::primary;
    if (same_name(value, "replica") || same_name(value, "default")) return routing::ReadPreference::replica;
    return std::nullopt;
}

std::string answer_local_setting(const sql::Statement& judged, routing::ReadPreference& preference,
                                 routing::ReadPreference start) {
    const std::string setting(judged.name);
    const bool known = same_name(setting, kReadPreference) || (judged.local == sql::Local::reset && setting.empty());
    if (!known) {
        return error(protocol::sqlstate::kUndefinedObject,
                     "unrecognized configuration parameter \"pgweir." + setting + "\"");
    }
    switch (judged.local) {
        case sql::Local::none: return {};
        case sql::Local::reset: preference = start; return complete("RESET");
        case sql::Local::show: {
            std::string out = describe_local_setting(judged);
            const std::array<std::string_view, 1> row{text_of(preference)};
            protocol::append_data_row(out, row);
            return out + complete("SHOW");
        }
        case sql::Local::set:
        case sql::Local::set_local: break;
    }
    const bool to_default = same_name(judged.value, "default");
    const auto wanted = to_default ? std::optional(start) : parse_read_preference(judged.value);
    if (!wanted) {
        return error(protocol::sqlstate::kInvalidParameterValue, "invalid value for parameter \"pgweir.read_preference\": \"" +
                                                                     std::string(judged.value) +
                                                                     "\"; it is primary or replica");
    }
    // A transaction stays where it has begun, so SET LOCAL changes nothing that lasts.
    if (judged.local == sql::Local::set) preference = *wanted;
    return complete("SET");
}

std::string describe_local_setting(const sql::Statement& judged) {
    std::string out;
    if (judged.local == sql::Local::show) {
        const std::array<std::string, 1> columns{"pgweir." + std::string(judged.name)};
        const std::array<std::string_view, 1> views{columns[0]};
        protocol::append_row_description(out, views);
    } else {
        protocol::append_no_data(out);
    }
    return out;
}

std::string folded_identifier(std::string_view written) {
    std::string out;
    if (written.size() >= 2 && written.front() == '"' && written.back() == '"') {
        for (std::size_t i = 1; i + 1 < written.size(); ++i) {
            out.push_back(written[i]);
            if (written[i] == '"') ++i;
        }
        return out;
    }
    out.assign(written);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

// As PostgreSQL compares the names of encodings: letters and digits only, in lower case.
bool is_one_of(std::string_view encoding, std::span<const std::string_view> names) {
    std::string clean;
    for (const char c : encoding) {
        const char lower = sql::lower(c);
        if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9')) clean += lower;
    }
    return std::ranges::find(names, clean) != names.end();
}

bool has_ascii_trail_bytes(std::string_view client_encoding) {
    constexpr std::array<std::string_view, 16> kEncodings{"sjis",  "shiftjis", "mskanji",    "win932", "windows932", "big5",   "win950",     "windows950",
                                                          "gbk",   "win936",   "windows936", "uhc",    "win949",     "windows949", "gb18030",
                                                          "johab"};
    return is_one_of(client_encoding, kEncodings) || is_one_of(client_encoding, std::array<std::string_view, 1>{"shiftjis2004"});
}

bool is_utf8(std::string_view client_encoding) {
    constexpr std::array<std::string_view, 2> kNames{"utf8", "unicode"};
    return is_one_of(client_encoding, kNames);
}

}  // namespace pgweir::session
