#include "proxy/monitor/probe_query.hpp"

#include <charconv>
#include <cstring>
#include <string_view>

namespace pgweir::monitor {

// On a primary the timeline is read off the file name of the position: the control file still has the old one for
// seconds after a promotion (semantics.md G).
const char* const kProbeSql =
    "SELECT r, CASE WHEN r THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_insert_lsn() END,"
    " CASE WHEN r THEN NULL ELSE pg_catalog.pg_current_wal_flush_lsn() END,"
    " CASE WHEN r THEN pg_catalog.pg_is_wal_replay_paused() ELSE false END,"
    " (SELECT system_identifier FROM pg_catalog.pg_control_system()),"
    " CASE WHEN r THEN NULL ELSE pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), "
    "1, 8)"
    " END,"
    " CASE WHEN r THEN COALESCE((SELECT received_tli FROM pg_catalog.pg_stat_wal_receiver),"
    " (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint())) END,"
    " pg_catalog.current_setting('server_version_num'),"
    " (SELECT bytes_per_wal_segment FROM pg_catalog.pg_control_init())"
    " FROM (SELECT pg_catalog.pg_is_in_recovery() AS r) AS role";

namespace {

constexpr int kColumns = 9;

std::string_view field(const PGresult* result, int column) {
    return {PQgetvalue(result, 0, column), static_cast<std::size_t>(PQgetlength(result, 0, column))};
}

template <class Number>
bool number(const PGresult* result, int column, Number& out, int base = 10) {
    const std::string_view text = field(result, column);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::optional<cluster::ProbeResult> read_probe(const PGresult* result) {
    if (PQntuples(result) != 1 || PQnfields(result) != kColumns) return std::nullopt;
    cluster::ProbeResult probe;
    probe.in_recovery = field(result, 0) == "t";
    if (!probe.in_recovery && field(result, 0) != "f") return std::nullopt;
    const std::optional<Lsn> position = parse_lsn(field(result, 1));
    const std::optional<Lsn> flushed = parse_lsn(field(result, 2));
    if (!probe.in_recovery && (!position || !flushed)) return std::nullopt;
    probe.position = position.value_or(Lsn{});  // null in recovery: nothing replayed yet
    probe.flushed = flushed.value_or(Lsn{});
    probe.replay_paused = field(result, 3) == "t";
    const int timeline = probe.in_recovery ? 6 : 5;
    if (!number(result, 4, probe.system_identifier)) return std::nullopt;
    if (!number(result, timeline, probe.timeline, probe.in_recovery ? 10 : 16)) return std::nullopt;
    if (!number(result, 7, probe.server_version) || !number(result, 8, probe.wal_segment_size)) return std::nullopt;
    return probe;
}

}  // namespace pgweir::monitor
