#include "proxy/admin/families.hpp"
#include "proxy/admin/family_builder.hpp"

namespace pgweir::admin {

void add_process(Families& out, const Sources& sources) {
    const config::Config& config = sources.config;
    const auto uptime = std::chrono::steady_clock::now() - sources.started;
    const std::size_t workers = sources.stats ? sources.stats().size() : 0;
    const auto gauge = [&](std::string_view name, std::string_view help, double value, Labels labels = {}) {
        add_sample(out.emplace_back(gauge_family(name, help)), value, std::move(labels));
    };
    gauge("pgweir_version_info", "1, with the version", 1, {label("version", sources.version)});
    gauge("pgweir_uptime_seconds", "Time since the start", std::chrono::duration<double>(uptime).count());
    gauge("pgweir_workers", "Worker threads", static_cast<double>(workers));
    gauge("pgweir_databases", "Databases of the configuration", static_cast<double>(config.databases.size()));
    gauge("pgweir_users", "Users of the configuration", static_cast<double>(config.users.size() + config.file_users.size()));
    if (sources.reloads) {
        const ReloadStatus reloads = sources.reloads();
        auto& family = out.emplace_back(counter_family("pgweir_config_reloads_total", "Times that the configuration was read again"));
        add_sample(family, static_cast<double>(reloads.good), {label("result", "success")});
        add_sample(family, static_cast<double>(reloads.failed), {label("result", "failure")});
        gauge("pgweir_config_last_reload_timestamp_seconds", "When the configuration in force was read",
              std::chrono::duration<double>(reloads.last_good.time_since_epoch()).count());
    }
    gauge("pgweir_config_max_client_connections", "max_client_conn", config.proxy.max_client_conn);
}

}  // namespace pgweir::admin
