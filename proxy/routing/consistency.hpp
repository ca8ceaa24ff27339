// What a session's reads must see (semantics.md E).
#pragma once

#include <cstdint>
#include <string_view>

namespace pgweir::routing {

enum class Consistency : std::uint8_t {
    eventual,  // what the replica has
    session,   // what the session wrote and has seen
    global,    // what anybody had committed when the read came
};

[[nodiscard]] constexpr std::string_view name(Consistency level) noexcept {
    switch (level) {
        case Consistency::eventual: return "eventual";
        case Consistency::session: return "session";
        case Consistency::global: return "global";
    }
    return "";
}

}  // namespace pgweir::routing
