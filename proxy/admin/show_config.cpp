#include <array>
#include <chrono>
#include <ctime>

#include "config/show.hpp"
#include "proxy/admin/show.hpp"

namespace pgweir::admin {

namespace {

using enum ColumnType;

constexpr auto kConfig =
    std::to_array<Column>({{"key", text}, {"value", text}, {"default", text}, {"changeable", text}});
constexpr auto kVersion = std::to_array<Column>({{"version", text}});
constexpr auto kState = std::to_array<Column>({{"key", text}, {"value", text}});
constexpr auto kHelp = std::to_array<Column>({{"command", text}, {"needs", text}, {"help", text}});

std::string_view yes_no(bool value) { return value ? "yes" : "no"; }

}  // namespace

Table show_config(const Call& call) {
    Table table{kConfig, {}};
    for (const config::ShowRow& row : config::show(call.sources.config)) {
        table.rows.push_back({cell(row.key), cell(row.value), cell(row.default_value), cell(yes_no(row.changeable))});
    }
    return table;
}

Table show_version(const Call& call) { return {kVersion, {{cell("pgweir " + call.sources.version)}}}; }

Table show_state(const Call& call) {
    const bool active = !call.sources.not_ready || !call.sources.not_ready();
    return {kState,
            {{cell("active"), cell(yes_no(active))},
             {cell("paused"), cell(yes_no(false))},
             {cell("suspended"), cell(yes_no(false))}}};
}

Table show_help(const Call& /*call*/) {
    Table table{kHelp, {}};
    for (const Command& command : commands()) {
        table.rows.push_back(
            {cell(command.name), cell(command.right == Right::admin ? "admin" : "user"), cell(command.help)});
    }
    return table;
}

Cell time_cell(std::chrono::system_clock::time_point time) {
    if (time == std::chrono::system_clock::time_point{}) return kNull;
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    if (gmtime_r(&seconds, &parts) == nullptr) return kNull;
    std::array<char, 40> buffer{};
    const std::size_t length = std::strftime(buffer.data(), buffer.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
    return std::string(buffer.data(), length);
}

}  // namespace pgweir::admin
