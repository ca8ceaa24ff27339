#include "proxy/net/slow_statement.hpp"

#include <spdlog/fmt/fmt.h>

#include <iterator>

#include "proxy/session/printable.hpp"

namespace pgweir::net {

namespace {

// Milliseconds, to the microsecond.
[[nodiscard]] double ms(std::chrono::microseconds time) noexcept {
    return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

std::string slow_line(const SlowStatement& slow, const session::SegmentText& text) {
    using session::log_value;
    std::string line;
    const auto out = std::back_inserter(line);
    fmt::format_to(out, "event=slow_statement duration_ms={:.3f} wait_ms={:.3f} id={} user={} database={} addr={}:{}", ms(slow.took),
                   ms(slow.waited), slow.client, log_value(slow.user), log_value(slow.database), slow.address, slow.port);
    if (!slow.application_name.empty()) fmt::format_to(out, " application_name={}", log_value(slow.application_name));
    fmt::format_to(out, " server={} target={} reason={} rows={}", slow.server, routing::name(slow.route.target),
                   sql::name(slow.route.reason), text.rows());
    if (text.count() > 1) fmt::format_to(out, " statements={}", text.count());
    if (!text.sqlstate().empty()) fmt::format_to(out, " sqlstate={}", text.sqlstate());
    fmt::format_to(out, " statement={}", log_value(text.shown(), session::SegmentText::kShown));
    return line;
}

}  // namespace pgweir::net
