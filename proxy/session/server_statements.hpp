// Which statements one server connection has prepared, the least recently used first in line to go.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

namespace pgweir::session {

class ServerStatements {
  public:
    explicit ServerStatements(std::size_t limit) noexcept : limit_(limit) {}

    // True, and most recently used, if the statement is prepared.
    bool use(std::uint64_t id) {
        const auto found = places_.find(id);
        if (found == places_.end()) return false;
        order_.splice(order_.end(), order_, found->second);
        return true;
    }

    // Room for one more: the statement to close first, if the limit is reached.
    [[nodiscard]] std::optional<std::uint64_t> evict() {
        if (order_.empty() || order_.size() < limit_) return std::nullopt;
        const std::uint64_t id = order_.front();
        remove(id);
        return id;
    }

    void add(std::uint64_t id) { places_.emplace(id, order_.insert(order_.end(), id)); }

    void remove(std::uint64_t id) {
        const auto found = places_.find(id);
        if (found == places_.end()) return;
        order_.erase(found->second);
        places_.erase(found);
    }

    void clear() noexcept {
        order_.clear();
        places_.clear();
    }

    [[nodiscard]] std::size_t size() const noexcept { return order_.size(); }

  private:
    std::size_t limit_;
    std::list<std::uint64_t> order_;
    std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> places_;
};

}  // namespace pgweir::session
