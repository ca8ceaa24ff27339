#include "proxy/discovery/patroni_source.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "proxy/session/printable.hpp"

namespace pgweir::discovery {

PatroniSource::PatroniSource(boost::asio::io_context& io, config::Discovery settings, std::function<void()> news)
    : io_(io), settings_(std::move(settings)), news_(std::move(news)), timer_(io) {
    tls_ = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_client);
    tls_->set_verify_mode(boost::asio::ssl::verify_peer);
}

void PatroniSource::start() { ask(); }

void PatroniSource::stop() {
    stopped_ = true;
    timer_.cancel();
}

// The file is read each time: it may have been replaced.
void PatroniSource::ask() {
    const std::string& url = settings_.urls[(url_ + tried_) % settings_.urls.size()];
    HttpRequest request{.url = config::parse_url(url).value_or(config::Url{}),
                        .target = "/cluster",
                        .timeout = settings_.timeout,
                        .max_body = kMaxClusterAnswer,
                        .tls = tls_};
    boost::system::error_code error;
    if (request.url.tls && settings_.ca_file.empty()) tls_->set_default_verify_paths(error);
    if (request.url.tls && !settings_.ca_file.empty()) tls_->load_verify_file(settings_.ca_file, error);
    if (error) return answered({{}, settings_.ca_file + ": " + error.message()});
    http_get(io_, std::move(request), [self = shared_from_this()](const HttpAnswer& answer) {
        if (!self->stopped_) self->answered(answer);
    });
}

void PatroniSource::answered(const HttpAnswer& http) {
    PatroniAnswer answer = http.error.empty() ? read_patroni_members(http.body) : PatroniAnswer{{}, http.error};
    if (!answer.error.empty()) return round_failed(answer.error);
    url_ = (url_ + tried_) % settings_.urls.size();
    tried_ = 0;
    answers_ = true;
    if (std::exchange(told_, false)) spdlog::info("event=discovery_answers discovery={}", session::log_value(settings_.name));
    wait();
    if (std::exchange(members_, answer.members) != answer.members) news_();
}

// Of one URL; the round itself when it was the last one. What was known stays.
void PatroniSource::round_failed(const std::string& error) {
    spdlog::debug("event=discovery_failed discovery={} url={} cause={}", session::log_value(settings_.name),
                  session::log_value(settings_.urls[(url_ + tried_) % settings_.urls.size()]), session::log_value(error));
    if (++tried_ < settings_.urls.size()) return ask();
    tried_ = 0;
    answers_ = false;
    ++failed_;
    if (!std::exchange(told_, true)) {
        spdlog::warn("event=discovery_silent discovery={} members={} cause={}", session::log_value(settings_.name), members_.size(),
                     session::log_value(error));
    }
    wait();
}

void PatroniSource::wait() {
    timer_.expires_after(settings_.interval);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error && !self->stopped_) self->ask();
    });
}

}  // namespace pgweir::discovery
