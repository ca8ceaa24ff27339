// A segment as it was sent, kept while it may have to be sent once more (semantics.md C, "cached plan must not change
// result type"): one Bind of a prepared statement and what belongs to it, or a Describe of one, up to the Sync.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/session/statement_cache.hpp"

namespace pgweir::session {

class Replay {
  public:
    static constexpr std::size_t kMaxBytes = std::size_t{64} << 10;

    // The first request of a segment, outside a transaction, of a statement that was prepared before.
    // Its bytes and those of what is added are the last that are written before save().
    void begin(const StatementRef& statement, std::size_t bytes) {
        statement_ = statement;
        bytes_.clear();
        unsaved_ = bytes;
        requests_ = 1;
        whole_ = false;
        awaits_push_ = true;
    }
    // The next request of the segment; `last`: its Sync.
    void add(std::size_t bytes, bool last) {
        if (requests_ == 0) return;
        if (whole_ || bytes_.size() + unsaved_ + bytes > kMaxBytes) return drop();
        unsaved_ += bytes;
        ++requests_;
        whole_ = last;
        awaits_push_ = true;
    }
    // What was written to the server since the last time, before it is sent.
    void save(std::string_view written) {
        bytes_.append(written.substr(written.size() - std::min(unsaved_, written.size())));
        unsaved_ = 0;
    }
    // A request goes to the queue of answers: one that is not kept here makes the segment another than this.
    void pushed() noexcept {
        if (!std::exchange(awaits_push_, false)) drop();
    }
    void drop() noexcept {
        requests_ = 0;
        statement_ = {};
    }

    [[nodiscard]] bool active() const noexcept { return requests_ > 0; }
    // All of the segment is here, and `pending` answers are owed: none of it has been answered.
    [[nodiscard]] bool untouched(std::size_t pending) const noexcept { return whole_ && requests_ > 0 && pending == requests_; }
    [[nodiscard]] const StatementRef& statement() const noexcept { return statement_; }
    [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }

  private:
    StatementRef statement_;
    std::string bytes_;
    std::size_t unsaved_ = 0;   // bytes at the end of what is written that are not in bytes_ yet
    std::size_t requests_ = 0;  // 0: nothing is kept
    bool whole_ = false;
    bool awaits_push_ = false;  // what was kept last
};

}  // namespace pgweir::session
