// What a statement does to its session, read exactly enough to be done again on another server connection (semantics.md D).
// Off the hot path: called for the few statements whose effects call for it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/sql/classify.hpp"

namespace pgweir::sql {

struct SessionChange {
    enum class Kind : std::uint8_t {
        set,           // `name` becomes `value`
        reset,         // `name` goes back to the session's start
        reset_all,
        set_local,     // of a transaction only: nothing lasts
        savepoint,     // `name`
        release,       // `name`
        rollback_to,   // `name`
        listen,        // to channel `name`
        unlisten,      // `name`
        unlisten_all,
    };
    Kind kind = Kind::set;
    std::string name;   // folded as PostgreSQL folds identifiers; of a setting in lower case
    std::string value;  // as set_config() takes it
    friend bool operator==(const SessionChange&, const SessionChange&) = default;
};

using SessionChanges = std::vector<SessionChange>;

// A parameter's value as text, or as a boolean in either format, by its number from 1; outer none: not known, or not certain
// to mean what its bytes say; inner none: NULL.
using BoundText = std::function<std::optional<std::optional<std::string>>(unsigned number, bool is_boolean)>;

// The changes that a text makes when all of it succeeds: of SET, RESET, DISCARD ALL's settings, SELECT set_config(…) [, …],
// SAVEPOINT, RELEASE, ROLLBACK TO, LISTEN, UNLISTEN; several SETs and RESETs may stand in one text. Nothing when any part is
// something else, or is not understood to the last token: then it is not known what it does.
[[nodiscard]] std::optional<SessionChanges> read_session_changes(std::string_view text, LexSettings settings,
                                                                 const BoundText& bound = {});

// Settings whose value is a list of names, each of which SET would quote (GUC_LIST_QUOTE); in any case.
[[nodiscard]] bool is_name_list_setting(std::string_view name) noexcept;

}  // namespace pgweir::sql
