// Short ways to write prometheus' structures.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/admin/utf8.hpp"
#include "proxy/net/stats.hpp"

namespace pgweir::admin {

using Labels = std::vector<prometheus::ClientMetric::Label>;

inline constexpr double kMicrosecond = 1e-6;  // in seconds, the unit of every metric

// A label's value may be a client's bytes.
[[nodiscard]] inline prometheus::ClientMetric::Label label(std::string_view name, std::string_view value) {
    return {std::string(name), as_utf8(value)};
}

[[nodiscard]] inline prometheus::MetricFamily counter_family(std::string_view name, std::string_view help) {
    return {std::string(name), std::string(help), prometheus::MetricType::Counter, {}};
}

[[nodiscard]] inline prometheus::MetricFamily gauge_family(std::string_view name, std::string_view help) {
    return {std::string(name), std::string(help), prometheus::MetricType::Gauge, {}};
}

// Adds a sample to a counter or gauge.
void add_sample(prometheus::MetricFamily& family, double value, Labels labels = {});

// Adds the sum of the workers' histograms: cumulative buckets with their upper bounds in seconds, the last +Inf.
void add_histogram(prometheus::MetricFamily& family, const std::vector<const net::Histogram*>& parts,
                   Labels labels = {});

}  // namespace pgweir::admin
