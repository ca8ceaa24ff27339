// A bounded queue that takes its sources in turn, one item of each: whoever puts in much waits behind himself only.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pgweir::monitor {

template <typename Item>
class FairQueue {
  public:
    // `limit`: items, at least 1.
    explicit FairQueue(std::size_t limit) : limit_(limit) {}

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    // Behind the source's other items. Returns what was pushed out when the queue was full: the last item of the source that
    // has most of them, be it this one.
    [[nodiscard]] std::optional<Item> push(const std::string& source, Item item) {
        auto found = by_name_.find(source);
        if (found == by_name_.end()) {
            turns_.push_back({source, {}});
            found = by_name_.emplace(source, std::prev(turns_.end())).first;
        }
        found->second->items.push_back(std::move(item));
        if (++size_ <= limit_) return std::nullopt;
        return drop_of_longest();
    }

    // The next in turn; only when not empty.
    [[nodiscard]] Item pop() {
        Source& source = turns_.front();
        Item item = std::move(source.items.front());
        source.items.pop_front();
        --size_;
        if (source.items.empty()) {
            forget(turns_.begin());
        } else {
            turns_.splice(turns_.end(), turns_, turns_.begin());
        }
        return item;
    }

    // Everything that `over` holds of, out of its turn.
    template <typename Predicate>
    [[nodiscard]] std::vector<Item> take_if(Predicate over) {
        std::vector<Item> taken;
        for (auto source = turns_.begin(); source != turns_.end();) {
            std::erase_if(source->items, [&](Item& item) {
                if (!over(item)) return false;
                taken.push_back(std::move(item));
                return true;
            });
            const auto next = std::next(source);
            if (source->items.empty()) forget(source);
            source = next;
        }
        size_ -= taken.size();
        return taken;
    }

  private:
    struct Source {
        std::string name;
        std::deque<Item> items;  // never empty between calls
    };
    using Turn = typename std::list<Source>::iterator;

    [[nodiscard]] Item drop_of_longest() {
        Turn longest = turns_.begin();
        for (Turn source = turns_.begin(); source != turns_.end(); ++source) {
            if (source->items.size() > longest->items.size()) longest = source;
        }
        Item item = std::move(longest->items.back());
        longest->items.pop_back();
        --size_;
        if (longest->items.empty()) forget(longest);
        return item;
    }

    void forget(Turn source) {
        by_name_.erase(source->name);
        turns_.erase(source);
    }

    std::size_t limit_, size_ = 0;
    std::list<Source> turns_;  // the first is next
    std::unordered_map<std::string, Turn> by_name_;
};

}  // namespace pgweir::monitor
