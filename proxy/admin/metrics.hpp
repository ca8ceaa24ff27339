// Every metric of the process in Prometheus' text form (docs/metrics.md names them all).
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/registry.h>

#include <optional>
#include <string>
#include <string_view>

#include "proxy/admin/sources.hpp"

namespace pgweir::admin {

// Sums the workers' counters and reads the snapshots at each Collect(): the data path takes no lock for it.
class Collector : public prometheus::Collectable {
  public:
    explicit Collector(const Sources& sources) : sources_(sources) {}

    // The workers' rows for the next Collect(); none: the families of pools stay empty.
    void set_inspection(std::optional<net::Inspection> inspection) { inspection_ = std::move(inspection); }
    [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

  private:
    const Sources& sources_;
    std::optional<net::Inspection> inspection_;
};

// Control thread only.
class Metrics {
  public:
    explicit Metrics(const Sources& sources);

    // One scrape. Pools come from `inspection`.
    [[nodiscard]] std::string text(std::optional<net::Inspection> inspection);
    // Counts an answer of our own HTTP server; `path` is one of the served paths or "other".
    void count_http(std::string_view path, unsigned status);

  private:
    prometheus::Registry registry_;  // what the administration itself counts
    prometheus::Family<prometheus::Counter>& http_requests_;
    Collector collector_;
};

}  // namespace pgweir::admin
