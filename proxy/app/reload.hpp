// Reading the configuration again: the file, what is made of it, and the log lines and answers that say so. Everything that
// may take long (files, passwords' verifiers) happens on a thread of its own; nothing is changed there.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/diff.hpp"
#include "proxy/admin/reload_status.hpp"
#include "proxy/net/settings.hpp"

namespace pgweir::app {

// What a reload comes to.
struct ReloadPlan {
    std::shared_ptr<const net::Settings> settings;  // null: nothing changes, and `error` says why
    std::vector<config::Change> changes;            // from what is running to what the file says
    std::string error;
};

// Never throws: what is wrong with the file, or with one that it names, is the plan's error.
[[nodiscard]] ReloadPlan plan_reload(const std::filesystem::path& file, const net::Settings& running);

// One log line for each change; for one that needs a restart, a warning.
void log_changes(const std::vector<config::Change>& changes);
// The keys among them that need a restart.
[[nodiscard]] std::vector<std::string> needing_restart(const std::vector<config::Change>& changes);

// One reload at a time, on the control thread.
class Reloader {
  public:
    using Apply = std::function<void(std::shared_ptr<const net::Settings>)>;
    using Done = std::function<void(const admin::ReloadResult&)>;

    // `running` is asked for the settings in force; `apply` puts others in force. Both on `io`'s thread.
    Reloader(boost::asio::io_context& io, std::filesystem::path file,
             std::function<std::shared_ptr<const net::Settings>()> running, Apply apply);
    ~Reloader();  // waits for the one that is being read
    Reloader(const Reloader&) = delete;
    Reloader& operator=(const Reloader&) = delete;

    // Reads the file and applies it. While that happens, further ones are put together into one more. `done` is called on
    // `io`'s thread, unless that stops before.
    void reload(Done done);
    [[nodiscard]] const admin::ReloadStatus& status() const noexcept { return status_; }

  private:
    void begin();
    void finish(const ReloadPlan& plan);

    boost::asio::io_context& io_;
    std::filesystem::path file_;
    std::function<std::shared_ptr<const net::Settings>()> running_;
    Apply apply_;
    admin::ReloadStatus status_;
    bool busy_ = false;
    std::vector<Done> waiting_;  // for the one that is being read
    std::vector<Done> next_;
    boost::asio::thread_pool reader_{1};
};

}  // namespace pgweir::app
