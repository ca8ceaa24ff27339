// What comes of a read in the shadow that is run on a replica, too, and compared.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pgweir::net {

enum class Verdict : std::uint8_t {
    same,
    different,  // while the primary kept to its own answer
    refused,    // by a standby, or in a transaction that can only read: it is no read
    unsettled,  // different, but the primary does not keep to its answer, or could not be asked again
    skipped,    // see Skip
};
inline constexpr std::array<std::string_view, 5> kVerdicts = {"same", "different", "refused", "unsettled", "skipped"};

// Why a read that was drawn was not compared.
enum class Skip : std::uint8_t {
    varies,          // its words say that its answer changes from run to run
    not_alone,       // more than one statement run once to its end
    too_large,       // longer than retry_buffer_size
    primary_failed,  // the primary's answer was cut short, as by a cancel
    busy,            // enough of them are under way, or no server connection was free at once
    no_replica,      // none is in rotation
    behind,          // none had what the primary's answer may have shown, in time
    conflict,        // recovery cancelled it, or held a lock
    timeout,         // it took too long there
    lost,            // the replica's connection, or its login
    settings,        // the replica did not take the client's settings
    vouched,         // by an annotation: nobody knows what a second run would do
};
inline constexpr std::array<std::string_view, 12> kSkips = {"varies", "not_alone", "too_large", "primary_failed", "busy", "no_replica",
                                                            "behind", "conflict", "timeout", "lost", "settings", "vouched"};

}  // namespace pgweir::net
