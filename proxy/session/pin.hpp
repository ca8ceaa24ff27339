// Why a session holds on to its server connection between transactions (semantics.md D).
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/sql/statement.hpp"

namespace pgweir::session {

enum class Pin : std::uint8_t {
    none,
    session_mode,     // pool_mode = "session"
    setting,          // SET of a setting that is not tracked
    role,             // SET ROLE, SET SESSION AUTHORIZATION
    temporary,        // a temporary table
    listen,           // LISTEN
    hold_cursor,      // a cursor WITH HOLD
    sql_prepare,      // SQL PREPARE
    advisory_lock,    // a session-level advisory lock
    load,             // LOAD, setseed
    state,            // a probe found something that a function, DO or CALL left behind
};

// The enumerator's own spelling, for the console and the log.
[[nodiscard]] std::string_view name(Pin pin) noexcept;

// Whether a look at the session says if the reason is still there. Settings of no known name (app.x) cannot be listed.
[[nodiscard]] constexpr bool can_be_probed(Pin pin) noexcept {
    return pin != Pin::none && pin != Pin::session_mode && pin != Pin::load && pin != Pin::setting;
}

// The pin that a statement with these effects calls for, or none.
[[nodiscard]] Pin pin_of(sql::Effect effects) noexcept;

}  // namespace pgweir::session
