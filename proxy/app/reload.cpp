#include "proxy/app/reload.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "config/load.hpp"
#include "config/restart.hpp"
#include "proxy/app/logging.hpp"
#include "proxy/session/printable.hpp"

namespace pgweir::app {

namespace {

using config::ChangeKind;
using session::log_value;

void log_change(const config::Change& change) {
    switch (change.kind) {
        case ChangeKind::added: return spdlog::info("event=config_added what={}", log_value(change.key));
        case ChangeKind::removed: return spdlog::info("event=config_removed what={}", log_value(change.key));
        case ChangeKind::changed: break;
    }
    if (change.reloadable) {
        spdlog::info("event=config_changed key={} from={} to={}", log_value(change.key), log_value(change.before),
                     log_value(change.after));
    } else {
        spdlog::warn("event=config_needs_restart key={} running={} configured={}", log_value(change.key),
                     log_value(change.before), log_value(change.after));
    }
}

// A line for each problem.
void log_error(std::string_view problems) {
    while (!problems.empty()) {
        const std::size_t end = std::min(problems.find('\n'), problems.size());
        spdlog::error("event=config_not_reloaded cause={}", log_value(problems.substr(0, end)));
        problems.remove_prefix(std::min(end + 1, problems.size()));
    }
}

}  // namespace

ReloadPlan plan_reload(const std::filesystem::path& file, const net::Settings& running) {
    ReloadPlan plan;
    try {
        config::Config wanted = config::load_file(file);
        plan.changes = config::diff(running.config, wanted);
        plan.settings = std::make_shared<const net::Settings>(config::keep_until_restart(std::move(wanted), running.config), &running);
    } catch (const std::exception& error) {
        plan.error = error.what();
    }
    return plan;
}

void log_changes(const std::vector<config::Change>& changes) { std::ranges::for_each(changes, log_change); }

std::vector<std::string> needing_restart(const std::vector<config::Change>& changes) {
    std::vector<std::string> keys;
    for (const config::Change& change : changes) {
        if (!change.reloadable) keys.push_back(change.key);
    }
    return keys;
}

Reloader::Reloader(boost::asio::io_context& io, std::filesystem::path file,
                   std::function<std::shared_ptr<const net::Settings>()> running, Apply apply)
    : io_(io), file_(std::move(file)), running_(std::move(running)), apply_(std::move(apply)) {
    status_.last_good = std::chrono::system_clock::now();
}

Reloader::~Reloader() { reader_.join(); }

void Reloader::reload(Done done) {
    next_.push_back(std::move(done));
    if (!busy_) begin();
}

void Reloader::begin() {
    busy_ = true;
    waiting_ = std::exchange(next_, {});
    // The work guard: the control thread does not run out of work while a reload is being read.
    boost::asio::post(reader_, [this, running = running_(), guard = boost::asio::make_work_guard(io_)] {
        reopen_log();  // whatever is found wrong: it may have been rotated
        auto plan = std::make_shared<const ReloadPlan>(plan_reload(file_, *running));
        boost::asio::post(io_, [this, plan = std::move(plan)] { finish(*plan); });
    });
}

void Reloader::finish(const ReloadPlan& plan) {
    admin::ReloadResult result{plan.error, {}};
    if (plan.settings) {
        try {
            apply_(plan.settings);
        } catch (const std::exception& error) {
            result.error = error.what();
        }
    }
    if (result.error.empty()) {
        result.needs_restart = needing_restart(plan.changes);
        log_changes(plan.changes);
        ++status_.good;
        status_.last_good = std::chrono::system_clock::now();
        spdlog::info("event=config_reloaded changes={} needs_restart={}", plan.changes.size() - result.needs_restart.size(),
                     result.needs_restart.size());
    } else {
        ++status_.failed;
        log_error(result.error);
    }
    busy_ = false;
    for (const Done& done : std::exchange(waiting_, {})) done(result);
    if (!next_.empty() && !busy_) begin();
}

}  // namespace pgweir::app
