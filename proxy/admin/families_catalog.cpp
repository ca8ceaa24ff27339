#include "proxy/admin/families.hpp"
#include "proxy/admin/family_builder.hpp"

namespace pgweir::admin {

void add_catalogs(Families& out, const monitor::CatalogReport& catalogs) {
    prometheus::MetricFamily& loads = out.emplace_back(
        counter_family("pgweir_catalog_loads_total", "Readings of a database's catalog by their result"));
    add_sample(loads, static_cast<double>(catalogs.loads.good), {label("result", "good")});
    add_sample(loads, static_cast<double>(catalogs.loads.failed), {label("result", "failed")});
    prometheus::MetricFamily& ages = out.emplace_back(
        gauge_family("pgweir_catalog_age_seconds", "Since the catalog of a database in use was read"));
    std::string before;
    for (const monitor::CatalogStatus& one : catalogs.databases) {
        std::string name = one.cluster + '\0' + one.dbname;
        const bool loaded = one.loaded_at != std::chrono::system_clock::time_point{};
        if (!loaded || !one.in_use || name == before) continue;  // of several lists the first one speaks
        add_sample(ages, static_cast<double>(one.age.count()) * 1e-3, {label("cluster", one.cluster), label("database", one.dbname)});
        before = std::move(name);
    }
}

}  // namespace pgweir::admin
