#include "proxy/admin/metrics.hpp"

#include <prometheus/text_serializer.h>

#include <iterator>

#include "proxy/admin/families.hpp"

namespace pgweir::admin {

std::vector<prometheus::MetricFamily> Collector::Collect() const {
    const auto workers = sources_.stats ? sources_.stats() : std::vector<const net::WorkerStats*>{};
    Families out;
    add_process(out, sources_);
    add_traffic(out, workers);
    add_routing(out, workers);
    add_pools(out, inspection_ ? inspection_->pools : std::vector<net::PoolRow>{});
    add_servers(out,
                sources_.snapshots ? sources_.snapshots() : std::vector<std::shared_ptr<const cluster::Snapshot>>{});
    add_discovery(out, sources_);
    add_catalogs(out, sources_.catalogs ? sources_.catalogs() : monitor::CatalogReport{});
    return out;
}

Metrics::Metrics(const Sources& sources)
    : http_requests_(prometheus::BuildCounter()
                         .Name("pgweir_http_requests_total")
                         .Help("Answers of this HTTP server")
                         .Register(registry_)),
      collector_(sources) {
    // A family without a counter would leave the name out of the first scrape.
    http_requests_.Add({{"path", "/metrics"}, {"code", "200"}});
}

std::string Metrics::text(std::optional<net::Inspection> inspection) {
    collector_.set_inspection(std::move(inspection));
    Families families = collector_.Collect();
    Families own = registry_.Collect();
    std::ranges::move(own, std::back_inserter(families));
    collector_.set_inspection(std::nullopt);
    return prometheus::TextSerializer().prometheus::Serializer::Serialize(families);
}

void Metrics::count_http(std::string_view path, unsigned status) {
    http_requests_.Add({{"path", std::string(path)}, {"code", std::to_string(status)}}).Increment();
}

}  // namespace pgweir::admin
