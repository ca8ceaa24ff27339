// What is known of settings by their names.
#pragma once

#include <string>
#include <string_view>

namespace pgweir::session {

namespace detail {
// Of equal length.
[[nodiscard]] bool same_letters(std::string_view a, std::string_view b) noexcept;
}  // namespace detail

// PostgreSQL's spelling: "DateStyle", "IntervalStyle", "TimeZone", all others in lower case.
[[nodiscard]] std::string canonical_name(std::string_view name);
// The same without taking memory for a name that is well known or canonical; else the result is in `storage`.
[[nodiscard]] std::string_view canonical_name(std::string_view name, std::string& storage);

// Equal but for ASCII case, as the server compares names.
[[nodiscard]] inline bool same_name(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && detail::same_letters(a, b);
}

// Parts of letters, digits, '_' and '$' (ASCII, no digit or '$' first), joined by dots; at most 200 bytes.
[[nodiscard]] bool is_setting_name(std::string_view name) noexcept;

// Settings that a server reports by ParameterStatus and that a session may set: these belong in a set of actual
// settings. Not so: server_version, server_encoding, is_superuser, session_authorization, integer_datetimes,
// in_hot_standby.
[[nodiscard]] bool is_tracked_report(std::string_view name) noexcept;

// Settings that a server reports and that are never set on it: those named above.
[[nodiscard]] bool is_fixed_report(std::string_view name) noexcept;

// Settings that neither a statement's meaning nor its plan depends on: it can be shared whatever they are.
[[nodiscard]] bool is_harmless_to_plans(std::string_view name) noexcept;

// Settings whose value is a list of names, which SET would quote as one name (GUC_LIST_QUOTE).
[[nodiscard]] bool is_name_list(std::string_view name) noexcept;

}  // namespace pgweir::session
