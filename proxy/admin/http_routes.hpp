// What the HTTP server answers, apart from sockets: method and path in, status and body out.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/admin/metrics.hpp"
#include "proxy/admin/sources.hpp"

namespace pgweir::admin {

struct HttpAnswer {
    unsigned status = 200;
    std::string_view content_type = "text/plain; charset=utf-8";
    std::string body;
};

// GET and HEAD of /metrics, /health and /ready. Lives in a shared_ptr: a question to the workers keeps it alive.
class HttpRoutes : public std::enable_shared_from_this<HttpRoutes> {
  public:
    using Done = std::function<void(HttpAnswer)>;

    // `io` and `sources` must outlive the routes.
    HttpRoutes(boost::asio::io_context& io, const Sources& sources);

    // `target` is the request's, query string and all. Calls `done` exactly once, during the call or later on `io`;
    // workers that do not answer within 2 s make /health 503 and leave the pools out of /metrics.
    void answer(std::string_view method, std::string_view target, Done done);

  private:
    void health(const Done& done);
    void ready(const Done& done) const;
    void metrics(const Done& done);

    boost::asio::io_context& io_;
    const Sources& sources_;
    Metrics metrics_;
};

}  // namespace pgweir::admin
