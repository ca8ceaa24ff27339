// pgweir's own settings of one session: what counts now, and what a transaction has changed of it.
#pragma once

#include <memory>
#include <string>

#include "proxy/session/local_settings.hpp"

namespace pgweir::session {

// As PostgreSQL's settings: SET is taken back with its transaction, SET LOCAL ends with it (savepoints take nothing back).
class SessionSettings {
  public:
    explicit SessionSettings(const LocalSettings& start) : start_(start), now_(start) {}

    [[nodiscard]] const LocalSettings& now() const noexcept { return now_; }
    // As answer_local_setting(). `in_block`: a transaction block is open.
    [[nodiscard]] std::string answer(const sql::Statement& judged, bool in_block);
    void committed() noexcept;
    // No transaction is open any more; what was not committed is taken back.
    void transaction_over() noexcept;
    void reset() noexcept;  // to the session's start

  private:
    struct Block {
        LocalSettings before, committed;
    };

    LocalSettings start_, now_;
    std::unique_ptr<Block> block_;  // of a transaction that has changed something
};

}  // namespace pgweir::session
