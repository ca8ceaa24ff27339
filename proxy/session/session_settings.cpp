#include "proxy/session/session_settings.hpp"

#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"

namespace pgweir::session {

std::string SessionSettings::answer(const sql::Statement& judged, bool in_block, const LocalSettings& start) {
    const bool local = judged.local == sql::Local::set_local || judged.local == sql::Local::reset_local;
    if (!in_block && local) {  // lasts for nothing
        std::string out;
        protocol::append_notice(out, "WARNING", protocol::sqlstate::kNoActiveSqlTransaction,
                                "SET LOCAL can only be used in transaction blocks");
        LocalSettings unused = now_;
        std::string answer = answer_local_setting(judged, unused, start);
        return answer.starts_with('E') ? answer : out + answer;
    }
    if (!in_block || judged.local == sql::Local::show) return answer_local_setting(judged, now_, start);
    if (!block_) block_ = std::make_unique<Block>(Block{now_, now_});
    if (!local) (void)answer_local_setting(judged, block_->committed, start);
    return answer_local_setting(judged, now_, start);
}

void SessionSettings::committed() noexcept {
    if (!block_) return;
    now_ = block_->committed;
    block_.reset();
}

void SessionSettings::transaction_over() noexcept {
    if (!block_) return;
    now_ = block_->before;
    block_.reset();
}

void SessionSettings::reset(const LocalSettings& start) noexcept {
    now_ = start;
    block_.reset();
}

}  // namespace pgweir::session
