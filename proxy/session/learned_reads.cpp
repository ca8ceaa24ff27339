#include "proxy/session/learned_reads.hpp"

#include <utility>

#include "proxy/sql/masked.hpp"

namespace pgweir::session {

namespace {

constexpr std::size_t kOverhead = 200;  // of an entry, roughly, in bytes

std::string key_of(StatementScope scope, std::string_view masked) {
    return std::to_string(static_cast<std::uint32_t>(scope)).append(" ").append(masked);
}

std::size_t size_of(const LearnedReads::Entry& entry) noexcept { return 2 * entry.text.size() + kOverhead; }

}  // namespace

bool LearnedReads::knows(StatementScope scope, std::string_view text, bool standard_strings) {
    if (empty()) return false;
    const auto found = places_.find(key_of(scope, sql::masked(text, standard_strings)));
    if (found == places_.end()) return false;
    ++found->second->uses;
    entries_.splice(entries_.begin(), entries_, found->second);
    return true;
}

void LearnedReads::learn(StatementScope scope, std::string_view text, bool standard_strings) {
    std::string masked = sql::masked(text, standard_strings);
    std::string key = key_of(scope, masked);
    const auto found = places_.find(key);
    if (found != places_.end()) {
        ++found->second->refusals;
        return;
    }
    Entry entry{scope, std::move(masked), 1, 0};
    const std::size_t size = size_of(entry);
    if (size > max_bytes_) return;
    make_room(size);
    bytes_ += size;
    entries_.push_front(std::move(entry));
    places_.emplace(std::move(key), entries_.begin());
}

void LearnedReads::make_room(std::size_t size) noexcept {
    while (!entries_.empty() && bytes_ + size > max_bytes_) {
        bytes_ -= size_of(entries_.back());
        places_.erase(key_of(entries_.back().scope, entries_.back().text));
        entries_.pop_back();
    }
}

void LearnedReads::set_limit(std::size_t max_bytes) noexcept {
    max_bytes_ = max_bytes;
    make_room(0);
}

void LearnedReads::forget() noexcept {
    entries_.clear();
    places_.clear();
    bytes_ = 0;
}

}  // namespace pgweir::session
