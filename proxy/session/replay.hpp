// A segment as it was sent, kept while it may have to be sent once more (semantics.md C, "cached plan must not change
// result type"): one Bind of a prepared statement and what belongs to it, or a Describe of one, up to the Sync.
#pragma once

#include <string>
#include <utility>

#include "protocol/bytes.hpp"
#include "proxy/session/statement_cache.hpp"

namespace pgweir::session {

class Replay {
  public:
    static constexpr std::size_t kMaxBytes = std::size_t{64} << 10;

    // The first request of a segment, outside a transaction, of a statement that was prepared before.
    void begin(StatementRef statement, std::string_view message) {
        statement_ = std::move(statement);
        bytes_.assign(message);
        requests_ = 1;
        whole_ = false;
        awaits_push_ = true;
    }
    // The next request of the segment; `last`: its Sync.
    void add(Bytes message, bool last) {
        if (requests_ == 0) return;
        if (whole_ || bytes_.size() + message.size() > kMaxBytes) return drop();
        bytes_.append(as_text(message));
        ++requests_;
        whole_ = last;
        awaits_push_ = true;
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
    std::size_t requests_ = 0;  // 0: nothing is kept
    bool whole_ = false;
    bool awaits_push_ = false;  // what was kept last
};

}  // namespace pgweir::session
