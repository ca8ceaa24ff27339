#include "proxy/cluster/primary_log.hpp"

#include <algorithm>

#include "proxy/cluster/lsn_text.hpp"

namespace pgweir::cluster {

namespace {

// A record with the images of 32 pages, the most that one usually has: so far behind a page's end the one across it may begin.
constexpr std::uint64_t kLongRecord = 33 * kWalPage;

}  // namespace

void PrimaryLog::add(TimePoint before, Lsn inserted, Lsn flushed) {
    inserted_.add(before, inserted);
    add_flushed(before, flushed, flushed != inserted && flushed.value % kWalPage == 0);
}

void PrimaryLog::add_flushed(TimePoint before, Lsn flushed, bool may_be_within_a_record) {
    if (page_end_ && flushed < page_end_->position) page_end_.reset();  // another history
    if (page_end_ && page_end_->position < flushed) {
        replayable_.add(page_end_->before, page_end_->position);  // more has come behind it
        page_end_.reset();
    }
    if (!may_be_within_a_record) {
        page_end_.reset();
        return replayable_.add(before, flushed);
    }
    const bool stands = page_end_.has_value();
    if (!stands) page_end_ = {before, flushed};
    const Lsn least{flushed.value - std::min(flushed.value, kLongRecord)};
    if (replayable_.empty()) return replayable_.add(before, least);
    // Nothing has been sent since, and that all of it can be replayed is not known.
    if (stands) replayable_.add(before, std::max(replayable_.newest_position(), least));
}

void PrimaryLog::clear() noexcept {
    replayable_.clear();
    inserted_.clear();
    page_end_.reset();
}

void PrimaryLog::set_window(std::chrono::microseconds window) noexcept {
    replayable_.set_window(window);
    inserted_.set_window(window);
}

}  // namespace pgweir::cluster
