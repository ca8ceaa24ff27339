// The members of a cluster as Patroni's REST API lists them, asked for again and again. On the control thread; nothing blocks.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "proxy/discovery/http_get.hpp"
#include "proxy/discovery/patroni_members.hpp"

namespace pgweir::discovery {

class PatroniSource : public std::enable_shared_from_this<PatroniSource> {
  public:
    // `news` is called when the members are others than before.
    PatroniSource(boost::asio::io_context& io, config::Discovery settings, std::function<void()> news);
    PatroniSource(const PatroniSource&) = delete;
    PatroniSource& operator=(const PatroniSource&) = delete;

    void start();
    // Nothing is called afterwards.
    void stop();

    // The last ones that an answer listed; none until there was one.
    [[nodiscard]] const std::vector<PatroniMember>& members() const noexcept { return members_; }
    // What another source of the same name knew: it counts until there is an answer.
    void begin_with(std::vector<PatroniMember> members) { members_ = std::move(members); }
    [[nodiscard]] bool answers() const noexcept { return answers_; }
    [[nodiscard]] std::uint64_t failed() const noexcept { return failed_; }  // rounds in which no URL answered
    [[nodiscard]] const config::Discovery& settings() const noexcept { return settings_; }

  private:
    void ask();
    void answered(const HttpAnswer& http);
    void round_failed(const std::string& error);
    void wait();

    boost::asio::io_context& io_;
    config::Discovery settings_;
    std::function<void()> news_;
    std::shared_ptr<boost::asio::ssl::context> tls_;
    boost::asio::steady_timer timer_;
    std::vector<PatroniMember> members_;
    std::size_t url_ = 0;    // that is asked first: the one that answered last
    std::size_t tried_ = 0;  // in this round
    std::uint64_t failed_ = 0;
    bool answers_ = false;
    bool told_ = false;  // that nothing answers
    bool stopped_ = false;
};

}  // namespace pgweir::discovery
