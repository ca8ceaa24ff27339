#include "proxy/session/session_state.hpp"

#include <algorithm>

namespace pgweir::session {

namespace {

// E'…'; names and values may hold anything.
std::string literal(std::string_view text) {
    std::string out = "E'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += c;
        out += c;
    }
    return out + '\'';
}

bool is_true(std::string_view value) noexcept { return value == "true" || value == "yes" || value == "1"; }
bool is_false(std::string_view value) noexcept { return value == "false" || value == "no" || value == "0"; }

// True for a setting of ours that is not what we think it is; both forms of its value count, the one with and the one
// without a unit. Beyond ASCII the text's encoding would matter: not known.
std::string differs(const Parameter& parameter) {
    const bool ascii = std::ranges::all_of(parameter.value, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (!ascii) return " OR true";
    const std::string name = literal(parameter.name);
    const std::string value = literal(parameter.value);
    const std::string shown = is_true(parameter.value) ? "'on'" : is_false(parameter.value) ? "'off'" : value;
    return " OR (pg_catalog.current_setting(" + name + ", true) IS DISTINCT FROM " + value + " AND pg_catalog.current_setting(" + name +
           ", true) IS DISTINCT FROM " + shown + " AND (SELECT setting FROM pg_catalog.pg_settings WHERE pg_catalog.lower(name) = " + name + ") IS DISTINCT FROM " + value + ")";
}

}  // namespace

std::string probe_sql(const ParameterSet& actual, const ParameterSet& reported, std::size_t prepared) {
    std::string known = "'application_name'";
    std::string others;
    for (const Parameter& parameter : actual.entries()) {
        known += "," + literal(parameter.name);
        if (reported.find(parameter.name) == nullptr) others += differs(parameter);
    }
    const auto when = [](std::string_view what, std::string_view condition) {
        return ", CASE WHEN " + std::string(condition) + " THEN '" + std::string(what) + "' END";
    };
    return "SELECT pg_catalog.concat_ws(','" +
           when("setting", "EXISTS (SELECT 1 FROM pg_catalog.pg_settings WHERE source = 'session' AND name NOT IN (" + known +
                               "))" + others) +
           when("listen", "EXISTS (SELECT 1 FROM pg_catalog.pg_listening_channels())") +
           when("advisory_lock", "EXISTS (SELECT 1 FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = "
                                 "pg_catalog.pg_backend_pid())") +
           when("hold_cursor", "EXISTS (SELECT 1 FROM pg_catalog.pg_cursors WHERE is_holdable)") +
           when("sql_prepare", "EXISTS (SELECT 1 FROM pg_catalog.pg_prepared_statements WHERE from_sql)") +
           when("deallocated", "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_statements WHERE NOT from_sql) <> " +
                                   std::to_string(prepared)) +
           when("role", "pg_catalog.current_setting('role') <> 'none' OR session_user <> (SELECT usename FROM "
                        "pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid())") +
           when("temporary", "EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relnamespace = "
                             "pg_catalog.pg_my_temp_schema())") +
           ")";
}

}  // namespace pgweir::session
