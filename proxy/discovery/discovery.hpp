// Who the servers are: the configured ones, those that [[discovery]] finds, and where their names lead. On the control thread;
// nothing blocks.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "proxy/cluster/member.hpp"
#include "proxy/discovery/name_watch.hpp"
#include "proxy/discovery/patroni_source.hpp"
#include "proxy/discovery/status.hpp"

namespace pgweir::discovery {

class Discovery {
  public:
    // `config` is the one in force: a reload replaces its contents and calls reload(). `news`: members() are others than before.
    Discovery(boost::asio::io_context& io, const config::Config& config, std::function<void()> news);
    ~Discovery();  // as stop()
    Discovery(const Discovery&) = delete;
    Discovery& operator=(const Discovery&) = delete;

    // Once before `io` runs, and after each reload. Calls nothing.
    void reload();
    void stop();

    // The servers of all clusters. A name that has not been found yet is a member without addresses.
    [[nodiscard]] std::vector<cluster::Member> members() const;
    // A connection to this host failed: if it is a name, it may lead elsewhere now.
    void look_up_now(const std::string& host) { names_.look_up_now(host); }
    [[nodiscard]] std::vector<Status> status() const;

  private:
    void on_news();
    void watch_names();
    [[nodiscard]] std::vector<cluster::Member> found_by(const config::Discovery& discovery) const;
    [[nodiscard]] std::vector<cluster::Member> found() const;

    boost::asio::io_context& io_;
    const config::Config& config_;
    std::function<void()> news_;
    NameWatch names_;
    std::map<std::string, std::shared_ptr<PatroniSource>> sources_;  // by the name of their [[discovery]]
};

}  // namespace pgweir::discovery
