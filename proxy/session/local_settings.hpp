// pgweir's own settings (pgweir.something), which a client reads and changes as it does the server's and no server knows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "protocol/lsn.hpp"
#include "proxy/sql/statement.hpp"

namespace pgweir::session {

struct LocalSettings {
    config::ReadPreference read_preference = config::ReadPreference::replica_preferred;
    config::Consistency consistency = config::Consistency::eventual;
    bool explain = false;  // EXPLAIN shows its route (explain.hpp)
    std::uint32_t max_lag = 0;  // milliseconds that a read's data may be old; 0: no bound
    Lsn read_after;  // as the client gave it; 0/0: none

    friend bool operator==(const LocalSettings&, const LocalSettings&) = default;
};

// Sent to the primary in place of SHOW pgweir.lsn: the position behind everything that has ended.
inline constexpr std::string_view kPositionSql = "SELECT pg_catalog.pg_current_wal_insert_lsn()::text AS \"pgweir.lsn\"";

// The wire answer (CommandComplete, rows or an error, no ReadyForQuery) to a SET, RESET or SHOW of these settings, which
// changes `settings`; `start` is what RESET goes back to. Errors: 42704 no such setting, 22023 bad value.
[[nodiscard]] std::string answer_local_setting(const sql::Statement& judged, LocalSettings& settings, const LocalSettings& start);

// RowDescription or NoData, for Describe of a local statement or its portal.
[[nodiscard]] std::string describe_local_setting(const sql::Statement& judged);

// Whether a setting from the startup packet is one of pgweir's: its name begins with "pgweir.".
[[nodiscard]] bool is_local_setting(std::string_view name) noexcept;
// Takes it over. A result is the error's text: no such setting, or a bad value.
[[nodiscard]] std::optional<std::string> take_local_setting(std::string_view name, std::string_view value, LocalSettings& settings);

}  // namespace pgweir::session
