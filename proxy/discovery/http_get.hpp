// One HTTP GET of a whole body, with or without TLS, within one time limit.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "config/url.hpp"

namespace pgweir::discovery {

struct HttpAnswer {
    std::string body;
    std::string error;  // empty: the status was 200
};

struct HttpRequest {
    config::Url url;
    std::string target;                      // behind the URL's path: "/cluster"
    std::chrono::milliseconds timeout{};     // of everything, from the look-up of the host to the end of the body
    std::size_t max_body = 0;                // bytes
    // For https; whoever answers must show a certificate of the host's that the context trusts.
    std::shared_ptr<boost::asio::ssl::context> tls;
};

// `done` is called once, on `io`'s thread, later.
void http_get(boost::asio::io_context& io, HttpRequest request, std::function<void(HttpAnswer)> done);

}  // namespace pgweir::discovery
