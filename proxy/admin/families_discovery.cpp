#include "proxy/admin/families.hpp"
#include "proxy/admin/family_builder.hpp"

namespace pgweir::admin {

void add_discovery(Families& out, const Sources& sources) {
    if (!sources.discoveries) return;
    auto up = gauge_family("pgweir_discovery_up", "1 while the source of servers answers");
    auto members = gauge_family("pgweir_discovery_members", "Servers that it found last");
    auto failed = counter_family("pgweir_discovery_failures_total", "Questions to it without an answer");
    for (const discovery::Status& status : sources.discoveries()) {
        const Labels who = {label("cluster", status.cluster), label("discovery", status.name), label("type", status.type)};
        add_sample(up, status.answers ? 1 : 0, who);
        add_sample(members, static_cast<double>(status.members), who);
        add_sample(failed, static_cast<double>(status.failed), who);
    }
    for (auto* family : {&up, &members, &failed}) out.push_back(std::move(*family));
}

}  // namespace pgweir::admin
