#include "proxy/net/listener.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/ip/tcp.hpp>
#include <stdexcept>
#include <string>
#include <system_error>

#include "proxy/net/worker.hpp"

namespace pgweir::net {

void Listener::start() {
    const std::string& address = shared_.settings->config.proxy.listen_addr;
    if (address == "*") {
        listen("0.0.0.0");
        try {
            listen("::");
        } catch (const std::runtime_error& error) {
            spdlog::warn("event=no_ipv6 cause=\"{}\"", error.what());
        }
    } else {
        listen(address);
    }
    for (Worker* worker : shared_.workers) worker->listen(sockets_);
}

void Listener::listen(const std::string& address) {
    const config::Config& config = shared_.settings->config;
    const boost::asio::ip::tcp::endpoint at{boost::asio::ip::make_address(address), config.proxy.listen_port};
    try {
        sockets_.push_back(std::make_shared<const ListeningSocket>(at, config.tcp));
    } catch (const std::system_error& error) {
        throw std::runtime_error("cannot listen on " + at.address().to_string() + " port " + std::to_string(at.port()) +
                                 ": " + error.code().message());
    }
}

void Listener::reload() noexcept {
    for (const auto& socket : sockets_) socket->set_options(shared_.settings->config.tcp);
}

void Listener::stop() {
    for (const auto& socket : sockets_) socket->refuse();
    sockets_.clear();
    for (Worker* worker : shared_.workers) worker->listen({});
}

}  // namespace pgweir::net
