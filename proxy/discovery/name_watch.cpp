#include "proxy/discovery/name_watch.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "proxy/session/printable.hpp"

namespace pgweir::discovery {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kGap{1};  // between look-ups that somebody asks for

}  // namespace

struct NameWatch::Entry {
    Entry(boost::asio::io_context& io, std::string host) : name(std::move(host)), timer(io) {}

    std::string name;
    std::chrono::milliseconds interval{};
    std::vector<std::string> addresses;
    boost::asio::steady_timer timer;
    Clock::time_point begun{};
    std::uint64_t failed = 0;
    bool good = false;
    bool told = false;    // that it cannot be found
    bool asking = false;
    bool dropped = false;  // nobody watches it any more
};

NameWatch::NameWatch(boost::asio::io_context& io, std::function<void()> news) : io_(io), resolver_(io), news_(std::move(news)) {}

NameWatch::~NameWatch() { stop(); }

void NameWatch::stop() {
    for (const auto& [name, entry] : entries_) {
        entry->dropped = true;
        entry->timer.cancel();
    }
    entries_.clear();
    resolver_.cancel();
}

void NameWatch::watch(const Names& names) {
    std::erase_if(entries_, [&](const auto& one) {
        if (names.contains(one.first)) return false;
        one.second->dropped = true;
        one.second->timer.cancel();
        return true;
    });
    for (const auto& [name, interval] : names) {
        std::shared_ptr<Entry>& entry = entries_[name];
        const bool is_new = !entry;
        if (is_new) entry = std::make_shared<Entry>(io_, name);
        if (std::exchange(entry->interval, interval) == interval && !is_new) continue;
        is_new ? look_up(entry) : wait(entry);
    }
}

void NameWatch::look_up_now(const std::string& name) {
    const auto found = entries_.find(name);
    if (found == entries_.end() || found->second->asking || Clock::now() - found->second->begun < kGap) return;
    look_up(found->second);
}

std::vector<std::string> NameWatch::addresses(const std::string& name) const {
    const auto found = entries_.find(name);
    return found == entries_.end() ? std::vector<std::string>{} : found->second->addresses;
}

NameWatch::Status NameWatch::status(const std::string& name) const {
    const auto found = entries_.find(name);
    return found == entries_.end() ? Status{} : Status{found->second->good, found->second->failed};
}

void NameWatch::look_up(const std::shared_ptr<Entry>& entry) {
    entry->timer.cancel();
    entry->asking = true;
    entry->begun = Clock::now();
    resolver_.async_resolve(entry->name, "", [this, entry](const boost::system::error_code& error, const auto& results) {
        if (entry->dropped) return;  // by stop() at the latest, before this is gone
        std::vector<std::string> addresses;
        for (const auto& result : results) addresses.push_back(result.endpoint().address().to_string());
        entry->asking = false;
        wait(entry);
        found(*entry, error.message(), std::move(addresses));
    });
}

void NameWatch::found(Entry& entry, const std::string& error, std::vector<std::string> addresses) {
    std::ranges::sort(addresses);
    addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
    entry.good = !addresses.empty();
    if (addresses.empty()) {
        ++entry.failed;
        if (std::exchange(entry.told, true)) return;
        return spdlog::warn("event=name_not_found name={} cause={}", session::log_value(entry.name), session::log_value(error));
    }
    entry.told = false;
    if (entry.addresses == addresses) return;
    std::string list;
    for (const std::string& address : addresses) list += (list.empty() ? "" : ",") + address;
    spdlog::info("event=name_found name={} addresses={}", session::log_value(entry.name), list);
    entry.addresses = std::move(addresses);
    news_();
}

void NameWatch::wait(const std::shared_ptr<Entry>& entry) {
    if (entry->asking) return;
    entry->timer.expires_at(std::max(entry->begun + entry->interval, Clock::now()));
    entry->timer.async_wait([this, entry](const boost::system::error_code& error) {
        if (!error && !entry->dropped) look_up(entry);
    });
}

}  // namespace pgweir::discovery
