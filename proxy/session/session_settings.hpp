// pgweir's own settings of one session: what counts now, and what a transaction has changed of it.
#pragma once

#include <memory>
#include <string>

#include "proxy/session/local_settings.hpp"

namespace pgweir::session {

// As PostgreSQL's settings: SET is taken back with its transaction, SET LOCAL ends with it (savepoints take nothing back).
class SessionSettings {
  public:
    explicit SessionSettings(const LocalSettings& start) : now_(start) {}

    [[nodiscard]] const LocalSettings& now() const noexcept { return now_; }
    // As answer_local_setting(). `in_block`: a transaction block is open. `start`: what the session began with.
    [[nodiscard]] std::string answer(const sql::Statement& judged, bool in_block, const LocalSettings& start);
    void committed() noexcept;
    // No transaction is open any more; what was not committed is taken back.
    void transaction_over() noexcept;
    void reset(const LocalSettings& start) noexcept;

  private:
    struct Block {
        LocalSettings before, committed;
    };

    LocalSettings now_;
    std::unique_ptr<Block> block_;  // of a transaction that has changed something
};

}  // namespace pgweir::session
