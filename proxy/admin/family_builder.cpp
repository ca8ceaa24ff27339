#include "proxy/admin/family_builder.hpp"

#include <limits>

namespace pgweir::admin {

void add_sample(prometheus::MetricFamily& family, double value, Labels labels) {
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    metric.label = std::move(labels);
    if (family.type == prometheus::MetricType::Counter) {
        metric.counter.value = value;
    } else {
        metric.gauge.value = value;
    }
}

void add_histogram(prometheus::MetricFamily& family, const std::vector<const net::Histogram*>& parts, Labels labels) {
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    metric.label = std::move(labels);
    std::uint64_t cumulative = 0;
    std::uint64_t sum_us = 0;
    for (std::size_t i = 0; i < net::Histogram::kBuckets; ++i) {
        for (const net::Histogram* part : parts) cumulative += part->bucket(i);
        const bool last = i + 1 == net::Histogram::kBuckets;
        // Our bounds are exclusive, Prometheus' inclusive; in whole microseconds the difference is one of them.
        const double bound =
            last ? std::numeric_limits<double>::infinity() : static_cast<double>(net::Histogram::upper_us(i)) / 1e6;
        metric.histogram.bucket.push_back({cumulative, bound});
    }
    for (const net::Histogram* part : parts) sum_us += part->sum_us();
    metric.histogram.sample_count = cumulative;
    metric.histogram.sample_sum = static_cast<double>(sum_us) * kMicrosecond;
}

}  // namespace pgweir::admin
