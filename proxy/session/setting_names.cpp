#include "proxy/session/setting_names.hpp"

#include <algorithm>
#include <array>

#include "proxy/sql/session_change.hpp"

namespace pgweir::session {

namespace {

// GUC_REPORT and settable: 15 and before, default_transaction_read_only since 14, scram_iterations 16, search_path 18.
constexpr std::array<std::string_view, 9> kTracked = {"application_name", "client_encoding",
                                                      "DateStyle",        "IntervalStyle",
                                                      "TimeZone",         "standard_conforming_strings",
                                                      "search_path",      "default_transaction_read_only",
                                                      "scram_iterations"};

constexpr std::array<std::string_view, 6> kFixed = {"server_version",        "server_encoding",   "is_superuser",
                                                    "session_authorization", "integer_datetimes", "in_hot_standby"};

constexpr std::array<std::string_view, 14> kHarmless = {"application_name",
                                                        "client_min_messages",
                                                        "default_transaction_deferrable",
                                                        "default_transaction_isolation",
                                                        "default_transaction_read_only",
                                                        "idle_in_transaction_session_timeout",
                                                        "idle_session_timeout",
                                                        "lock_timeout",
                                                        "log_min_duration_statement",
                                                        "log_statement",
                                                        "scram_iterations",
                                                        "statement_timeout",
                                                        "synchronous_commit",
                                                        "transaction_timeout"};

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool is_letter(char c) noexcept { return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_'; }

constexpr bool is_follower(char c) noexcept { return is_letter(c) || (c >= '0' && c <= '9') || c == '$'; }

bool names(auto const& table, std::string_view name) noexcept {
    return std::ranges::any_of(table, [&](std::string_view known) { return same_name(known, name); });
}

}  // namespace

bool detail::same_letters(std::string_view a, std::string_view b) noexcept {
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
    }
    return true;
}

std::string_view canonical_name(std::string_view name, std::string& storage) {
    for (const std::string_view known : kTracked) {
        if (same_name(known, name)) return known;
    }
    if (std::ranges::none_of(name, [](char c) { return c != lower(c); })) return name;
    storage.resize(name.size());
    std::ranges::transform(name, storage.begin(), lower);
    return storage;
}

std::string canonical_name(std::string_view name) {
    std::string storage;
    return std::string(canonical_name(name, storage));
}

bool is_setting_name(std::string_view name) noexcept {
    constexpr std::size_t kLongest = 200;
    if (name.size() > kLongest) return false;
    bool first = true;  // of a part
    for (const char c : name) {
        if (first ? !is_letter(c) : c != '.' && !is_follower(c)) return false;
        first = !first && c == '.';
    }
    return !first;
}

bool is_tracked_report(std::string_view name) noexcept { return names(kTracked, name); }

bool is_fixed_report(std::string_view name) noexcept { return names(kFixed, name); }

bool is_harmless_to_plans(std::string_view name) noexcept { return names(kHarmless, name); }

bool is_name_list(std::string_view name) noexcept { return sql::is_name_list_setting(name); }

}  // namespace pgweir::session
