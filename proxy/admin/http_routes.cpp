#include "proxy/admin/http_routes.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>

#include "proxy/admin/ask_workers.hpp"
#include "proxy/admin/health.hpp"

namespace pgweir::admin {

namespace {

constexpr std::chrono::seconds kWorkersLimit{2};
constexpr std::array<std::string_view, 3> kPaths = {"/metrics", "/health", "/ready"};

HttpAnswer json(unsigned status, const boost::json::object& body) {
    return {status, "application/json", boost::json::serialize(body) + "\n"};
}

HttpAnswer unavailable(std::string_view status, const std::string& reason) {
    return json(503, {{"status", status}, {"reason", reason}});
}

}  // namespace

HttpRoutes::HttpRoutes(boost::asio::io_context& io, const Sources& sources)
    : io_(io), sources_(sources), metrics_(sources) {}

void HttpRoutes::answer(std::string_view method, std::string_view target, Done done) {
    const std::string_view path = target.substr(0, target.find('?'));
    const auto known = std::ranges::find(kPaths, path);
    const std::string_view counted = known == kPaths.end() ? "other" : *known;  // never a client's text in a label
    const Done counting = [self = shared_from_this(), counted, done = std::move(done)](HttpAnswer answer) {
        self->metrics_.count_http(counted, answer.status);
        done(std::move(answer));
    };
    if (known == kPaths.end()) return counting({404, "text/plain; charset=utf-8", "not found\n"});
    if (method != "GET" && method != "HEAD") {
        return counting({405, "text/plain; charset=utf-8", "only GET and HEAD are allowed\n"});
    }
    if (path == "/health") return health(counting);
    if (path == "/ready") return ready(counting);
    metrics(counting);
}

void HttpRoutes::health(const Done& done) {
    if (const auto reason = why_unhealthy(sources_)) return done(unavailable("unhealthy", *reason));
    ping_within(io_, sources_, kWorkersLimit, [self = shared_from_this(), done](bool answered) {
        if (!answered) return done(unavailable("unhealthy", "the workers do not answer"));
        const auto uptime = std::chrono::steady_clock::now() - self->sources_.started;
        done(json(200,
                  {{"status", "ok"}, {"uptime", std::chrono::duration_cast<std::chrono::seconds>(uptime).count()}}));
    });
}

void HttpRoutes::ready(const Done& done) const {
    if (const auto reason = why_not_ready(sources_)) return done(unavailable("not ready", *reason));
    done(json(200, {{"status", "ready"}}));
}

void HttpRoutes::metrics(const Done& done) {
    inspect_within(io_, sources_, kWorkersLimit,
                   [self = shared_from_this(), done](std::optional<net::Inspection> rows) {
                       done({200, "text/plain; version=0.0.4; charset=utf-8", self->metrics_.text(std::move(rows))});
                   });
}

}  // namespace pgweir::admin
