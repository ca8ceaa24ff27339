#include "proxy/session/causal_settings.hpp"

#include <array>

#include "config/names.hpp"
#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/session/local_settings.hpp"
#include "proxy/session/setting_names.hpp"

namespace pgweir::session {

namespace {

using config::Consistency;

constexpr std::string_view kConsistency = "consistency";
constexpr std::string_view kReadAfter = "read_after";

bool take(std::string_view setting, std::string_view value, CausalSettings& settings) {
    if (same_name(setting, kReadAfter)) {
        const auto lsn = value.empty() ? std::optional(Lsn{}) : parse_lsn(value);
        if (lsn) settings.read_after = *lsn;
        return lsn.has_value();
    }
    for (const Consistency level : {Consistency::eventual, Consistency::session, Consistency::global}) {
        if (!same_name(value, config::name_of(level))) continue;
        settings.consistency = level;
        return true;
    }
    return false;
}

void reset(std::string_view setting, CausalSettings& settings, const CausalSettings& start) {
    if (same_name(setting, kReadAfter)) settings.read_after = start.read_after;
    else settings.consistency = start.consistency;
}

std::string shown(std::string_view setting, const CausalSettings& settings) {
    if (same_name(setting, kConsistency)) return std::string(config::name_of(settings.consistency));
    return settings.read_after == Lsn{} ? std::string{} : format_lsn(settings.read_after);
}

std::string bad_value(const sql::Statement& judged) {
    const bool token = same_name(judged.name, kReadAfter);
    const std::string setting(token ? kReadAfter : kConsistency);
    std::string out;
    protocol::append_error(out, "ERROR", protocol::sqlstate::kInvalidParameterValue,
                           "invalid value for parameter \"pgweir." + setting + "\": \"" + std::string(judged.value) + "\"; it is " +
                               (token ? "a position as SHOW pgweir.lsn gives it, 'X/Y', or ''" : "eventual, session or global"));
    return out;
}

}  // namespace

std::optional<std::string> answer_causal_setting(const sql::Statement& judged, CausalSettings& settings,
                                                 const CausalSettings& start) {
    if (!same_name(judged.name, kConsistency) && !same_name(judged.name, kReadAfter)) return std::nullopt;
    std::string out;
    switch (judged.local) {
        case sql::Local::none: return std::nullopt;
        case sql::Local::reset:
            reset(judged.name, settings, start);
            protocol::append_command_complete(out, "RESET");
            return out;
        case sql::Local::show: {
            out = describe_local_setting(judged);
            const std::string value = shown(judged.name, settings);
            const std::array<std::string_view, 1> row{value};
            protocol::append_data_row(out, row);
            protocol::append_command_complete(out, "SHOW");
            return out;
        }
        case sql::Local::set:
        case sql::Local::set_local: break;
    }
    CausalSettings wanted = settings;
    if (!take(judged.name, judged.value, wanted)) return bad_value(judged);
    // A transaction stays where it has begun, so SET LOCAL changes nothing that lasts.
    if (judged.local == sql::Local::set) settings = wanted;
    protocol::append_command_complete(out, "SET");
    return out;
}

std::optional<bool> start_causal_setting(std::string_view name, std::string_view value, CausalSettings& settings) {
    constexpr std::string_view kPrefix = "pgweir.";
    if (name.size() < kPrefix.size() || !same_name(name.substr(0, kPrefix.size()), kPrefix)) return std::nullopt;
    const std::string_view setting = name.substr(kPrefix.size());
    if (!same_name(setting, kConsistency) && !same_name(setting, kReadAfter)) return std::nullopt;
    return take(setting, value, settings);
}

}  // namespace pgweir::session
