#include "proxy/session/pin.hpp"

#include <array>
#include <utility>

namespace pgweir::session {

std::string_view name(Pin pin) noexcept {
    switch (pin) {
        case Pin::none: return "none";
        case Pin::session_mode: return "session_mode";
        case Pin::setting: return "setting";
        case Pin::role: return "role";
        case Pin::temporary: return "temporary";
        case Pin::listen: return "listen";
        case Pin::hold_cursor: return "hold_cursor";
        case Pin::sql_prepare: return "sql_prepare";
        case Pin::advisory_lock: return "advisory_lock";
        case Pin::load: return "load";
        case Pin::state: return "state";
    }
    return "none";
}

Pin pin_of(sql::Effect effects) noexcept {
    constexpr std::array<std::pair<sql::Effect, Pin>, 8> kPins{{
        {sql::Effect::temporary, Pin::temporary},
        {sql::Effect::listen, Pin::listen},
        {sql::Effect::hold_cursor, Pin::hold_cursor},
        {sql::Effect::sql_prepare, Pin::sql_prepare},
        {sql::Effect::advisory_lock, Pin::advisory_lock},
        {sql::Effect::load, Pin::load},
        {sql::Effect::set_role, Pin::role},
        {sql::Effect::set_other, Pin::setting},
    }};
    for (const auto& [effect, pin] : kPins) {
        if (has(effects, effect)) return pin;
    }
    return Pin::none;
}

}  // namespace pgweir::session
