// SET, RESET and SHOW of pgweir.consistency and pgweir.read_after, and the text that SHOW pgweir.lsn stands for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "protocol/lsn.hpp"
#include "proxy/sql/statement.hpp"

namespace pgweir::session {

struct CausalSettings {
    config::Consistency consistency = config::Consistency::eventual;
    Lsn read_after;  // as the client gave it; 0/0: none
};

// Sent to the primary in place of SHOW pgweir.lsn: the position behind everything that has ended.
inline constexpr std::string_view kPositionSql = "SELECT pg_catalog.pg_current_wal_insert_lsn()::text AS \"pgweir.lsn\"";

// The wire answer (CommandComplete, rows or an error, no ReadyForQuery) to a statement about one of these settings, which
// changes `settings`; `start` is what RESET goes back to. None: it is about another one. Error: 22023 bad value.
[[nodiscard]] std::optional<std::string> answer_causal_setting(const sql::Statement& judged, CausalSettings& settings,
                                                               const CausalSettings& start);

// One setting from the startup packet. None: it is not one of these; else whether the value is good.
[[nodiscard]] std::optional<bool> start_causal_setting(std::string_view name, std::string_view value, CausalSettings& settings);

}  // namespace pgweir::session
