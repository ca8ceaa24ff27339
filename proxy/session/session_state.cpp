#include "proxy/session/session_state.hpp"

namespace pgweir::session {

std::string probe_sql(const ParameterSet& actual, std::size_t prepared) {
    std::string known = "'application_name'";
    for (const Parameter& parameter : actual.entries()) known += ",'" + parameter.name + "'";  // names are plain
    const auto when = [](std::string_view what, std::string_view condition) {
        return ", CASE WHEN " + std::string(condition) + " THEN '" + std::string(what) + "' END";
    };
    return "SELECT pg_catalog.concat_ws(','" +
           when("setting", "EXISTS (SELECT 1 FROM pg_catalog.pg_settings WHERE source = 'session' AND name NOT IN (" + known +
                               "))") +
           when("listen", "EXISTS (SELECT 1 FROM pg_catalog.pg_listening_channels())") +
           when("advisory_lock", "EXISTS (SELECT 1 FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = "
                                 "pg_catalog.pg_backend_pid())") +
           when("hold_cursor", "EXISTS (SELECT 1 FROM pg_catalog.pg_cursors WHERE is_holdable)") +
           when("sql_prepare", "EXISTS (SELECT 1 FROM pg_catalog.pg_prepared_statements WHERE from_sql)") +
           when("deallocated", "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_statements WHERE NOT from_sql) <> " +
                                   std::to_string(prepared)) +
           when("role", "pg_catalog.current_setting('role') <> 'none'") +
           when("temporary", "EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relnamespace = "
                             "pg_catalog.pg_my_temp_schema())") +
           ")";
}

}  // namespace pgweir::session
