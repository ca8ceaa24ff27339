#include "proxy/session/local_settings.hpp"

#include <algorithm>
#include <array>

#include "config/names.hpp"
#include "config/units.hpp"
#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/session/setting_names.hpp"
#include "proxy/sql/hint.hpp"

namespace pgweir::session {

namespace {

constexpr std::string_view kPrefix = "pgweir.";

// One setting: its name behind the prefix, what a message says it may be, and how it is read and written.
struct Setting {
    std::string_view name, allowed;
    bool (*take)(LocalSettings& settings, std::string_view value);
    std::string (*show)(const LocalSettings& settings);
    void (*copy)(LocalSettings& to, const LocalSettings& from);
};

// `values` is in words; the enumerators' names are those of the configuration.
template <auto Member>
constexpr Setting choice(std::string_view name, std::string_view values) {
    return {name, values,
            [](LocalSettings& settings, std::string_view value) {
                const auto chosen = config::value_of<std::remove_reference_t<decltype(settings.*Member)>>(value);
                if (chosen) settings.*Member = *chosen;
                return chosen.has_value();
            },
            [](const LocalSettings& settings) { return std::string(config::name_of(settings.*Member)); },
            [](LocalSettings& to, const LocalSettings& from) { to.*Member = from.*Member; }};
}

bool take_max_lag(LocalSettings& settings, std::string_view value) {
    const auto milliseconds = sql::parse_max_lag(value);
    if (milliseconds) settings.max_lag = *milliseconds;
    return milliseconds.has_value();
}

bool take_read_after(LocalSettings& settings, std::string_view value) {
    const auto lsn = value.empty() ? std::optional(Lsn{}) : parse_lsn(value);
    if (lsn) settings.read_after = *lsn;
    return lsn.has_value();
}

bool take_explain(LocalSettings& settings, std::string_view value) {
    const auto is = [value](std::string_view word) { return same_name(value, word); };
    const bool on = std::ranges::any_of(std::array<std::string_view, 4>{"on", "true", "yes", "1"}, is);
    if (!on && std::ranges::none_of(std::array<std::string_view, 4>{"off", "false", "no", "0"}, is)) return false;
    settings.explain = on;
    return true;
}

std::string show_max_lag(const LocalSettings& settings) {
    return settings.max_lag == 0 ? "0" : config::format_duration(settings.max_lag);
}

std::string show_read_after(const LocalSettings& settings) {
    return settings.read_after == Lsn{} ? std::string{} : format_lsn(settings.read_after);
}

constexpr std::array kSettings{
    choice<&LocalSettings::read_preference>("read_preference",
                                            "primary, primary_preferred, replica, replica_preferred or nearest"),
    Setting{"max_lag", "a time with its unit, as '500ms' or '2s', or 0", take_max_lag, show_max_lag,
            [](LocalSettings& to, const LocalSettings& from) { to.max_lag = from.max_lag; }},
    choice<&LocalSettings::consistency>("consistency", "eventual, session or global"),
    Setting{"read_after", "a position as SHOW pgweir.lsn gives it, 'X/Y', or ''", take_read_after, show_read_after,
            [](LocalSettings& to, const LocalSettings& from) { to.read_after = from.read_after; }},
    Setting{"explain", "on or off", take_explain,
            [](const LocalSettings& settings) { return std::string(settings.explain ? "on" : "off"); },
            [](LocalSettings& to, const LocalSettings& from) { to.explain = from.explain; }},
};

const Setting* find(std::string_view name) noexcept {
    const auto* found = std::ranges::find_if(kSettings, [name](const Setting& setting) { return same_name(setting.name, name); });
    return found == kSettings.end() ? nullptr : found;
}

std::string unknown(std::string_view name) {
    return "unrecognized configuration parameter \"pgweir." + std::string(name) + "\"";
}

std::string bad_value(const Setting& setting, std::string_view value) {
    return "invalid value for parameter \"pgweir." + std::string(setting.name) + "\": \"" + std::string(value) + "\"; it is " +
           std::string(setting.allowed);
}

std::string error(std::string_view code, const std::string& message) {
    std::string out;
    protocol::append_error(out, "ERROR", code, message);
    return out;
}

std::string complete(std::string_view tag) {
    std::string out;
    protocol::append_command_complete(out, tag);
    return out;
}

std::string row(const sql::Statement& judged, const std::string& value) {
    std::string out = describe_local_setting(judged);
    const std::array<std::string_view, 1> columns{value};
    protocol::append_data_row(out, columns);
    return out + complete("SHOW");
}

}  // namespace

std::string answer_local_setting(const sql::Statement& judged, LocalSettings& settings, const LocalSettings& start) {
    const Setting* setting = find(judged.name);
    if (setting == nullptr) return error(protocol::sqlstate::kUndefinedObject, unknown(judged.name));
    switch (judged.local) {
        case sql::Local::none: return {};
        case sql::Local::show: return row(judged, setting->show(settings));
        case sql::Local::reset: setting->copy(settings, start); return complete("RESET");
        case sql::Local::reset_local: setting->copy(settings, start); return complete("SET");
        case sql::Local::set:
        case sql::Local::set_local: break;
    }
    if (setting->take(settings, judged.value)) return complete("SET");
    return error(protocol::sqlstate::kInvalidParameterValue, bad_value(*setting, judged.value));
}

std::string describe_local_setting(const sql::Statement& judged) {
    std::string out;
    if (judged.local == sql::Local::show) {
        const std::array<std::string, 1> columns{"pgweir." + std::string(judged.name)};
        const std::array<std::string_view, 1> views{columns[0]};
        protocol::append_row_description(out, views);
    } else {
        protocol::append_no_data(out);
    }
    return out;
}

bool is_local_setting(std::string_view name) noexcept {
    return name.size() > kPrefix.size() && same_name(name.substr(0, kPrefix.size()), kPrefix);
}

std::optional<std::string> take_local_setting(std::string_view name, std::string_view value, LocalSettings& settings) {
    name.remove_prefix(kPrefix.size());
    const Setting* setting = find(name);
    if (setting == nullptr) return unknown(name);
    if (setting->take(settings, value)) return std::nullopt;
    return bad_value(*setting, value);
}

}  // namespace pgweir::session
