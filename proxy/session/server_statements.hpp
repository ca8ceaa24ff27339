// Which statements one server connection has prepared, the least recently used first in line to go.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>

namespace pgweir::session {

class ServerStatements {
  public:
    explicit ServerStatements(std::size_t limit) noexcept : limit_(limit) {}

    // What is too many goes by evict(), when there is a statement to add.
    void set_limit(std::size_t limit) noexcept { limit_ = limit; }

    enum class Known : std::uint8_t { no, stale, yes };

    // Whether the statement is prepared, and most recently used then. `stale`: the schema has changed since, `epoch` is
    // another; it is to be closed and prepared again, and counts as that.
    [[nodiscard]] Known use(std::uint64_t id, std::uint64_t epoch) {
        const auto found = places_.find(id);
        if (found == places_.end()) return Known::no;
        order_.splice(order_.end(), order_, found->second.place);
        return std::exchange(found->second.epoch, epoch) == epoch ? Known::yes : Known::stale;
    }

    // Room for one more: a statement to close first, for as long as the limit is reached.
    [[nodiscard]] std::optional<std::uint64_t> evict() {
        if (order_.empty() || order_.size() < limit_) return std::nullopt;
        const std::uint64_t id = order_.front();
        remove(id);
        return id;
    }

    void add(std::uint64_t id, std::uint64_t epoch) {
        if (places_.contains(id)) return;
        places_.emplace(id, Entry{order_.insert(order_.end(), id), epoch});
    }

    void remove(std::uint64_t id) {
        const auto found = places_.find(id);
        if (found == places_.end()) return;
        order_.erase(found->second.place);
        places_.erase(found);
    }

    // The server refused to run it as it is.
    void spoil(std::uint64_t id) {
        const auto found = places_.find(id);
        if (found != places_.end()) found->second.epoch = 0;
    }

    void clear() noexcept {
        order_.clear();
        places_.clear();
    }

    [[nodiscard]] std::size_t size() const noexcept { return order_.size(); }

  private:
    struct Entry {
        std::list<std::uint64_t>::iterator place;
        std::uint64_t epoch;
    };

    std::size_t limit_;
    std::list<std::uint64_t> order_;
    std::unordered_map<std::uint64_t, Entry> places_;
};

}  // namespace pgweir::session
